"""Qwen2-Audio (Chu et al. 2024, arXiv 2407.10759) over the classes of transformers.

Whisper's encoder, frames averaged two by two (40 ms each), a linear adapter, and Qwen2. The encoder here
runs only over frames that hold audio, with the result of transformers, which runs over all 30 s and masks
the rest: what a frame may attend to is the same, and the two convolutions, which do see past the end of the
audio, are given the two frames of silence that they reach.

Every frame attends to all others, later ones too: exact results need all audio encoded anew with every chunk,
and all frames read anew by the language model. With `frozen_after_s` old frames stay as they are, which is an
approximation (benchmarks/README.md has what it costs and saves), and neither is done again for them.

The model folder is that of Hugging Face (`models.audio_language.hub_folder`).
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from models.audio_language.audio_streams import AudioStreamEncoder
from models.audio_language.freezing_encoder import FreezingEncoder
from models.audio_language.hub_model import HubModel
from models.audio_language.model import AudioFeatures, AudioFrames
from models.layers.work import linear, transformer, whisper_convolutions
from models.translator import TranslatorOptions
from models.whisper.hearing import Hearing
from models.whisper.network import valid_positions

POOLED_FRAMES = 2  # of the encoder's, in one that the language model reads


class Qwen2Audio(HubModel):
    """One Qwen2-Audio of any size."""

    family = "Qwen2-Audio"
    kinds = ("qwen2_audio",)
    network_class = "Qwen2AudioForConditionalGeneration"
    audio_token = "<|AUDIO|>"
    # The processor's chat format with one audio. Base checkpoints, which know no chat, are given a --prompt.
    usual_prompt = (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
        "Audio 1: <|audio_bos|><|AUDIO|><|audio_eos|>\n"
        "Translate the {source} speech into {target} text.{context}<|im_end|>\n<|im_start|>assistant\n"
    )
    needed_tokens = ("<|audio_bos|>", "<|audio_eos|>")
    frame_ms = 40.0
    lookahead_frames = 2
    fewest_frames = 4  # two strides of two

    directions = "as prompted; pairs are not limited"
    kept = "log-mel values; with `frozen_after_s` old frames, and the language model's keys of them"
    anew = "without that option all audio, and the language model's pass over it"

    @classmethod
    def encoder_work(cls, sizes: Mapping[str, Any], frames: int) -> int:
        audio, width = sizes["audio_config"], sizes["text_config"]["hidden_size"]
        own, encoded = audio["d_model"], -(-frames // 2)
        work = whisper_convolutions(frames, audio["num_mel_bins"], own)
        work += transformer(encoded, encoded, own, audio["encoder_ffn_dim"], audio["encoder_layers"])
        return work + linear(encoded // POOLED_FRAMES, own, width)

    def read_sizes(self, config: Any) -> None:
        self.encoder.embed_positions.requires_grad_(False)  # as in Whisper; transformers 5 would train them
        self.encoder_width = config.audio_config.d_model
        self.mel_bins = config.audio_config.num_mel_bins
        self.window_frames = 2 * config.audio_config.max_source_positions

    def end_token(self, prompt: str) -> str:
        return "<|im_end|>" if "<|im_start|>" in prompt else "<|endoftext|>"

    def encode_features(self, features: AudioFeatures) -> AudioFrames:
        tower = self.encoder
        x = F.gelu(tower.conv1(features.values))
        x = F.gelu(tower.conv2(x)).transpose(1, 2)
        lengths = (features.lengths + 1) // 2  # frames of 20 ms
        x = x[:, : int(lengths.max())]
        x = x + tower.embed_positions.weight[: x.shape[1]]
        visible = valid_positions(lengths, x.shape[1])
        mask = None
        if not bool(visible.all()):
            mask = torch.zeros(visible.shape, dtype=x.dtype, device=x.device)
            mask = mask.masked_fill(~visible, -torch.inf)[:, None, None]
        for layer in tower.layers:
            x = layer(x, mask, layer_head_mask=None)
            x = x if isinstance(x, Tensor) else x[0]  # transformers 5, and 4
        return AudioFrames(self._pool(x), self.frame_lengths(features.lengths))

    def _pool(self, states: Tensor) -> Tensor:
        """The last layer's states (..., n, width) -> (..., n // 2, width)

        A last frame without a partner is lost, here as in transformers.
        """
        pooled = self.encoder.avg_pooler(states.transpose(-1, -2)).transpose(-1, -2)
        return self.encoder.layer_norm(pooled)

    def open_encoder(self, options: TranslatorOptions) -> AudioStreamEncoder | None:
        """With `frozen_after_s` old frames are never encoded again; without it all are, which is exact."""
        if options.frozen_after_s is None:
            return super().open_encoder(options)
        hearing = Hearing(lookahead_frames=self.lookahead_frames, fewest_frames=self.fewest_frames)
        return FreezingEncoder(self, hearing.chosen(options), self._pool, POOLED_FRAMES)

    def adapt(self, frames: AudioFrames) -> AudioFrames:
        return AudioFrames(self.adapter(frames.values), frames.lengths)

    def frame_lengths(self, lengths: Tensor) -> Tensor:
        return (lengths + 1) // 2 // POOLED_FRAMES
