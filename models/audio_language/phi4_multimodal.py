"""Phi-4-multimodal (Microsoft 2025, arXiv 2503.01743) over the classes of transformers.

Log-mel features of Kaldi's kind, three convolutions that halve them in time (80 ms a frame), a Conformer
whose attention goes in both directions and whose convolutions go back only, two linear layers, and
Phi-4-mini. What sees is read, since a saved folder must hold it, and never used. The adapter for speech lies
in the folder's speech-lora, and is merged.

Audio up to 40 s is one block, encoded anew with every chunk. Longer audio is cut into blocks of 40 s that do
not see each other, but for the features just before a block, which its convolutions reach: a finished block
is encoded once, and kept. transformers fills the last block with zeros and attends to them, unless it is the
only one; so does this.

The language model's positions are scaled in another way where a prompt has more tokens than it was first
trained with (4,096 as published), and all its keys would have to be computed again: the context ends there,
and at least half of it is for text.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foundation.errors import InputError
from models.audio_language.block_model import BlockwiseModel
from models.audio_language.hub_folder import ADAPTER, with_adapter
from models.audio_language.model import AudioFrames
from models.layers.work import attention, linear, separable_subsampling
from models.sound.kaldi_log_mel import KaldiLogMelStream, whole_windows
from models.storage.model_files import read_json
from models.translator import TranslatorOptions
from models.whisper.network import valid_positions

JOINED_FEATURES = 8  # feature frames in an audio frame
BLOCK = 500  # audio frames: what transformers' class cuts into
SPEECH_ADAPTER = "speech-lora"
ORIGINAL_KIND = "phi4mm"  # model_type in Microsoft's own layout


class Phi4Multimodal(BlockwiseModel):
    """One Phi-4-multimodal of any size."""

    family = "Phi-4-multimodal"
    kinds = ("phi4_multimodal", ORIGINAL_KIND)
    network_class = "Phi4MultimodalForCausalLM"
    audio_token = "<|audio|>"
    usual_prompt = "<|user|><|audio|>Translate the audio to {target}.{context}<|end|><|assistant|>"
    needed_tokens = ("<|user|>", "<|assistant|>")
    usual_languages = ("en", "zh", "de", "fr", "it", "ja", "es", "pt")
    lora_modules = ("qkv_proj", "o_proj", "gate_up_proj", "down_proj")
    frame_ms = 80.0
    lookback_frames = JOINED_FEATURES
    block_frames = BLOCK * JOINED_FEATURES

    directions = "among de, en, es, fr, it, ja, pt, zh"
    kept = "log-mel values; blocks of 40 s, and the language model's keys of them"
    anew = "the newest block, and the text"

    @classmethod
    def encoder_work(cls, sizes: Mapping[str, Any], frames: int) -> int:
        audio, width = sizes["audio_config"], sizes["hidden_size"]
        own, encoded = audio["hidden_size"], -(-frames // JOINED_FEATURES)
        layer = 6 * linear(encoded, own, audio["intermediate_size"]) + 4 * linear(encoded, own, own)
        layer += attention(encoded, min(encoded, BLOCK), own) + linear(encoded, audio["kernel_size"], own)
        layer += 2 * linear(encoded, own, audio["ext_pw_out_channel"])
        layer += 2 * linear(encoded, own, audio["depthwise_separable_out_channel"])
        work = separable_subsampling(frames, audio["input_size"], audio["nemo_conv_channels"], own)
        work += audio["num_blocks"] * layer
        return work + linear(encoded, own, width) + linear(encoded, width, width)

    @classmethod
    def published_block(cls, sizes: Mapping[str, Any]) -> int:
        return cls.block_frames

    @classmethod
    def load(cls, path: Path, options: TranslatorOptions) -> "Phi4Multimodal":
        config = path / "config.json"
        if config.is_file() and read_json(config).get("model_type") == ORIGINAL_KIND:
            raise InputError(
                f"{path} holds Phi-4-multimodal as Microsoft's own code has it: download its revision "
                "refs/pr/70, which is in transformers' layout"
            )
        return super().load(path, options)

    @classmethod
    def _read(cls, path: Path, dtype: torch.dtype | str) -> nn.Module:
        if (path / ADAPTER).is_file():  # of somebody's own training, on the whole model
            return super()._read(path, dtype)
        speech = path / SPEECH_ADAPTER
        is_adapted = (speech / ADAPTER).is_file()
        if not is_adapted and read_json(path / "config.json").get("has_lora_adapter", True):
            raise InputError(
                f"{path} lacks {SPEECH_ADAPTER}/{ADAPTER}, without which the model does not understand "
                'speech: copy that folder, too (where its weights are merged, write "has_lora_adapter": '
                "false into config.json)"
            )
        network = super()._read(path, dtype)
        if is_adapted:
            network = with_adapter(speech, network, dtype)
        network.config.has_lora_adapter = False
        return network

    def read_sizes(self, config: Any) -> None:
        audio = config.audio_config
        published = {"time_reduction": JOINED_FEATURES, "downsample_rate": 1, "chunk_size": -1}
        wrong = [name for name, value in published.items() if getattr(audio, name) != value]
        if wrong:
            raise InputError(
                f"{self.folder / 'config.json'} gives {wrong[0]} {getattr(audio, wrong[0])!r}, and the "
                "published model has another encoder: give that one"
            )
        self._extension.image_embed.requires_grad_(False)
        for name, part in self._audio.named_children():
            part.requires_grad_(not name.endswith("for_vision_speech"))
        self.encoder_width = audio.hidden_size
        self.mel_bins = audio.input_size
        positions = self.network.model.rotary_emb
        if positions.rope_type == "longrope":
            self.context_length = min(self.context_length, config.original_max_position_embeddings)
            # Rows may be padded beyond the context: positions are never scaled for longer ones.
            positions.rope_type = "short"
        self.window_frames = self.context_length // 2 * JOINED_FEATURES

    def end_token(self, prompt: str) -> str:
        return "<|end|>"

    @property
    def language_model(self) -> nn.Module:
        """With encoder and adapter inside."""
        return self.network

    @property
    def _extension(self) -> nn.Module:
        return self.network.model.embed_tokens_extend

    @property
    def _audio(self) -> nn.Module:
        return self._extension.audio_embed

    @property
    def encoder(self) -> nn.Module:
        return self._audio.encoder

    @cached_property
    def adapter(self) -> nn.Module:
        return nn.ModuleDict({"up": self._audio.up_proj_for_speech, "down": self._audio.down_proj_for_speech})

    def open_features(self) -> KaldiLogMelStream:
        return KaldiLogMelStream(self.mel_bins)

    def features_heard(self, samples: Tensor) -> Tensor:
        return whole_windows(samples)

    def encode_blocks(self, values: Tensor, lengths: Tensor, first: Tensor) -> AudioFrames:
        encoder = self.encoder
        counts = self.frame_lengths(lengths)
        x = self._subsample(encoder.encoder_embedding(values.transpose(1, 2)), lengths, first)
        x = x[:, : int(counts.max())]
        x = x * valid_positions(counts, x.shape[1])[..., None]
        if not bool(first.all()):
            x = F.pad(x, (0, 0, 0, BLOCK - x.shape[1]))
        visible = valid_positions(torch.where(first, counts, BLOCK), x.shape[1])
        bias = encoder.relative_attention_bias_layer(x)  # (1, H, T, T)
        mask = bias.masked_fill(~visible[:, None, None], -torch.inf)
        for layer in encoder.encoders:
            x = layer(x, mask)
        return AudioFrames(x, counts)

    def _subsample(self, x: Tensor, lengths: Tensor, first: Tensor) -> Tensor:
        """(N, F, M) with lookback -> (N, T, W) without; at each convolution zeros stand outside the audio."""
        starts = torch.where(first, self.lookback_frames, 0)
        ends = self.lookback_frames + lengths
        x = x[:, None]
        for layer in self.encoder.embed.conv:
            if isinstance(layer, nn.Conv2d) and layer.stride[0] == 2:
                places = torch.arange(x.shape[2], device=x.device)
                heard = (places >= starts[:, None]) & (places < ends[:, None])
                x = x * heard[:, None, :, None]
                starts, ends = starts // 2, (ends + 1) // 2
            x = layer(x)
        x = self.encoder.embed.out(x.transpose(1, 2).flatten(2))
        return x[:, self.lookback_frames // JOINED_FEATURES :]

    def adapt(self, frames: AudioFrames) -> AudioFrames:
        up, down = self._audio.up_proj_for_speech, self._audio.down_proj_for_speech
        return AudioFrames(down(F.gelu(up(frames.values))), frames.lengths)

    def frame_lengths(self, lengths: Tensor) -> Tensor:
        return -(-lengths // JOINED_FEATURES)
