"""Hold-n as one writes it first, with transformers: the peer of `benchmarks.chunk_compute`.

At every chunk SimulEval's list becomes an array, features are computed of all audio so far padded to 30 s,
and `generate` starts from the encoder. What must be equal for a fair comparison is taken from our own code:
weights, prompt, suppressed tokens, limits and the whole-word rule.
"""

import re
from typing import Any

import numpy as np
import torch
from simuleval.agents import SpeechToTextAgent
from simuleval.agents.actions import Action, WriteAction
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from models.decoding.options import SearchOptions
from models.decoding.units import complete_units
from models.sound.audio import SAMPLE_RATE
from models.storage.locate import locate_model
from models.translator import PRECISIONS, Translator
from models.whisper.checkpoint import HUGGINGFACE_NAMES, HUGGINGFACE_SIZES, load_whisper_checkpoint

PLAIN = "transformers"  # its name in tables


class PlainHoldNAgent(SpeechToTextAgent):
    """Hold-n as it is written first: at every chunk everything is computed anew, in a window of 30 s."""

    def __init__(
        self,
        model: WhisperForConditionalGeneration,
        ours: Translator,
        search: SearchOptions,
        held_tokens: int,
    ) -> None:
        self.model, self.search, self.held_tokens = model, search, held_tokens
        self.tokenizer, self.maximum_tokens = ours.tokenizer, ours.maximum_tokens
        self.extractor = WhisperFeatureExtractor(feature_size=model.config.num_mel_bins)
        self.prompt = self.tokenizer.prompt("en", "en")
        self.end = self.tokenizer.end_of_sequence
        self.units_started = self.tokenizer.units_started(False)
        self.suppressed = torch.zeros(self.tokenizer.vocabulary_size, dtype=torch.bool)
        self.suppressed[self.tokenizer.suppressed] = True
        self.first_suppressed = self.suppressed | (self.units_started == 0)
        self.first_suppressed[self.end] = False
        super().__init__()

    def reset(self) -> None:
        super().reset()
        self.committed: list[int] = []
        self.shown = ""

    def policy(self, states: Any = None) -> Action:
        tokens = self.generate(self.features())
        if not self.states.source_finished:
            count = max(0, len(tokens) - self.held_tokens)
            next_token = (*tokens, self.end)[count]
            tokens = tokens[: complete_units(tokens[:count], next_token, self.units_started)]
        self.committed += tokens
        text = self.tokenizer.decode(self.committed)
        new_text, self.shown = text[len(self.shown) :], text
        return WriteAction(new_text, finished=self.states.source_finished)

    def features(self) -> torch.Tensor:
        """(1, mels, 3000)"""
        samples = np.array(self.states.source, dtype=np.float32)
        features = self.extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
        return features.to(self.model.dtype)

    def generate(self, features: torch.Tensor) -> list[int]:
        """New tokens behind the committed ones."""
        prefix = [*self.prompt, *self.committed]
        heard_ms = 1000 * len(self.states.source) / SAMPLE_RATE
        limit = self.search.token_limit(heard_ms, len(self.committed), self.states.source_finished)
        limit = min(limit, self.maximum_tokens - len(prefix))
        if limit == 0:
            return []

        def suppress(tokens: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            first = self.committed and tokens.shape[1] == len(prefix)
            return scores.masked_fill(self.first_suppressed if first else self.suppressed, -torch.inf)

        written = self.model.generate(
            features,
            decoder_input_ids=torch.tensor([prefix]),
            max_new_tokens=limit,
            num_beams=self.search.beam,
            early_stopping=self.search.beam > 1,
            no_repeat_ngram_size=self.search.blocked_ngram,
            logits_processor=[suppress],
            force_unique_generate_call=True,
        )[0].tolist()[len(prefix) :]
        return written[: written.index(self.end)] if self.end in written else written


def plain_model(name: str, precision: str, end: int, start: int) -> WhisperForConditionalGeneration:
    """Transformers' Whisper with the weights that our agent loads, whatever their format on disk."""
    checkpoint = load_whisper_checkpoint(locate_model(name))
    sizes = {key: getattr(checkpoint.dimensions, ours) for ours, key in HUGGINGFACE_SIZES.items()}
    width = 4 * checkpoint.dimensions.n_text_state
    config = WhisperConfig(**sizes, encoder_ffn_dim=width, decoder_ffn_dim=width, pad_token_id=end)
    model = WhisperForConditionalGeneration(config)
    for key, weight in model.model.state_dict().items():
        for pattern, replacement in HUGGINGFACE_NAMES:
            key = re.sub(pattern, replacement, key)
        weight.copy_(checkpoint.weights[key])
    model.generation_config = GenerationConfig(
        eos_token_id=end, pad_token_id=end, bos_token_id=end, decoder_start_token_id=start
    )
    return model.to(PRECISIONS[precision]).eval()
