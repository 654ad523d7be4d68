"""Qwen2-Audio (Chu et al. 2024, arXiv 2407.10759) over the classes of transformers.

Whisper's encoder, frames averaged two by two (40 ms each), a linear adapter, and Qwen2. The encoder here
runs only over frames that hold audio, with the result of transformers, which runs over all 30 s and masks
the rest: what a frame may attend to is the same, and the two convolutions, which do see past the end of the
audio, are given the two frames of silence that they reach.

Every frame attends to all others, later ones too: exact results need all audio encoded anew with every chunk,
and all frames read anew by the language model. With `frozen_after_s` old frames stay as they are, which is an
approximation (benchmarks/README.md has what it costs and saves), and neither is done again for them.

The model folder is that of Hugging Face. Its config.json may have a section of this project's own:

    "translation": {"prompt": "...", "languages": ["de", ...], "source_languages": ["en"],
                    "alignment_heads": [[layer, head], ...]}

Folders of LoRA adapters are loaded too, merged into their base, when they hold config.json and
tokenizer.json beside adapter_config.json.
"""

import logging
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foundation.errors import InputError
from foundation.files.whole_folder import whole_folder
from models.audio_language.audio_streams import AudioStreamEncoder
from models.audio_language.freezing_encoder import FreezingEncoder
from models.audio_language.model import AudioFeatures, AudioFrames, AudioLanguageModel
from models.audio_language.tokenizer import AudioLanguageTokenizer, PromptFormat
from models.storage.declared_sizes import is_size
from models.storage.locate import locate_base
from models.storage.model_files import read_json
from models.storage.stored_weights import check_finite, some
from models.translator import TranslatorOptions
from models.whisper.hearing import Hearing
from models.whisper.network import valid_positions

logger = logging.getLogger(__name__)

MODEL_TYPE = "qwen2_audio"
POOLED_FRAMES = 2  # of the encoder's, in one that the language model reads
AUDIO_TOKEN = "<|AUDIO|>"
# The processor's chat format with one audio. Base checkpoints, which know no chat, are given a --prompt.
PROMPT = (
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
    "Audio 1: <|audio_bos|><|AUDIO|><|audio_eos|>\n"
    "Translate the {source} speech into {target} text.<|im_end|>\n<|im_start|>assistant\n"
)
TOKENIZER_FILES = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "merges.txt", "preprocessor_config.json", "processor_config.json"),
    *("chat_template.json", "chat_template.jinja"),
)


class Qwen2Audio(AudioLanguageModel):
    """One Qwen2-Audio of any size."""

    frame_ms = 40.0
    lookahead_frames = 2
    fewest_frames = 4  # two strides of two
    description_files = TOKENIZER_FILES

    def __init__(self, network: nn.Module, folder: Path, options: TranslatorOptions) -> None:
        """network: transformers' Qwen2AudioForConditionalGeneration; folder: where its tokenizer is."""
        config = network.config
        self.network = network
        self.folder = folder
        self.encoder.embed_positions.requires_grad_(False)  # as in Whisper; transformers 5 would train them
        self.encoder_width = config.audio_config.d_model
        self.mel_bins = config.audio_config.num_mel_bins
        self.window_frames = 2 * config.audio_config.max_source_positions
        self.context_length = config.text_config.max_position_embeddings
        sizes = {"max_source_positions": self.window_frames, "max_position_embeddings": self.context_length}
        wrong = [name for name, size in sizes.items() if not is_size(name, size)]
        if wrong:
            raise InputError(f"{folder / 'config.json'} gives no usable {wrong[0]}: download it again")
        section = getattr(config, "translation", None) or {}
        if not isinstance(section, dict):
            raise InputError(f"{folder / 'config.json'} must give translation as an object: copy it again")
        self.alignment_heads = _alignment_heads(folder, section)
        prompt_format = _prompt_format(folder, section, options)
        chat = "<|im_start|>" in prompt_format.text
        self.tokenizer = AudioLanguageTokenizer(
            folder / "tokenizer.json",
            config.text_config.vocab_size,
            prompt_format,
            AUDIO_TOKEN,
            end_token="<|im_end|>" if chat else "<|endoftext|>",
            needed_tokens=("<|audio_bos|>", "<|audio_eos|>"),
            # One token of text at least.
            maximum_prompt=self.context_length - self.maximum_frames - 1,
        )

    @classmethod
    def load(cls, path: Path, options: TranslatorOptions) -> "Qwen2Audio":
        device = options.torch_device()
        absent = [name for name in ("config.json", "tokenizer.json") if not (path / name).is_file()]
        if absent:
            raise InputError(f"{path} lacks {', '.join(absent)}: copy the whole folder of the model again")
        network = _read_network(path, options.language_model_dtype())
        check_finite(path, network.state_dict(), "download the model again, or take an earlier checkpoint")
        return cls(network.to(device), path, options)

    def save(self, folder: Path) -> None:
        check_finite(
            folder.name, self.network.state_dict(), "train again from an earlier checkpoint, or store float32"
        )
        with whole_folder(folder) as partial:
            self.network.save_pretrained(partial)
            for name in self.description_files:
                if (self.folder / name).is_file():
                    shutil.copy(self.folder / name, partial / name)

    @property
    def language_model(self) -> nn.Module:
        return _parts(self.network).language_model

    @property
    def head(self) -> nn.Linear:
        return self.network.get_output_embeddings()

    @property
    def encoder(self) -> nn.Module:
        return _parts(self.network).audio_tower

    @property
    def adapter(self) -> nn.Module:
        return _parts(self.network).multi_modal_projector

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


