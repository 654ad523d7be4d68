"""A causal language model of transformers, in the form that our decoder of audio-language models takes.

There audio frames stand in the prompt like words; here they are the embeddings of the source's words. What
does not change any more is read once (`models.audio_language.kept_keys`).
"""

from pathlib import Path

import torch
from torch import nn

from foundation.errors import InputError
from models.audio_language.model import AudioLanguageModel
from models.layers.device_map import place_language_model
from models.layers.processor_weights import quantise_language_model
from models.storage.declared_sizes import is_size
from models.storage.model_files import read_json
from models.storage.stored_weights import check_finite, some
from models.storage.tokenizer_files import TOKENIZER
from models.text_translation.causal_tokenizer import CausalTokenizer
from models.translator import TranslatorOptions

# Of transformers' `model_type`; others may do as well, but nobody has tried them.
CAUSAL_KINDS = ("llama", "qwen2", "qwen3", "mistral")
SOURCE_SHARE = 2  # of the context may be the source: a half


class CausalModel:
    """What `models.audio_language.translator.AudioLanguageDecoder` asks of a model."""

    alignment_heads = None

    def __init__(self, network: nn.Module, tokenizer: CausalTokenizer, context_length: int) -> None:
        """network: transformers' model with its head."""
        self.network = network
        self.tokenizer = tokenizer
        self.context_length = context_length
        self.maximum_frames = context_length // SOURCE_SHARE

    @property
    def language_model(self) -> nn.Module:
        return self.network

    @property
    def head(self) -> nn.Linear:
        return self.network.get_output_embeddings()

    device = AudioLanguageModel.device
    dtype = AudioLanguageModel.dtype
    width = AudioLanguageModel.width
    embed = AudioLanguageModel.embed
    hidden_states = AudioLanguageModel.hidden_states
    logits = AudioLanguageModel.logits


def load_causal_model(folder: Path, options: TranslatorOptions) -> CausalModel:
    """The model in a folder. Raises InputError, with what is wrong and how to mend it, if there is none."""
    config = read_json(folder / "config.json")
    sizes = {name: config.get(name) for name in ("vocab_size", "max_position_embeddings")}
    sizes |= {name: config.get(name) for name in ("num_hidden_layers", "hidden_size")}
    for name, value in sizes.items():
        if not is_size(name, value):
            raise InputError(
                f"{folder / 'config.json'} gives no usable {name} ({value!r:.40}): download it again"
            )
    if not (folder / TOKENIZER).is_file():
        raise InputError(f"{folder} has no {TOKENIZER}: copy that of the same model there")
    ends = config.get("eos_token_id")
    ends = [end for end in (ends if isinstance(ends, list) else [ends]) if type(end) is int]
    tokenizer = CausalTokenizer(folder / TOKENIZER, config["vocab_size"], ends, options.prompt)
    network = _read_network(folder, options.language_model_dtype())
    check_finite(folder, network.state_dict(), "download the model again, or take an earlier checkpoint")
    network.eval().requires_grad_(False)
    layers = network.get_decoder().layers
    place_language_model(network, layers, options)
    if options.decodes_in_eight_bits:
        quantise_language_model(network, layers)
    return CausalModel(network, tokenizer, config["max_position_embeddings"])


def _read_network(folder: Path, dtype: torch.dtype | str) -> nn.Module:
    try:
        from transformers import AutoModelForCausalLM
    except ImportError as error:
        raise InputError(
            f"language models need transformers 4.57 or later ({error}): install it with "
            "pip install -e '.[audio-language]'"
        ) from None
    try:
        network, report = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, output_loading_info=True, local_files_only=True
        )
    except Exception as error:  # what damaged files raise differs between formats and versions
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{folder} holds no usable language model ({reason}): download it again") from None
    missing = sorted(report["missing_keys"])
    if missing:
        raise InputError(
            f"the weights in {folder} lack {len(missing)} tensors ({some(missing)}): download it again"
        )
    return network
