"""Encoders of Whisper's kind in audio-language models, over streams that grow: old frames are frozen.

Such an encoder, transformers calls it a tower, attends in both directions, so that exact results need all
audio encoded anew with every chunk (`models.audio_language.whole_encoder`). Frames well behind
the newest audio hardly change any more: frozen ones keep their keys and values in every layer
(`models.whisper.streaming_encoder`), and what the language model reads of them keeps its keys there
(`Memory.final`). What must be computed again with each chunk is then the newest seconds in the tower, and in
the language model their frames and all text behind them.

A family makes each of its frames of several of the tower's (Qwen2-Audio averages pairs): these are frozen
together, so that what is made of them is final as well.

Shapes: P new frames of all streams, n new frames of the tower in one stream, T frames that the language model
reads, W width of the tower, D width of the language model.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from models.audio_language.model import AudioFrames, AudioLanguageModel
from models.translator import FinalFrames, Memory, frame_ends
from models.whisper.hearing import Hearing
from models.whisper.speech_stream import SpeechStream
from models.whisper.streaming_encoder import EncodingPass, StreamingEncoder, padded


class TowerAttention:
    """The self-attention of a tower's layer, named as in `models.whisper.network`."""

    def __init__(self, attention: nn.Module) -> None:
        """attention: transformers' module in Whisper's tower, or a copy of it."""
        self.heads: int = attention.num_heads
        self.query, self.key, self.value = attention.q_proj, attention.k_proj, attention.v_proj


class TowerBlock:
    """A layer of transformers' tower as `StreamingEncoder` takes it."""

    def __init__(self, layer: nn.Module) -> None:
        self._layer = layer
        self.attn = TowerAttention(layer.self_attn)
        self.attn_ln = layer.self_attn_layer_norm

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        layer = self._layer
        x = x + layer.self_attn.out_proj(attended)
        x = x + layer.fc2(layer.activation_fn(layer.fc1(layer.final_layer_norm(x))))
        if x.dtype == torch.float16:  # as transformers does
            limit = torch.finfo(x.dtype).max - 1000
            x = x.clamp(-limit, limit)
        return x


class Tower:
    """transformers' tower as `StreamingEncoder` takes it."""

    def __init__(self, tower: nn.Module) -> None:
        self.conv1, self.conv2 = tower.conv1, tower.conv2
        self.positional_embedding = tower.embed_positions.weight
        self.blocks = [TowerBlock(layer) for layer in tower.layers]


class FreezingEncoder(StreamingEncoder):
    """Encodes streams for `model`, and freezes frames as `hearing` says."""

    def __init__(
        self,
        model: AudioLanguageModel,
        hearing: Hearing,
        pool: Callable[[Tensor], Tensor],
        pooled_frames: int,
    ) -> None:
        """pool: the last layer's states (n, W) -> (n // pooled_frames, W), what `model.adapt` takes."""
        super().__init__(Tower(model.encoder), hearing, model.device, model.dtype)
        self.frozen_together = pooled_frames
        self._model = model
        self._pool = pool

    def open_stream(self, whole: bool = False) -> SpeechStream:
        return SpeechStream(self._model.mel_bins, whole)

    def keep(self, passes: Sequence[EncodingPass], states: Tensor, positions: Tensor) -> None:
        parts = [self._pool(some) for some in states.split([one.new for one in passes])]
        sizes = [len(part) for part in parts]
        pooled = torch.cat(parts)[None]
        lengths = torch.tensor(pooled.shape[1:2], device=self.device)
        frames = self._model.adapt(AudioFrames(pooled, lengths)).values[0]  # (P // pooled_frames, D)
        for one, some in zip(passes, frames.split(sizes), strict=True):
            one.cache.frames.store(one.cache.frozen // self.frozen_together, some)

    def memory(self, passes: Sequence[EncodingPass], heard: Tensor) -> Memory:
        caches = [one.cache for one in passes]
        frames = padded([cache.frames.rows for cache in caches])  # (B, T, D)
        heard = heard.clamp(min=self.hearing.fewest_frames)
        return Memory(
            frames=frames,
            lengths=torch.tensor([len(cache.frames.rows) for cache in caches], device=self.device),
            heard_frames=self._model.frame_lengths(heard).to(self.device),
            end_ms=frame_ends(*frames.shape[:2], self._model.frame_ms, self.device),
            final=tuple(FinalFrames(cache.frozen // self.frozen_together, cache.kept) for cache in caches),
        )
