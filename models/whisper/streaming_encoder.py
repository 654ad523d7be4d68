"""Whisper-like encoders over streams that grow: what is frozen is not encoded again.

Frames are frozen at every full second of a stream's audio, by a pass over what had been heard just then,
whether somebody decides at that time or not. So what a stream's memory holds depends on its audio alone,
not on when it was asked for: policies that decide at different times can share it.

Streams of unequal length and with different frozen frames run in one call: projections and feed-forward
layers see the new frames of all of them side by side, attention each stream by itself.

What frames become is said by subclasses: `SpeechEncoder` serves Whisper and REINA,
`models.audio_language.freezing_encoder` the towers of audio-language models.

Shapes: B streams, P new frames of all streams, n new frames of one, T memory frames of one, D width,
H heads, d = D / H.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from models.sound.audio import SAMPLE_RATE
from models.sound.log_mel import HOP, frames_heard
from models.translator import Memory
from models.whisper.hearing import FrameLayout, Hearing
from models.whisper.network import FRAME_MS, STRIDE, SpeechModel, memory_frames
from models.whisper.speech_stream import FrameCache, SpeechStream

FREEZING_SAMPLES = SAMPLE_RATE  # frames are frozen whenever so much more audio has been heard
# So many new frames go through a layer together: more of them would leave a processor's caches.
FRAMES_AT_ONCE = 2_000


class GrowingAttention(Protocol):
    """Projections (..., D) -> (..., D) of an encoder's self-attention."""

    heads: int
    query: nn.Module
    key: nn.Module
    value: nn.Module


class GrowingBlock(Protocol):
    """A layer of an encoder: `models.whisper.network.EncoderBlock`, or what looks like one."""

    attn: GrowingAttention
    attn_ln: nn.Module

    def finish(self, x: Tensor, attended: Tensor) -> Tensor: ...


class GrowingEncoder(Protocol):
    """An encoder of Whisper's kind: `models.whisper.network.AudioEncoder`, or what looks like one."""

    conv1: nn.Conv1d
    conv2: nn.Conv1d
    positional_embedding: Tensor  # (window, D)
    blocks: Sequence[GrowingBlock]


@dataclass(frozen=True)
class EncodingPass:
    """One encoding of a stream when it had heard `samples`."""

    stream: SpeechStream
    samples: int
    layout: FrameLayout
    cache: FrameCache

    @property
    def new(self) -> int:
        """Frames that are encoded."""
        return len(self.layout) - self.cache.frozen


