"""The audio of one stream as a Whisper-like encoder needs it: explicit state, no weights.

Shapes: T memory frames, D width.
"""

from collections.abc import Hashable
from typing import Any

from torch import Tensor

from models.layers.growing_rows import GrowingRows
from models.sound.log_mel import LogMelStream


class FrameCache:
    """What has been computed of a stream's memory frames, oldest first, the frozen ones before all others."""

    def __init__(self, encoder_layers: int, decoder_layers: int) -> None:
        self.frozen = 0  # frames that are never encoded again
        # Of each encoder layer self-attention keys and values, of each decoder layer cross-attention's, and
        # what the decoder listens to. Row t of each is frame t.
        self.encoder = [LayerKeys() for _ in range(encoder_layers)]
        self.cross = [LayerKeys() for _ in range(decoder_layers)]
        self.frames = _Rows()
        self.kept: dict[Hashable, Any] = {}  # what decoders have made of frozen frames (`FinalFrames`)


class LayerKeys:
    """Keys and values (T, D) of one layer."""

    def __init__(self) -> None:
        self._keys, self._values = _Rows(), _Rows()

    def store(self, frozen: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Put keys and values (n, D) behind the frozen ones. Returns all (T, D), until the next call."""
        return self._keys.store(frozen, keys), self._values.store(frozen, values)

    @property
    def rows(self) -> tuple[Tensor, Tensor]:
        """What the last `store` returned."""
        return self._keys.rows, self._values.rows


class _Rows:
    """Rows of which the frozen ones stay and all others are replaced at once."""

    def __init__(self) -> None:
        self._rows: GrowingRows | None = None

    def store(self, frozen: int, rows: Tensor) -> Tensor:
        if self._rows is None:
            self._rows = GrowingRows(rows[:0])
        self._rows.truncate(frozen)
        self._rows.extend(rows)
        return self._rows.rows

    @property
    def rows(self) -> Tensor:
        return self._rows.rows


class SpeechStream:
    """Features of the audio heard, and the frames that need not be encoded again."""

    def __init__(self, mel_bins: int, whole: bool = False) -> None:
        """whole: it is encoded only once it has heard everything, so that no frames are frozen."""
        self.whole = whole
        self.features = LogMelStream(mel_bins)
        self.cache: FrameCache | None = None
        self.frozen_at = 0  # samples that had been heard when frames were frozen last

    @property
    def frozen(self) -> int:
        """Memory frames that are never encoded again."""
        return 0 if self.cache is None else self.cache.frozen

    @property
    def duration_ms(self) -> float:
        return self.features.duration_ms

    def append(self, samples) -> None:
        """Hears (S,) further samples, 16 kHz. Raises ValueError on another shape."""
        self.features.append(samples)

    def drop_before(self, ms: float) -> float:
        """Forget the oldest audio, at most `ms` of it, and all frames: each would have another position."""
        dropped_ms = self.features.drop_before(ms)
        if dropped_ms:
            self.cache, self.frozen_at = None, 0
        return dropped_ms