def _parts(network: nn.Module) -> nn.Module:
    """Where audio_tower, multi_modal_projector and language_model are: in transformers 5 a model inside."""
    return getattr(network, "model", network)


def _read_network(path: Path, dtype: torch.dtype) -> nn.Module:
    try:
        from transformers import Qwen2AudioForConditionalGeneration
    except ImportError as error:
        raise InputError(
            f"audio-language models need transformers 4.57 or later ({error}): install it with "
            "pip install -e '.[audio-language]'"
        ) from None
    adapter = path / "adapter_config.json"
    if adapter.is_file():
        return _with_adapter(path, _read_network(_base_of(adapter), dtype))
    config = read_json(path / "config.json")
    _refuse_huge(path / "config.json", config)
    kind = config.get("model_type")
    if kind != MODEL_TYPE:
        raise InputError(
            f"{path} holds a {kind!r} model, which is no audio-language model known here: give one whose "
            f"model_type is {MODEL_TYPE!r}"
        )
    try:
        network, report = Qwen2AudioForConditionalGeneration.from_pretrained(
            path, dtype=dtype, output_loading_info=True, local_files_only=True
        )
    except Exception as error:  # what damaged files raise differs between formats and versions
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} holds no usable Qwen2-Audio ({reason}): download it again") from None
    missing = sorted(report["missing_keys"])
    if missing:
        raise InputError(
            f"the weights in {path} lack {len(missing)} tensors ({some(missing)}): download the model again"
        )
    return network


def _refuse_huge(file: Path, config: dict[str, Any]) -> None:
    """Raises InputError for sizes that transformers would build for ever, or until the memory is full."""
    endings = ("_layers", "_size", "_positions", "_embeddings", "d_model", "_dim", "_heads", "_bins")
    for section in (config, config.get("audio_config"), config.get("text_config")):
        for name, value in section.items() if isinstance(section, dict) else ():
            # What is no number transformers refuses itself.
            if name.endswith(endings) and type(value) in (int, float) and not is_size(name, value, least=0):
                raise InputError(f"{file} gives no usable {name} ({str(value):.40}): download it again")


def _base_of(adapter: Path) -> Path:
    """The folder of the model that an adapter changes: relative to it, or as `locate_base` finds it."""
    base = read_json(adapter).get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise InputError(f"{adapter} names no base_model_name_or_path: add the model that was trained on")
    return locate_base(adapter.parent, base)


def _with_adapter(path: Path, network: nn.Module) -> nn.Module:
    try:
        from peft import PeftModel
    except ImportError as error:
        raise InputError(
            f"{path} holds a LoRA adapter, which needs peft ({error}): install it with "
            "pip install -e '.[audio-language]'"
        ) from None
    try:
        with warnings.catch_warnings():
            # peft would go on with adapters that do nothing.
            warnings.filterwarnings("error", message=".*missing adapter keys")
            return PeftModel.from_pretrained(network, str(path)).merge_and_unload()
    except Exception as error:  # as above
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"the adapter in {path} does not fit its base ({reason}): export it again") from None


def _prompt_format(folder: Path, section: dict[str, Any], options: TranslatorOptions) -> PromptFormat:
    text = options.prompt if options.prompt is not None else section.get("prompt", PROMPT)
    lists = {key: section[key] for key in ("languages", "source_languages") if key in section}
    for key, value in (("prompt", [text]), *lists.items()):
        if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
            raise InputError(f"{folder / 'config.json'} gives no usable translation {key}: copy it again")
    return PromptFormat(text, **{key: tuple(value) for key, value in lists.items()})


def _alignment_heads(folder: Path, section: dict[str, Any]) -> tuple[tuple[int, int], ...] | None:
    pairs = section.get("alignment_heads")
    if pairs is None:
        return None
    try:
        return tuple((int(layer), int(head)) for layer, head in pairs)
    except (TypeError, ValueError):
        raise InputError(
            f"{folder / 'config.json'} must give translation alignment_heads as pairs [layer, head], found "
            f"{pairs!r}"
        ) from None
