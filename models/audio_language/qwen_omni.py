"""The thinker of Qwen2.5-Omni (Xu et al. 2025, arXiv 2503.20215) over the classes of transformers: text out.

Whisper's layers over blocks of 2 s that do not see each other, frames averaged two by two (40 ms each), one
linear layer, and Qwen2.5. So finished blocks are encoded once, and read once by the language model: a chunk
costs the newest block and the text.

The folder is that of the whole model, of which talker and vocoder stay unread, or of the thinker alone. What
sees is read, since a saved folder must hold it, and never used.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from foundation.errors import InputError
from models.audio_language.block_model import BlockwiseModel
from models.audio_language.model import AudioFrames
from models.audio_language.tower_layers import run_layers
from models.layers.work import linear, transformer, whisper_convolutions
from models.sound.log_mel import HOP
from models.storage.model_files import read_json
from models.whisper.network import valid_positions

PREPROCESSOR = "preprocessor_config.json"


class QwenOmni(BlockwiseModel):
    """What the thinkers of both versions have in common."""

    needed_files = (PREPROCESSOR,)
    encoder_parts: tuple[str, ...]  # modules of the tower that `encode_blocks` uses
    adapter_parts: tuple[str, ...]  # and `adapt`

    def read_sizes(self, config: Any) -> None:
        audio = config.audio_config
        # Neither is asked for text.
        self.network.visual.requires_grad_(False)
        for name, module in self.tower.named_children():
            if name not in (*self.encoder_parts, *self.adapter_parts):
                module.requires_grad_(False)
        self.encoder_width = audio.d_model
        self.mel_bins = audio.num_mel_bins
        file = self.folder / PREPROCESSOR
        samples = read_json(file).get("n_samples")
        if type(samples) is not int or samples < HOP:
            raise InputError(f"{file} gives no usable n_samples, the longest audio: download it again")
        self.window_frames = samples // HOP
        self.block_frames = self.read_block(audio)

    def read_block(self, audio: Any) -> int:
        """Feature frames of a block. Raises InputError for sizes that cannot be used."""
        raise NotImplementedError

    def end_token(self, prompt: str) -> str:
        return "<|im_end|>" if "<|im_start|>" in prompt else "<|endoftext|>"

    @property
    def tower(self) -> nn.Module:
        return self.network.audio_tower

    @property
    def language_model(self) -> nn.Module:
        return self.network.model

    @property
    def head(self) -> nn.Linear:
        return self.network.lm_head

    @cached_property
    def encoder(self) -> nn.Module:
        return nn.ModuleDict({name: getattr(self.tower, name) for name in self.encoder_parts})

    @cached_property
    def adapter(self) -> nn.Module:
        return nn.ModuleDict({name: getattr(self.tower, name) for name in self.adapter_parts})


class Qwen25Omni(QwenOmni):
    """One Qwen2.5-Omni of any size."""

    family = "Qwen2.5-Omni"
    kinds = ("qwen2_5_omni", "qwen2_5_omni_thinker")
    newest_transformers = 4
    network_class = "Qwen2_5OmniThinkerForConditionalGeneration"
    audio_token = "<|AUDIO|>"
    usual_prompt = (
        "<|im_start|>system\nYou are a speech translation model.<|im_end|>\n<|im_start|>user\n"
        "<|audio_bos|><|AUDIO|><|audio_eos|>Listen to the provided {source} speech and produce a translation "
        "in {target} text.{context}<|im_end|>\n<|im_start|>assistant\n"
    )
    needed_tokens = ("<|audio_bos|>", "<|audio_eos|>")
    encoder_parts = ("conv1", "conv2", "layers", "ln_post")
    adapter_parts = ("proj",)
    frame_ms = 40.0
    fewest_frames = 4  # two strides of two

    directions = "as prompted; pairs are not limited"
    kept = "blocks of 2 s, and the language model's keys of them"
    anew = "the newest block, and the text"

    @classmethod
    def encoder_work(cls, sizes: Mapping[str, Any], frames: int) -> int:
        audio = sizes["audio_config"]
        own, encoded = audio["d_model"], -(-frames // 2)
        seen = min(encoded, audio["n_window"])
        work = whisper_convolutions(frames, audio["num_mel_bins"], own)
        work += transformer(encoded, seen, own, audio["encoder_ffn_dim"], audio["encoder_layers"])
        return work + linear(encoded // 2, own, audio["output_dim"])

    @classmethod
    def published_block(cls, sizes: Mapping[str, Any]) -> int:
        return 2 * sizes["audio_config"]["n_window"]

    def read_block(self, audio: Any) -> int:
        if type(audio.n_window) is not int or audio.n_window < 2 or audio.n_window % 2:
            raise InputError(
                f"{self.folder / 'config.json'} gives n_window {audio.n_window!r}, and blocks must split "
                "into frames: download it again"
            )
        return 2 * audio.n_window

    def encode_blocks(self, values: Tensor, lengths: Tensor, first: Tensor) -> AudioFrames:
        tower = self.tower
        values = F.pad(values, (0, max(0, self.fewest_frames - values.shape[-1])))
        heard = valid_positions(lengths, values.shape[-1])[:, None]
        # Behind the end transformers has zeros, not silence.
        x = F.gelu(tower.conv1(values * heard)) * heard
        x = F.gelu(tower.conv2(x)).transpose(1, 2)
        x = x + tower.positional_embedding.positional_embedding[: x.shape[1]].to(x.dtype)
        x = run_layers(tower.layers, x, (lengths + 1) // 2)
        pooled = tower.avg_pooler(x.transpose(1, 2)).transpose(1, 2)
        return AudioFrames(tower.ln_post(pooled), self.frame_lengths(lengths))

    def adapt(self, frames: AudioFrames) -> AudioFrames:
        return AudioFrames(self.tower.proj(frames.values), frames.lengths)

    def frame_lengths(self, lengths: Tensor) -> Tensor:
        return (lengths + 1) // 2 // 2
