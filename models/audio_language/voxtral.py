"""Voxtral (Mistral 2025, arXiv 2507.13264) over the classes of transformers.

Whisper's encoder over windows of 30 s that do not see each other, four frames joined (80 ms each), two linear
layers, and a Mistral language model. The model always heard whole windows in training, silence included, and
silence has frames of its own in the prompt: that is what is done here by default, and what transformers does.
So a chunk costs the encoder a window, and the language model its 375 frames, until the window's 30 s are
heard: only then are its frames final, and kept. With `trailing_silence_ms` less silence is heard, which is
cheaper and an approximation.

The tokenizer is Mistral's tekken.json.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from models.audio_language.block_model import BlockwiseModel
from models.audio_language.model import AudioFrames
from models.audio_language.tower_layers import run_layers
from models.layers.work import linear, transformer, whisper_convolutions
from models.sound.log_mel import HOP_MS
from models.storage.tekken import TEKKEN

JOINED_FEATURES = 8  # feature frames in an audio frame: two to a frame of the tower, four of these
LONGEST_MS = 1_800_000  # Mistral gives 30 minutes for transcription


class Voxtral(BlockwiseModel):
    """One Voxtral of any size."""

    family = "Voxtral"
    kinds = ("voxtral",)
    network_class = "VoxtralForConditionalGeneration"
    audio_token = "[AUDIO]"
    usual_prompt = (
        "<s>[INST][BEGIN_AUDIO][AUDIO]Translate the {source} speech into {target} text. Write the "
        "translation alone.{context}[/INST]"
    )
    needed_tokens = ("<s>", "[INST]", "[/INST]", "[BEGIN_AUDIO]")
    tokenizer_files = (TEKKEN, "tokenizer.json")
    usual_languages = ("en", "es", "fr", "pt", "hi", "de", "nl", "it")
    frame_ms = 80.0
    lookahead_frames = 2
    fewest_frames = JOINED_FEATURES
    usual_silence_ms = 30_000

    directions = "among de, en, es, fr, hi, it, nl, pt"
    kept = "whole windows of 30 s, and the language model's keys of them"
    anew = "the newest window, silence up to its end included, and the text"

    @classmethod
    def encoder_work(cls, sizes: Mapping[str, Any], frames: int) -> int:
        audio, width = sizes["audio_config"], sizes["text_config"]["hidden_size"]
        own, inner, encoded = audio["hidden_size"], audio["intermediate_size"], frames // 2
        seen = min(encoded, audio["max_source_positions"])
        work = whisper_convolutions(frames, audio["num_mel_bins"], own)
        work += transformer(encoded, seen, own, inner, audio["num_hidden_layers"])
        joined = frames // JOINED_FEATURES
        return work + linear(joined, inner, width) + linear(joined, width, width)

    @classmethod
    def published_block(cls, sizes: Mapping[str, Any]) -> int:
        return 2 * sizes["audio_config"]["max_source_positions"]

    def read_sizes(self, config: Any) -> None:
        audio = config.audio_config
        self.encoder.embed_positions.requires_grad_(False)  # as in Whisper
        self.encoder_width = audio.intermediate_size
        self.mel_bins = audio.num_mel_bins
        self.block_frames = 2 * audio.max_source_positions
        # At least half of the context is for text.
        longest = min(LONGEST_MS // HOP_MS, self.context_length // 2 * JOINED_FEATURES)
        self.window_frames = max(longest // self.block_frames, 1) * self.block_frames

    def end_token(self, prompt: str) -> str:
        return "</s>"

    def encoded_lengths(self, heard: Tensor, silence_ms: int) -> Tensor:
        """Silence never begins a window, and audio frames are whole."""
        size = self.block_frames
        window_ends = -(-heard // size) * size
        lengths = torch.minimum(heard + silence_ms // HOP_MS, window_ends)
        return -(-lengths // JOINED_FEATURES) * JOINED_FEATURES

    def encode_blocks(self, values: Tensor, lengths: Tensor, first: Tensor) -> AudioFrames:
        tower = self.encoder
        x = F.gelu(tower.conv1(values))
        x = F.gelu(tower.conv2(x)).transpose(1, 2)
        x = x[:, : int(lengths.max()) // 2]
        x = (x + tower.embed_positions.weight[: x.shape[1]]).to(values.dtype)
        x = tower.layer_norm(run_layers(tower.layers, x, lengths // 2))
        joined = self.encoder_width // x.shape[-1]  # four
        return AudioFrames(x.unflatten(1, (-1, joined)).flatten(2), lengths // JOINED_FEATURES)

    def adapt(self, frames: AudioFrames) -> AudioFrames:
        return AudioFrames(self.adapter(frames.values), frames.lengths)

    def frame_lengths(self, lengths: Tensor) -> Tensor:
        return -(-lengths // JOINED_FEATURES)
