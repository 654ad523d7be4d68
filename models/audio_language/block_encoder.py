"""Encodes streams whose encoder hears blocks: finished ones once, and the newest one with every chunk.

What comes later changes a finished block in one way only: features are clamped to 80 dB below the loudest
value of all audio. So a block is kept together with the features that it was made of, and is encoded anew in
the chunk in which they become others: the result is always that of encoding everything. In recordings with a
noise floor this hardly ever happens; silence of a digital kind changes whenever a louder sound is heard.

Shapes: B streams, M mel bins, F feature frames, t frames of one block, T audio frames, D width of the
language model.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.audio_language.model import AudioFrames
from models.sound.log_mel import frames_heard
from models.translator import FinalFrames, Memory


class BlockFeatures(Protocol):
    """One stream's audio, of whatever features."""

    frames_heard: int
    frames_final: int  # that only louder audio may change
    duration_ms: float

    def append(self, samples: np.ndarray) -> None: ...

    def drop_before(self, ms: float) -> float: ...

    def features(self, frames: int) -> Tensor: ...


class EncodesBlocks(Protocol):
    """What is asked of a family (`models.audio_language.block_model`)."""

    window_frames: int  # feature frames that are heard at most
    block_frames: int  # feature frames of a block
    lookback_frames: int  # and those before it that are seen, too
    lookahead_frames: int
    fewest_frames: int
    device: torch.device
    dtype: torch.dtype

    def open_features(self) -> BlockFeatures: ...

    def encoded_lengths(self, heard: Tensor, silence_ms: int) -> Tensor: ...

    def frame_lengths(self, lengths: Tensor) -> Tensor: ...

    def frame_ends(self, streams: int, frames: int) -> Tensor: ...

    def encode_blocks(self, values: Tensor, lengths: Tensor, first: Tensor) -> AudioFrames: ...

    def adapt(self, frames: AudioFrames) -> AudioFrames: ...


@dataclass(frozen=True)
class Block:
    """A finished block."""

    features: Tensor  # (M, F) that it was made of, with those before it
    frames: Tensor  # (t, D)


class BlockStream:
    """One stream's features, and its finished blocks."""

    def __init__(self, features: BlockFeatures, whole: bool = False) -> None:
        """features: of a new stream; whole: it is encoded only once, so that nothing is kept."""
        self.features = features
        self.whole = whole
        self.blocks: list[Block] = []
        self.kept: dict[Hashable, Any] = {}  # what the decoder has made of them (`FinalFrames`)

    @property
    def duration_ms(self) -> float:
        return self.features.duration_ms

    @property
    def frames_heard(self) -> int:
        return self.features.frames_heard

    def append(self, samples: np.ndarray) -> None:
        self.features.append(samples)

    def drop_before(self, ms: float) -> float:
        dropped = self.features.drop_before(ms)
        if dropped:
            self.forget(0)
        return dropped

    def forget(self, block: int) -> None:
        """This block and all behind it are no longer what they were."""
        del self.blocks[block:]
        self.kept = {}


@dataclass(frozen=True)
class _Pending:
    """A block that must be encoded."""

    stream: int
    features: Tensor  # (M, F), with those before it
    length: int
    first: bool
    finished: bool


class BlockEncoder:
    """Encodes streams for `model`."""

    def __init__(self, model: EncodesBlocks, silence_ms: int) -> None:
        """silence_ms: of silence that is heard behind the audio."""
        self._model = model
        self._silence_ms = silence_ms

    def open_stream(self, whole: bool = False) -> BlockStream:
        return BlockStream(self._model.open_features(), whole)

    def encode(self, streams: Sequence[BlockStream]) -> Memory:
        model = self._model
        heard = frames_heard(streams, model.window_frames)
        lengths = model.encoded_lengths(heard, self._silence_ms)
        pending = [
            one
            for place, stream in enumerate(streams)
            for one in self._unknown_blocks(place, stream, int(lengths[place]))
        ]
        finished = [[block.frames for block in stream.blocks] for stream in streams]
        newest: list[list[Tensor]] = [[] for _ in streams]
        for one, frames in zip(pending, self._encode(pending), strict=True):
            if one.finished:
                finished[one.stream].append(frames)
                if not streams[one.stream].whole:
                    # Not a view, which would keep the features of the whole stream.
                    streams[one.stream].blocks.append(Block(one.features.clone(), frames))
            else:
                newest[one.stream].append(frames)
        rows = [torch.cat([*done, *new]) for done, new in zip(finished, newest, strict=True)]
        values = pad_sequence(rows, batch_first=True)
        counts = [
            0 if stream.whole else sum(map(len, done)) for stream, done in zip(streams, finished, strict=True)
        ]
        return Memory(
            frames=values,
            lengths=torch.tensor([len(row) for row in rows], device=model.device),
            heard_frames=model.frame_lengths(heard.clamp(min=model.fewest_frames)).to(model.device),
            end_ms=model.frame_ends(*values.shape[:2]),
            final=tuple(FinalFrames(n, stream.kept) for n, stream in zip(counts, streams, strict=True)),
        )

    def _unknown_blocks(self, place: int, stream: BlockStream, length: int) -> list[_Pending]:
        """Blocks of a stream that are not known, of the first `length` feature frames."""
        size = self._model.block_frames
        done = min(stream.features.frames_final, length) // size
        features = stream.features.features(-(-length // size) * size)
        before = self._model.lookback_frames
        padded = F.pad(features, (before, 0))
        parts = [padded[:, at : at + before + size] for at in range(0, features.shape[1], size)]
        for block, known in enumerate(stream.blocks):
            if not torch.equal(known.features, parts[block]):
                stream.forget(block)
                break
        return [
            _Pending(place, parts[at], min(length - at * size, size), at == 0, at < done)
            for at in range(len(stream.blocks), len(parts))
        ]

    def _encode(self, pending: Sequence[_Pending]) -> list[Tensor]:
        """(t, D) of each."""
        if not pending:
            return []
        model = self._model
        longest = model.lookback_frames + max(one.length for one in pending) + model.lookahead_frames
        values = torch.stack([one.features for one in pending])[..., :longest].to(model.device, model.dtype)
        encoded = model.encode_blocks(
            values,
            torch.tensor([one.length for one in pending], device=model.device),
            torch.tensor([one.first for one in pending], device=model.device),
        )
        adapted = model.adapt(encoded)
        return [row[:n] for row, n in zip(adapted.values, adapted.lengths.tolist(), strict=True)]
