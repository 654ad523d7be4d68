"""Granite-speech (IBM 2025, arXiv 2505.08699) over the classes of transformers.

Log-mel features of its own, two to a frame of 20 ms, a Conformer, three queries for each 15 of its frames
(one for 100 ms), and a Granite language model whose LoRA adapter, for speech, lies in the model's folder and
is merged.

Attention stays within blocks of 4 s, but nothing is final with a block: the convolution of each layer sees a
few frames of the next block, whose attention has seen all of that block, so that each layer reaches one block
further. So all audio is encoded anew with every chunk, and read anew by the language model. Windows near the
end hear the audio reflected, as in training.

The encoder knows no padding: streams of unlike length are encoded one after the other.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from foundation.errors import InputError
from models.audio_language.hub_folder import ADAPTER, with_adapter
from models.audio_language.hub_model import DESCRIPTION_FILES, HubModel
from models.audio_language.model import AudioFeatures, AudioFrames
from models.layers.work import attention, linear
from models.sound.log_mel import HOP, HOP_MS, frames_heard
from models.sound.reflected_log_mel import SHORTEST, ReflectedLogMelStream, reflected_log_mel
from models.storage.model_files import read_json
from models.translator import TranslatorOptions

STACKED = 2  # feature frames in one of the encoder's
LONGEST_MS = 600_000  # a bound of ours: the encoder has none


class GraniteSpeech(HubModel):
    """One Granite-speech of any size."""

    family = "Granite-speech"
    kinds = ("granite_speech",)
    newest_transformers = 4
    network_class = "GraniteSpeechForConditionalGeneration"
    audio_token = "<|audio|>"
    usual_prompt = (
        "<|start_of_role|>system<|end_of_role|>Knowledge Cutoff Date: April 2024.\n"
        "Today's Date: April 9, 2025.\nYou are Granite, developed by IBM. "
        "You are a helpful AI assistant<|end_of_text|>\n"
        "<|start_of_role|>user<|end_of_role|><|audio|>translate the speech to {target}{context}"
        "<|end_of_text|>\n"
        "<|start_of_role|>assistant<|end_of_role|>"
    )
    needed_tokens = ("<|start_of_role|>", "<|end_of_role|>")
    usual_languages = ("en", "fr", "de", "es", "pt", "it", "ja", "zh")
    frame_ms = 100.0  # of published models
    usual_source_languages = ("en", "fr", "de", "es", "pt")
    description_files = DESCRIPTION_FILES
    lookahead_frames = 0
    fewest_frames = STACKED

    directions = "de, en, es, fr, pt to these and it, ja, zh (trained with English on one side)"
    kept = "nothing: each layer sees into the next block"
    anew = "all audio, and the language model's pass over it"

    @classmethod
    def encoder_work(cls, sizes: Mapping[str, Any], frames: int) -> int:
        audio, query, encoded = sizes["encoder_config"], sizes["projector_config"], frames // STACKED
        own, context = audio["hidden_dim"], audio["context_size"]
        inner, expanded = audio["num_heads"] * audio["dim_head"], audio["conv_expansion_factor"] * own
        layer = 4 * linear(encoded, own, audio["feedforward_mult"] * own) + 4 * linear(encoded, own, inner)
        # Attention stays within blocks, the last of which is filled up, and half as much again are the
        # products of queries and relative positions.
        layer += attention(-(-encoded // context) * context, context, inner) * 3 // 2
        layer += linear(encoded, own, 2 * expanded) + linear(encoded, expanded, own)
        layer += linear(encoded, audio["conv_kernel_size"], expanded)
        work = linear(encoded, audio["input_dim"], own) + audio["num_layers"] * layer
        work += 2 * linear(encoded, own, audio["output_dim"])
        windows, window = -(-encoded // sizes["window_size"]), sizes["window_size"]
        queries, width = windows * window // sizes["downsample_rate"], query["hidden_size"]
        layer = 6 * linear(queries, width, width) + 2 * linear(queries, width, query["intermediate_size"])
        layer += 2 * linear(windows * window, query["encoder_hidden_size"], width)
        layer += attention(queries, window + window // sizes["downsample_rate"], width)
        work += query["num_hidden_layers"] * layer
        return work + linear(queries, width, sizes["text_config"]["hidden_size"])

    def __init__(self, network: nn.Module, folder: Path, options: TranslatorOptions) -> None:
        super().__init__(network, folder, options)
        self._logits_scaling = self.language_model.config.logits_scaling

    @classmethod
    def _read(cls, path: Path, dtype: torch.dtype | str) -> nn.Module:
        if not any(path.glob("model*.safetensors")) and not any(path.glob("pytorch_model*.bin")):
            return super()._read(path, dtype)
        if not (path / ADAPTER).is_file():
            if read_json(path / "config.json").get("has_lora_adapter", True):
                raise InputError(f"{path} lacks {ADAPTER}: copy the whole folder of the model again")
            return super()._read(path, dtype)
        # transformers would look for the weights under the name that the adapter gives, on the Hub.
        with TemporaryDirectory() as bare:
            for file in path.iterdir():
                if not file.name.startswith("adapter_"):
                    (Path(bare) / file.name).symlink_to(file.absolute())
            try:
                network = super()._read(Path(bare), dtype)
            except InputError as error:
                raise InputError(str(error).replace(bare, str(path))) from None
        network = with_adapter(path, network, dtype)
        network.config.has_lora_adapter = False
        return network

    def read_sizes(self, config: Any) -> None:
        encoder = config.encoder_config
        if encoder.input_dim % STACKED or config.window_size % config.downsample_rate:
            raise InputError(
                f"{self.folder / 'config.json'} gives sizes that do not divide: download it again"
            )
        self.mel_bins = encoder.input_dim // STACKED
        self._window, self._queries = config.window_size, config.window_size // config.downsample_rate
        # What the adapter reads of one query's share of a window, side by side.
        self._share = config.downsample_rate
        self.encoder_width = self._share * encoder.hidden_dim
        self.frame_ms = float(self._share * STACKED * HOP_MS)
        # At least half of the context is for text.
        longest = min(LONGEST_MS, int(self.context_length // 2 * self.frame_ms)) // HOP_MS
        window = STACKED * self._window
        self.window_frames = max(longest // window, 1) * window

    def end_token(self, prompt: str) -> str:
        return "<|end_of_text|>"

    @property
    def language_model(self) -> nn.Module:
        return self.network.language_model

    @property
    def encoder(self) -> nn.Module:
        return self.network.encoder

    @property
    def adapter(self) -> nn.Module:
        return self.network.projector

    def open_features(self) -> ReflectedLogMelStream:
        return ReflectedLogMelStream(self.mel_bins)

    def features_of(
        self, streams: Sequence[ReflectedLogMelStream], silence_ms: int | None = None
    ) -> AudioFeatures:
        frames_heard(streams, self.window_frames)  # refuses what is too long
        silence = torch.zeros((silence_ms or 0) * HOP // HOP_MS)
        rows = []
        for stream in streams:
            samples = torch.cat([stream.samples, silence])
            features = reflected_log_mel(samples, self.mel_bins)[: self.window_frames]
            rows.append(features[: len(features) // STACKED * STACKED])
        lengths = torch.tensor([len(row) for row in rows], device=self.device)
        values = pad_sequence(rows, batch_first=True).transpose(1, 2)
        return AudioFeatures(values.to(self.device, self.dtype), lengths)

    def encoded_lengths(self, heard: Tensor, silence_ms: int) -> Tensor:
        """As `features_of` has them: one frame more than whole hops, without an odd one."""
        samples = (heard * HOP + silence_ms * HOP // HOP_MS).clamp(min=SHORTEST)
        return ((samples // HOP + 1) // STACKED * STACKED).clamp(max=self.window_frames)

    def encode_features(self, features: AudioFeatures) -> AudioFrames:
        self.encoder.eval()  # its statistics are those of the checkpoint, in training too
        rows: list[Tensor | None] = [None] * len(features.lengths)
        for length in sorted(set(features.lengths.tolist())):
            alike = (features.lengths == length).nonzero()[:, 0]
            values = features.values[alike, :, :length].transpose(1, 2)  # (n, F, M)
            encoded = self.encoder(values.reshape(len(alike), length // STACKED, -1))
            whole = F.pad(encoded, (0, 0, 0, -encoded.shape[1] % self._window))
            for row, some in zip(alike.tolist(), whole, strict=True):
                rows[row] = some.reshape(len(some) // self._share, -1)
        return AudioFrames(pad_sequence(rows, batch_first=True), self.frame_lengths(features.lengths))

    def adapt(self, frames: AudioFrames) -> AudioFrames:
        count, length = frames.values.shape[:2]
        states = frames.values.reshape(count, length * self._share, -1)
        return AudioFrames(self.adapter(states), frames.lengths)

    def frame_lengths(self, lengths: Tensor) -> Tensor:
        return -(-(lengths // STACKED) // self._window) * self._queries

    def logits(self, hidden: Tensor) -> Tensor:
        return super().logits(hidden) / self._logits_scaling