class StreamingEncoder(ABC):
    """Encodes streams by `encoder`, which hears silence and freezes frames as `hearing` says."""

    frozen_together = 1  # frames are frozen in groups of so many
    cross_layers = 0  # decoder layers that attend to memories

    def __init__(
        self, encoder: GrowingEncoder, hearing: Hearing, device: torch.device, dtype: torch.dtype
    ) -> None:
        """device, dtype: of the encoder's weights."""
        self.encoder = encoder
        self.hearing = hearing
        self.device = device
        self.dtype = dtype
        self.window_frames = STRIDE * len(encoder.positional_embedding)

    @abstractmethod
    def keep(self, passes: Sequence[EncodingPass], states: Tensor, positions: Tensor) -> None:
        """Store what becomes of new frames: the last layer's states (P, D), at positions (P,)."""

    @abstractmethod
    def memory(self, passes: Sequence[EncodingPass], heard: Tensor) -> Memory:
        """Of B streams, of what is stored; heard (B,): feature frames of audio."""

    def encode(self, streams: Sequence[SpeechStream]) -> Memory:
        """All audio that each of B streams has heard.

        The memory of a single one is a view of its stream, valid until that is encoded again.
        Raises InputError for a stream without audio or one longer than the window.
        """
        heard = frames_heard([stream.features for stream in streams], self.window_frames)
        while behind := [
            stream for stream in streams if self._freezes_next_at(stream) < stream.features.samples_heard
        ]:
            passes = [self._open(stream, self._freezes_next_at(stream)) for stream in behind]
            self._run(passes)
            for one in passes:
                self._freeze(one)
        passes = [self._open(stream, stream.features.samples_heard) for stream in streams]
        self._run(passes)
        for one in passes:
            if one.samples == self._freezes_next_at(one.stream):
                self._freeze(one)
            if not one.stream.frozen:
                one.stream.cache = None  # all of it is encoded again
        return self.memory(passes, heard)

    def _freezes_next_at(self, stream: SpeechStream) -> float:
        """Samples: the next full second at which there are frames old enough."""
        if self.hearing.frozen_after_ms is None or stream.whole:
            return math.inf
        first_s = math.ceil((self.hearing.frozen_after_ms + FRAME_MS) / 1000)
        return max(stream.frozen_at + FREEZING_SAMPLES, first_s * SAMPLE_RATE)

    def _freeze(self, one: EncodingPass) -> None:
        one.stream.frozen_at = one.samples
        heard_ms = 1000 * one.samples / SAMPLE_RATE
        old = int((heard_ms - self.hearing.frozen_after_ms) / FRAME_MS)
        one.cache.frozen = old - old % self.frozen_together

    def _open(self, stream: SpeechStream, samples: int) -> EncodingPass:
        if stream.cache is None:
            stream.cache = FrameCache(len(self.encoder.blocks), self.cross_layers)
        layout = self.hearing.layout(-(-samples // HOP), self.window_frames)
        return EncodingPass(stream, samples, layout, stream.cache)

    def _run(self, passes: Sequence[EncodingPass]) -> None:
        for some in _groups(passes):
            self._encode(some)

    def _encode(self, passes: Sequence[EncodingPass]) -> None:
        """Fill the caches with the new frames of some streams."""
        encoder = self.encoder
        sizes = [one.new for one in passes]
        positions = torch.cat([one.layout.positions[one.cache.frozen :] for one in passes]).to(self.device)
        biases = [self._bias(one) for one in passes]
        x = torch.cat([self._convolve(one) for one in passes]) + encoder.positional_embedding[positions]
        for layer, block in enumerate(encoder.blocks):
            normed = block.attn_ln(x)
            queries = block.attn.query(normed).split(sizes)
            new = zip(block.attn.key(normed).split(sizes), block.attn.value(normed).split(sizes), strict=True)
            stored = [
                one.cache.encoder[layer].store(one.cache.frozen, keys, values)
                for one, (keys, values) in zip(passes, new, strict=True)
            ]
            attended = [
                _attend(block.attn.heads, some, *keys_and_values, bias)
                for some, keys_and_values, bias in zip(queries, stored, biases, strict=True)
            ]
            x = block.finish(x, torch.cat(attended))
        self.keep(passes, x, positions)

    def _convolve(self, one: EncodingPass) -> Tensor:
        """(n, D): the new frames behind the convolutions, positions left out."""
        encoder, first = self.encoder, one.cache.frozen
        # Feature frame 2 t - 2 is the first that memory frame t sees.
        begin = max(0, STRIDE * first - 2)
        features = one.stream.features.features_between(begin, one.layout.feature_frames, one.samples)
        x = F.gelu(encoder.conv1(features[None].to(self.device, self.dtype)))
        # Its first frame lacks its left neighbour; at the very start there is none.
        x = F.pad(x[..., 1:], (0, 1)) if first else F.pad(x, (1, 1))
        conv = encoder.conv2
        x = F.gelu(F.conv1d(x, conv.weight, conv.bias, stride=STRIDE))[0].T
        dense, thinned = one.layout.dense - first, len(one.layout) - one.layout.dense
        if not thinned:
            return x[:dense]
        return torch.cat([x[:dense], x[dense].expand(thinned, -1)])

    def _bias(self, one: EncodingPass) -> Tensor | None:
        """(1, T), added to attention logits."""
        log_counts = one.layout.log_counts
        return None if log_counts is None else log_counts.to(self.device, self.dtype)[None]


class SpeechEncoder(StreamingEncoder):
    """The encoder of Whisper and REINA, with cross-attention keys of all frames for each decoder layer."""

    def __init__(
        self,
        model: SpeechModel,
        hearing: Hearing,
        device: torch.device,
        dtype: torch.dtype,
        decoder_dtype: torch.dtype,
    ) -> None:
        """dtype: of the model but for its decoder."""
        super().__init__(model.encoder, hearing, device, dtype)
        self.model = model
        self.decoder_dtype = decoder_dtype
        self.cross_layers = model.dimensions.n_text_layer

    @property
    def bytes_per_audio_s(self) -> int:
        """Keys and values of a second: the encoder's, and the decoder's twice, in stream and memory."""
        sizes = self.model.dimensions
        encoder = 2 * sizes.n_audio_layer * sizes.n_audio_state * self.dtype.itemsize
        decoder = 2 * sizes.n_text_layer * sizes.n_text_state * self.decoder_dtype.itemsize
        return int(1000 / FRAME_MS) * (encoder + 2 * decoder)

    def keep(self, passes: Sequence[EncodingPass], states: Tensor, positions: Tensor) -> None:
        sizes = [one.new for one in passes]
        frames = self.model.listen(self.model.encoder.ln_post(states), positions).to(self.decoder_dtype)
        for one, some in zip(passes, frames.split(sizes), strict=True):
            one.cache.frames.store(one.cache.frozen, some)
        for layer, block in enumerate(self.model.decoder.blocks):
            keys, values = (
                project(frames).split(sizes) for project in (block.cross_attn.key, block.cross_attn.value)
            )
            for one, *some in zip(passes, keys, values, strict=True):
                one.cache.cross[layer].store(one.cache.frozen, *some)

    def memory(self, passes: Sequence[EncodingPass], heard: Tensor) -> Memory:
        caches = [one.cache for one in passes]
        cross = []
        for layer, block in enumerate(self.model.decoder.blocks):
            stored = zip(*(cache.cross[layer].rows for cache in caches), strict=True)
            cross.append(tuple(block.cross_attn.split(padded(rows)) for rows in stored))
        positions = padded([one.layout.positions for one in passes]).to(self.device)
        log_counts = None
        if any(one.layout.log_counts is not None for one in passes):
            log_counts = padded([_log_counts(one.layout) for one in passes]).to(self.device)
        return Memory(
            frames=padded([cache.frames.rows for cache in caches]),
            lengths=torch.tensor([len(one.layout) for one in passes], device=self.device),
            heard_frames=memory_frames(heard).to(self.device),
            end_ms=FRAME_MS * (positions + 1).float(),
            cross=tuple(cross),
            log_counts=log_counts,
        )


def _groups(passes: Sequence[EncodingPass]) -> Iterator[Sequence[EncodingPass]]:
    """Passes that go through the layers together."""
    some: list[EncodingPass] = []
    for one in passes:
        if some and sum(each.new for each in some) + one.new > FRAMES_AT_ONCE:
            yield some
            some = []
        some.append(one)
    yield some


def _attend(heads: int, queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None) -> Tensor:
    """Queries (n, D) of one stream over its keys and values (T, D) -> (n, D)"""
    # (1, H, n or T, d)
    split = (some.unflatten(-1, (heads, -1)).transpose(0, 1)[None] for some in (queries, keys, values))
    return F.scaled_dot_product_attention(*split, attn_mask=bias)[0].transpose(0, 1).flatten(1)


def padded(rows: Sequence[Tensor]) -> Tensor:
    """(T, ...) each -> (B, T, ...), of a single one a view."""
    return rows[0][None] if len(rows) == 1 else pad_sequence(list(rows), batch_first=True)


def _log_counts(layout: FrameLayout) -> Tensor:
    return torch.zeros(len(layout)) if layout.log_counts is None else layout.log_counts
