"""What a Whisper-like encoder hears behind a stream's audio, and what it encodes again.

Whisper expects silence up to the end of its window, and encoding it is most of a chunk's work. *Thinned*
silence is encoded in full only close to the audio; of the rest every k-th frame stands for k frames: it has
its own position, and log k is added to its attention logits. Frames well behind the newest audio hardly
change any more: *frozen* ones keep their keys and values in every layer and are never encoded again.

Shapes: T memory frames of 20 ms.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from models.sound.log_mel import HOP_MS
from models.translator_options import TranslatorOptions
from models.whisper.network import STRIDE, memory_frames

# Measured on human speech, policy by policy: benchmarks/whisper_hearing/README.md.
USUAL_DENSE_MS = 1_000
FROZEN_AFTER_MS = 3_000


@dataclass(frozen=True)
class Hearing:
    """How much silence is heard, and which frames are encoded again; by default none, and all of them."""

    silence_ms: int = 0  # behind the audio, as far as the window reaches
    dense_ms: int = USUAL_DENSE_MS  # of it in full, where the rest is thinned
    silence_stride: int = 1  # one frame in so many of the rest
    frozen_after_ms: float | None = None  # frames so far behind the newest audio are frozen; None: never
    # Feature frames of silence that only the convolutions see, behind what may be attended to. Our networks
    # see zeros there; transformers' towers, which run over the whole window, see the silence itself.
    lookahead_frames: int = 0
    fewest_frames: int = 1  # feature frames that are encoded at least

    def chosen(self, options: TranslatorOptions) -> "Hearing":
        """This hearing, but for what the user chose. All silence that somebody asked for is heard in full."""
        told_silence = options.trailing_silence_ms is not None
        frozen_ms = self.frozen_after_ms
        if options.frozen_after_s is not None:
            frozen_ms = 1000 * options.frozen_after_s
        return replace(
            self,
            silence_ms=options.trailing_silence_ms if told_silence else self.silence_ms,
            dense_ms=options.dense_silence_ms or self.dense_ms,
            silence_stride=options.silence_stride or (1 if told_silence else self.silence_stride),
            frozen_after_ms=frozen_ms,
        )

    @property
    def is_plain(self) -> bool:
        """Nothing is heard but the audio, and all of it is encoded each time."""
        return self.silence_ms == 0 and self.frozen_after_ms is None

    def described(self) -> dict[str, float | None]:
        """What is heard, for comparison: hearings that hear alike are described alike."""
        thinned = self.silence_ms > 0 and self.silence_stride > 1
        return {
            "silence_ms": self.silence_ms,
            "dense_ms": self.dense_ms if thinned else None,
            "silence_stride": self.silence_stride if thinned else 1,
            "frozen_after_ms": self.frozen_after_ms,
        }

    @property
    def encoded_silence_ms(self) -> float:
        """So much audio has as many frames as that silence, where the window does not cut it off."""
        if self.silence_stride == 1:
            return self.silence_ms
        dense_ms = min(self.dense_ms, self.silence_ms)
        return dense_ms + (self.silence_ms - dense_ms) / self.silence_stride

    def layout(self, heard_frames: int, window_frames: int) -> "FrameLayout":
        """Of a stream that has heard so many feature frames of 10 ms, for a window of so many."""
        return _layout(self, heard_frames, window_frames)


PLAIN = Hearing()


@dataclass(frozen=True)
class FrameLayout:
    """Which memory frames are encoded: the first `dense` all, behind them only some."""

    feature_frames: int  # that the encoder needs
    dense: int
    positions: Tensor  # (T,) int64: of each memory frame in the window
    log_counts: Tensor | None  # (T,) float32: log of how many frames each stands for; None: one each

    def __len__(self) -> int:
        return len(self.positions)


@lru_cache(maxsize=4096)
def _layout(hearing: Hearing, heard_frames: int, window_frames: int) -> FrameLayout:
    heard = heard_frames + hearing.silence_ms // HOP_MS
    end = min(max(heard, hearing.fewest_frames), window_frames)
    seen = min(end + hearing.lookahead_frames, window_frames)
    frames = memory_frames(end)
    dense = frames
    if hearing.silence_stride > 1:
        dense = min(frames, memory_frames(heard_frames + hearing.dense_ms // HOP_MS))
    if frames - dense < hearing.silence_stride:
        # Nothing would be gained.
        return FrameLayout(seen, frames, torch.arange(frames), None)
    starts = torch.arange(dense, frames, hearing.silence_stride)
    counts = (frames - starts).clamp(max=hearing.silence_stride)
    log_counts = torch.cat([torch.zeros(dense), counts.float().log()])
    positions = torch.cat([torch.arange(dense), starts + counts // 2])
    # One frame more than the dense ones, and what its convolutions see: all thinned frames are like it.
    return FrameLayout(STRIDE * dense + 4, dense, positions, log_counts)
