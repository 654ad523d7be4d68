"""The thinker of Qwen3-Omni (Xu et al. 2025, arXiv 2509.17765) over the classes of transformers: text out.

Convolutions over single seconds (13 frames each, the last of them of 40 ms, all others of 80 ms), attention
within blocks of 8 s (4 s in transformers' usual configuration), and a Qwen3 with experts. Blocks do not see
each other, so finished ones are encoded once, and read once by the language model.

transformers' attention masks other blocks in its FlashAttention form alone: its other forms (4.57) let all
frames see each other, which the model was not trained for. Here blocks are always blocks.

Instruct models write at once. Those that think first write what they think as well.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from foundation.errors import InputError
from models.audio_language.model import AudioFrames
from models.audio_language.qwen_omni import QwenOmni
from models.audio_language.tower_layers import run_layers
from models.layers.work import SQUARE, linear, transformer
from models.whisper.network import valid_positions

# Feature frames that the convolutions see together, and audio frames that they make of them.
SECOND, FRAMES_OF_SECOND = 100, 13
FRAME_MS, SECOND_MS = 80.0, 1000.0


class Qwen3Omni(QwenOmni):
    """One Qwen3-Omni of any size."""

    family = "Qwen3-Omni"
    kinds = ("qwen3_omni_moe", "qwen3_omni_moe_thinker")
    newest_transformers = 4
    network_class = "Qwen3OmniMoeThinkerForConditionalGeneration"
    audio_token = "<|audio_pad|>"
    usual_prompt = (
        "<|im_start|>user\n<|audio_start|><|audio_pad|><|audio_end|>Listen to the provided {source} "
        "speech and produce a translation in {target} text.{context}<|im_end|>\n<|im_start|>assistant\n"
    )
    needed_tokens = ("<|audio_start|>", "<|audio_end|>")
    tokenizer_files = ("tokenizer.json", "vocab.json")
    text_pattern = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
        r"\s+(?!\S)|\s+"
    )
    encoder_parts = ("conv2d1", "conv2d2", "conv2d3", "conv_out", "layers", "ln_post")
    adapter_parts = ("proj1", "proj2")
    frame_ms = SECOND_MS / FRAMES_OF_SECOND  # on average

    directions = "as prompted; pairs are not limited"
    kept = "blocks of 8 s (`n_window_infer`), and the language model's keys of them"
    anew = "the newest block, and the text"

    @classmethod
    def encoder_work(cls, sizes: Mapping[str, Any], frames: int) -> int:
        audio = sizes["audio_config"]
        own, channels, bins = audio["d_model"], audio["downsample_hidden_size"], audio["num_mel_bins"]
        seconds, encoded = -(-frames // SECOND), cls.audio_frames(frames)
        work, length = 0, SECOND
        for inputs in (1, channels, channels):
            length, bins = -(-length // 2), -(-bins // 2)
            work += linear(seconds * length * bins, SQUARE * inputs, channels)
        work += linear(seconds * length, channels * bins, own)
        seen = min(encoded, cls.audio_frames(audio["n_window_infer"]))
        work += transformer(encoded, seen, own, audio["encoder_ffn_dim"], audio["encoder_layers"])
        return work + linear(encoded, own, own) + linear(encoded, own, audio["output_dim"])

    @classmethod
    def published_block(cls, sizes: Mapping[str, Any]) -> int:
        return sizes["audio_config"]["n_window_infer"]

    def read_block(self, audio: Any) -> int:
        block = audio.n_window_infer
        if 2 * audio.n_window != SECOND or type(block) is not int or block < SECOND or block % SECOND:
            raise InputError(
                f"{self.folder / 'config.json'} gives n_window {audio.n_window!r} and n_window_infer "
                f"{block!r}, and blocks must be of whole seconds, in two windows: download it again"
            )
        return block

    def encode_blocks(self, values: Tensor, lengths: Tensor, first: Tensor) -> AudioFrames:
        # transformers pads a last second with zeros, whose own edge the convolutions see; a stream that is
        # shorter has no second to be padded to.
        alone = first & (lengths < SECOND)
        parts: list[Tensor | None] = [None] * len(lengths)
        for row in alone.nonzero()[:, 0].tolist():
            parts[row] = self._convolve(values[row : row + 1, :, : int(lengths[row])])
        others = (~alone).nonzero()[:, 0]
        if len(others):
            heard = valid_positions(lengths[others], values.shape[-1])[:, None]
            whole = F.pad(values[others] * heard, (0, -values.shape[-1] % SECOND))
            seconds = whole.unflatten(-1, (-1, SECOND)).transpose(1, 2)  # (n, seconds, M, SECOND)
            convolved = self._convolve(seconds.flatten(0, 1)).unflatten(0, seconds.shape[:2]).flatten(1, 2)
            for row, states in zip(others.tolist(), convolved, strict=True):
                parts[row] = states[None]
        counts = self.frame_lengths(lengths)
        rows = [part[0, :count] for part, count in zip(parts, counts.tolist(), strict=True)]
        x = run_layers(self.tower.layers, pad_sequence(rows, batch_first=True), counts)
        return AudioFrames(self.tower.ln_post(x), counts)

    def _convolve(self, seconds: Tensor) -> Tensor:
        """(n, M, F up to a second) -> (n, frames, W)"""
        tower = self.tower
        x = seconds[:, None]
        for convolution in (tower.conv2d1, tower.conv2d2, tower.conv2d3):
            x = F.gelu(convolution(x))
        x = tower.conv_out(x.permute(0, 3, 1, 2).flatten(2))
        return x + tower.positional_embedding.positional_embedding[: x.shape[1]].to(x.dtype)

    def adapt(self, frames: AudioFrames) -> AudioFrames:
        tower = self.tower
        return AudioFrames(tower.proj2(tower.act(tower.proj1(frames.values))), frames.lengths)

    def frame_lengths(self, lengths: Tensor) -> Tensor:
        return self.audio_frames(lengths)

    @staticmethod
    def audio_frames(lengths: int | Tensor) -> int | Tensor:
        """Of so many feature frames."""
        return lengths // SECOND * FRAMES_OF_SECOND + -(-(lengths % SECOND) // 8)

    def frame_ends(self, streams: int, frames: int) -> Tensor:
        places = torch.arange(frames, device=self.device)
        within = ((places % FRAMES_OF_SECOND + 1) * FRAME_MS).clamp(max=SECOND_MS)
        return (places // FRAMES_OF_SECOND * SECOND_MS + within).float().expand(streams, frames)
