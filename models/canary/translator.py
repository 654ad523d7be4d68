"""Canary behind the Translator interface, so that every policy runs on it: 25 languages from and into
English."""

from collections.abc import Sequence
from pathlib import Path

import torch

from foundation.errors import InputError
from models.canary.checkpoint import load_canary
from models.canary.features import CanaryStream
from models.canary.network import Canary
from models.canary.tokenizer import CanaryTokenizer
from models.canary.whole_encoder import WholeEncoder
from models.speech_translator import SpeechTranslator
from models.translator import TranslatorOptions
from models.whisper.hearing import Hearing


class CanaryTranslator(SpeechTranslator):
    """Canary of any size. It hears no silence behind the audio unless it is asked for."""

    usual_hearing = Hearing()

    def __init__(
        self,
        model: Canary,
        tokenizer: CanaryTokenizer,
        options: TranslatorOptions,
        alignment_heads: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        """Raises InputError for an option that Canary's encoder knows nothing of."""
        for name in ("dense_silence_ms", "silence_stride", "frozen_after_s"):
            if getattr(options, name) is not None:
                raise InputError(
                    f"{name} is an option of Whisper and REINA, and Canary encodes all of its audio at each "
                    "chunk: leave it out"
                )
        super().__init__(model, tokenizer, options, alignment_heads)

    def new_encoder(self, dtype: torch.dtype, decoder_dtype: torch.dtype) -> WholeEncoder:
        return WholeEncoder(self.model, self.silence_ms, self.device, dtype, decoder_dtype)

    def open_stream(self, whole: bool = False) -> CanaryStream:
        return CanaryStream(self.model.dimensions.n_mels)


def load_canary_translator(path: Path, options: TranslatorOptions) -> CanaryTranslator:
    """Load a model folder (`models.canary.checkpoint`). Raises InputError if it cannot be used."""
    checkpoint = load_canary(path, options.punctuation)
    return CanaryTranslator(checkpoint.model, checkpoint.tokenizer, options, checkpoint.alignment_heads)
