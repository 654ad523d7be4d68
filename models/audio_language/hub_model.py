"""What the families that are classes of transformers have in common: folders, prompts, end of text.

A family says which class, which placeholder of the audio and which prompt it has, and how its encoder runs.
"""

import shutil
from abc import abstractmethod
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from foundation.errors import InputError
from foundation.files.whole_folder import whole_folder
from models.audio_language.hub_folder import (
    ADAPTER,
    alignment_heads,
    base_of,
    prompt_format,
    read_network,
    translation_section,
    with_adapter,
)
from models.audio_language.model import AudioLanguageModel
from models.audio_language.tokenizer import AudioLanguageTokenizer, PromptFormat
from models.languages import ENGLISH_NAMES
from models.layers.device_map import place_language_model
from models.storage.alignment_file import ALIGNMENT_HEADS
from models.storage.declared_sizes import is_size
from models.storage.stored_weights import check_finite
from models.translator import TranslatorOptions

DESCRIPTION_FILES = (
    *("tokenizer.json", "tekken.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("added_tokens.json", "vocab.json", "merges.txt", "preprocessor_config.json", "processor_config.json"),
    *("chat_template.json", "chat_template.jinja", ALIGNMENT_HEADS),
)


class HubModel(AudioLanguageModel):
    """One model of a family that transformers knows."""

    family: str  # its name, for messages
    kinds: tuple[str, ...]  # values of model_type in config.json
    network_class: str  # in transformers
    audio_token: str  # stands in the prompt for all audio frames
    usual_prompt: str  # with special tokens, {source}, {target}, {context}
    newest_transformers: int | None = None  # the last major version whose class is laid out so
    needed_tokens: tuple[str, ...] = ()  # further special tokens of the usual prompt
    tokenizer_files: tuple[str, ...] = ("tokenizer.json",)  # the first that is there is read
    text_pattern: str | None = None  # that splits text, where the tokenizer is a vocab.json
    needed_files: tuple[str, ...] = ()  # of the processor, beside config.json and the tokenizer
    usual_languages: tuple[str, ...] = tuple(ENGLISH_NAMES)  # codes that can be written
    usual_source_languages: tuple[str, ...] | None = None  # that are understood; None: the same
    description_files = DESCRIPTION_FILES
    # Those of Qwen2, and of most.
    lora_modules = (*("q_proj", "k_proj", "v_proj", "o_proj"), *("gate_proj", "up_proj", "down_proj"))

    directions: str  # of translation, for docs/MODELS.md, as the next two
    kept: str  # from chunk to chunk
    anew: str  # is computed at each chunk

    def __init__(self, network: nn.Module, folder: Path, options: TranslatorOptions) -> None:
        """network: transformers' model; folder: where its tokenizer is."""
        self.network = network
        self.folder = folder
        config = network.config
        self.context_length = config.get_text_config().max_position_embeddings
        self.read_sizes(config)
        sizes = {"window": self.window_frames, "max_position_embeddings": self.context_length}
        wrong = [name for name, size in sizes.items() if not is_size(name, size)]
        if wrong:
            raise InputError(f"{folder / 'config.json'} gives no usable {wrong[0]}: download it again")
        section = translation_section(folder, config)
        self.alignment_heads = alignment_heads(folder, section)
        asked = prompt_format(
            folder,
            section,
            options,
            PromptFormat(
                self.usual_prompt, self.usual_languages, self.usual_source_languages or self.usual_languages
            ),
        )
        self.tokenizer = AudioLanguageTokenizer(
            self.tokenizer_file(folder),
            config.get_text_config().vocab_size,
            asked,
            self.audio_token,
            end_token=self.end_token(asked.text),
            needed_tokens=self.needed_tokens,
            # One token of text at least.
            maximum_prompt=self.context_length - self.maximum_frames - 1,
            pattern=self.text_pattern,
        )

    @classmethod
    def load(cls, path: Path, options: TranslatorOptions) -> "HubModel":
        options.torch_device()  # a wrong one is refused before anything is loaded
        absent = [name for name in ("config.json", *cls.needed_files) if not (path / name).is_file()]
        if not cls.tokenizer_file(path).is_file():
            absent.append(cls.tokenizer_files[0])
        if absent:
            raise InputError(f"{path} lacks {', '.join(absent)}: copy the whole folder of the model again")
        cls._check_transformers()
        network = cls._read(path, options.language_model_dtype())
        check_finite(path, network.state_dict(), "download the model again, or take an earlier checkpoint")
        model = cls(network, path, options)
        place_language_model(network, model.language_layers, options)
        return model

    @classmethod
    def _check_transformers(cls) -> None:
        installed = version("transformers")
        if cls.newest_transformers is not None and int(installed.split(".")[0]) > cls.newest_transformers:
            raise InputError(
                f"{cls.family} runs on transformers {cls.newest_transformers}, and {installed} is installed: "
                f"pip install 'transformers<{cls.newest_transformers + 1}'"
            )

    @classmethod
    def tokenizer_file(cls, folder: Path) -> Path:
        """The tokenizer in a folder; where there is none, the first that could be."""
        files = [folder / name for name in cls.tokenizer_files]
        return next((file for file in files if file.is_file()), files[0])

    @classmethod
    def _read(cls, path: Path, dtype: torch.dtype | str) -> nn.Module:
        if (path / ADAPTER).is_file():
            return with_adapter(path, cls._read(base_of(path / ADAPTER), dtype), dtype)
        return read_network(path, cls.network_class, cls.family, cls.kinds, dtype)

    def save(self, folder: Path) -> None:
        check_finite(
            folder.name, self.network.state_dict(), "train again from an earlier checkpoint, or store float32"
        )
        with whole_folder(folder) as partial:
            self.network.save_pretrained(partial)
            for name in self.description_files:
                if (self.folder / name).is_file():
                    shutil.copy(self.folder / name, partial / name)

    @classmethod
    @abstractmethod
    def encoder_work(cls, sizes: Mapping[str, Any], frames: int) -> int:
        """Floating-point operations of encoder and adapter for so many feature frames, encoded at once.

        sizes: the parts of config.json that `published.json` has.
        """

    @classmethod
    def published_block(cls, sizes: Mapping[str, Any]) -> int | None:
        """Feature frames of a block that is encoded once; None: all audio is encoded anew."""
        return None

    @abstractmethod
    def read_sizes(self, config: Any) -> None:
        """Set encoder_width, mel_bins, window_frames and frame_ms from transformers' configuration.

        Raises InputError for sizes that cannot be used.
        """

    @abstractmethod
    def end_token(self, prompt: str) -> str:
        """What a text behind this prompt ends with."""

    @property
    def language_model(self) -> nn.Module:
        return self._parts.language_model

    @property
    def encoder(self) -> nn.Module:
        return self._parts.audio_tower

    @property
    def adapter(self) -> nn.Module:
        return self._parts.multi_modal_projector

    @property
    def _parts(self) -> nn.Module:
        """Where these three are by their usual names: in transformers 5 in a model inside."""
        return getattr(self.network, "model", self.network)

    @property
    def head(self) -> nn.Linear:
        return self.network.get_output_embeddings()
