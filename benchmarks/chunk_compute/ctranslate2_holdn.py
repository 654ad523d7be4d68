"""Hold-n with CTranslate2, the library behind faster-whisper: the same weights, converted, as the peer.

Two things differ from the other peers, as the library knows no other way: the committed text is forced token
by token, each a decoding step, and a chunk's first token may go on with the last word. It computes in a
thread of its own, so that only the time of the whole process says what it costs.
"""

import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from transformers import WhisperForConditionalGeneration

from benchmarks.chunk_compute.parts import Watched
from benchmarks.chunk_compute.plain_holdn import PlainHoldNAgent
from models.whisper.tokenizer import WhisperTokenizer


def has_ctranslate2() -> bool:
    return importlib.util.find_spec("ctranslate2") is not None


class ConvertedWhisper:
    """A Whisper of transformers in CTranslate2's format, loaded as often as asked for."""

    def __init__(self, model: WhisperForConditionalGeneration, tokenizer: WhisperTokenizer) -> None:
        from ctranslate2.converters import TransformersConverter

        self._folder = tempfile.TemporaryDirectory()
        plain, converted = Path(self._folder.name, "plain"), Path(self._folder.name, "converted")
        model.save_pretrained(plain)
        tokenizer.save(plain / "tokenizer.json")
        self._path = TransformersConverter(str(plain)).convert(str(converted))

    def load(self, compute_type: str):
        """One thread. compute_type: float32, or int8 for weights and products of 8 bits."""
        from ctranslate2.models import Whisper

        return Whisper(self._path, compute_type=compute_type, inter_threads=1, intra_threads=1)


class CTranslate2HoldNAgent(PlainHoldNAgent):
    """With CTranslate2's `generate`."""

    def __init__(self, model, *arguments) -> None:
        """model: of `ConvertedWhisper.load`."""
        self.model = model
        super().__init__(*arguments)

    def parts(self) -> Sequence[Watched]:
        # Encoder and decoder are behind one call.
        return [(self, "features", "features"), (self, "generate", "steps")]

    def generate(self, features: np.ndarray, limit: int) -> list[int]:
        from ctranslate2 import StorageView

        most = len(self.committed) + limit
        [result] = self.model.generate(
            StorageView.from_array(np.ascontiguousarray(features)),
            [[*self.prompt, *self.committed]],
            beam_size=self.search.beam,
            no_repeat_ngram_size=self.search.blocked_ngram,
            # It writes the less of max_length / 2, and of what is left of max_length behind the prompt.
            max_length=max(2 * most, most + len(self.prompt)),
            suppress_tokens=self.tokenizer.suppressed,
            suppress_blank=False,
        )
        return result.sequences_ids[0][len(self.committed) :]
