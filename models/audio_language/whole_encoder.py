"""Encodes all audio of streams anew with every chunk, batched; nothing is spent on the rest of the window.

This is exact for any encoder. Only log-mel features of audio heard before are kept.
"""

from collections.abc import Sequence

from models.audio_language.model import AudioLanguageModel
from models.sound.log_mel import LogMelStream
from models.translator import Memory


class WholeEncoder:
    """Encodes streams for `model`; no frame is final."""

    def __init__(self, model: AudioLanguageModel, silence_ms: int) -> None:
        """silence_ms: of silence that is heard behind the audio."""
        self._model = model
        self._silence_ms = silence_ms

    def open_stream(self, whole: bool = False) -> LogMelStream:
        return self._model.open_features()

    def encode(self, streams: Sequence[LogMelStream]) -> Memory:
        model = self._model
        heard = model.features_of(streams, 0)
        features = model.features_of(streams, self._silence_ms) if self._silence_ms else heard
        audio = model.audio_embeddings(features)
        ends = model.frame_ends(*audio.values.shape[:2])
        return Memory(audio.values, audio.lengths, model.frame_lengths(heard.lengths), ends)
