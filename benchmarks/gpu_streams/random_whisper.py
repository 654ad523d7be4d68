"""A Whisper of any size with random weights, and a tokenizer without a file: speed asks for no sense."""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.translator import TranslatorOptions
from models.whisper.network import Whisper, WhisperDimensions
from models.whisper.translator import WhisperTranslator

SHAPES = {
    "large-v3": WhisperDimensions(128, 1500, 1280, 20, 32, 51866, 448, 1280, 20, 32),
    "large-v3-turbo": WhisperDimensions(128, 1500, 1280, 20, 32, 51866, 448, 1280, 20, 4),
    "base": WhisperDimensions(80, 1500, 512, 8, 6, 51865, 448, 512, 8, 6),
    "tiny": WhisperDimensions(80, 1500, 384, 6, 4, 51865, 448, 384, 6, 4),
    "toy": WhisperDimensions(80, 400, 32, 2, 2, 300, 448, 32, 2, 2),  # for a first look, and for tests
}
PROMPT = [1, 2, 3, 4]  # as long as Whisper's


class NumberTokenizer:
    """Every token is a word; the last one ends."""

    suppressed: Sequence[int] = ()

    def __init__(self, vocabulary_size: int) -> None:
        self.vocabulary_size = vocabulary_size
        self.end_of_sequence = vocabulary_size - 1

    def language_code(self, language: str) -> str:
        return language

    def prompt(self, source_language: str, target_language: str) -> list[int]:
        return list(PROMPT)

    def context_prompt(self, context: Sequence[int]) -> list[int]:
        return []

    def decode(self, tokens: Sequence[int]) -> str:
        return " ".join(str(token) for token in tokens if token != self.end_of_sequence)

    def units_started(self, character_units: bool) -> Tensor:
        started = torch.ones(self.vocabulary_size, dtype=torch.int64)
        started[self.end_of_sequence] = 0
        return started


def random_whisper(shape: str, options: TranslatorOptions) -> WhisperTranslator:
    """A Whisper of a shape of SHAPES, made where it runs."""
    dimensions = SHAPES[shape]
    torch.manual_seed(0)
    with options.torch_device():
        model = Whisper(dimensions)
        # As the embedding is the output layer, a larger one would repeat each token for ever.
        for table in (model.decoder.token_embedding.weight, model.decoder.positional_embedding):
            torch.nn.init.normal_(table, std=dimensions.n_text_state**-0.5)
    return WhisperTranslator(model, NumberTokenizer(dimensions.n_vocab), options)
