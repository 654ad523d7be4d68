"""Reads config.json of Marian (Opus-MT), M2M-100 with NLLB, and T5 with mT5."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from models.storage.declared_sizes import is_size
from models.text_translation.dimensions import TextDimensions
from models.text_translation.network import ACTIVATIONS

MARIAN, M2M, T5_TYPES = "marian", "m2m_100", ("t5", "mt5")
KINDS = (MARIAN, M2M, *T5_TYPES)
T5_TOKENS = 512  # longest texts of its training; its positions are relative
GATED = {"gated-gelu": "gelu_new", "gated-silu": "silu", "gated-relu": "relu"}


class _Sizes:
    """Values of a configuration; InputError names what is wrong in it."""

    def __init__(self, file: Path, config: Mapping[str, Any]) -> None:
        self.file, self._config = file, config

    def size(self, name: str, default: int | None = None) -> int:
        value = self._config.get(name, default)
        if not is_size(name, value):
            raise self.wrong(name, value)
        return value

    def heads(self, name: str, width: int) -> int:
        heads = self.size(name)
        if width % heads:
            raise self.wrong(name, heads)
        return heads

    def activation(self, name: str) -> str:
        value = self._config.get(name)
        if value not in ACTIVATIONS:
            raise self.wrong(name, value)
        return value

    def wrong(self, name: str, value: object) -> InputError:
        return InputError(f"{self.file} gives no usable {name} ({value!r:.40}): download it again")


def text_dimensions(folder: Path, config: Mapping[str, Any]) -> TextDimensions:
    """The sizes that a folder's config.json declares. Raises InputError for any that cannot be."""
    sizes = _Sizes(folder / "config.json", config)
    if config.get("model_type") in T5_TYPES:
        return _t5(sizes, config)
    return _fairseq(sizes, config, config.get("model_type") == MARIAN)


def _fairseq(sizes: _Sizes, config: Mapping[str, Any], is_marian: bool) -> TextDimensions:
    width = sizes.size("d_model")
    heads = sizes.heads("decoder_attention_heads", width)
    if sizes.heads("encoder_attention_heads", width) != heads:
        raise sizes.wrong("encoder_attention_heads", config["encoder_attention_heads"])
    if width % 2:
        raise sizes.wrong("d_model", width)
    own_source = is_marian and config.get("share_encoder_decoder_embeddings") is False
    if own_source and config.get("decoder_vocab_size") not in (None, config.get("vocab_size")):
        raise sizes.wrong("decoder_vocab_size", config["decoder_vocab_size"])
    return TextDimensions(
        n_vocab=sizes.size("vocab_size"),
        n_text_ctx=sizes.size("max_position_embeddings"),
        n_text_state=width,
        n_text_head=heads,
        n_text_layer=sizes.size("decoder_layers"),
        n_text_inner=sizes.size("decoder_ffn_dim"),
        n_encoder_head=heads,
        n_encoder_layer=sizes.size("encoder_layers"),
        n_encoder_inner=sizes.size("encoder_ffn_dim"),
        head_width=width // heads,
        activation=sizes.activation("activation_function"),
        normalises_first=not is_marian,
        embedding_scale=width**0.5 if config.get("scale_embedding", not is_marian) else 1.0,
        interleaved_positions=is_marian,
        own_source_embedding=own_source,
        shared_output=config.get("tie_word_embeddings", True) is not False,
        has_output_bias=is_marian,
    )


def _t5(sizes: _Sizes, config: Mapping[str, Any]) -> TextDimensions:
    width, kind = sizes.size("d_model"), config.get("feed_forward_proj", "relu")
    if kind not in GATED and kind not in ACTIVATIONS:
        raise sizes.wrong("feed_forward_proj", kind)
    shared = config.get("tie_word_embeddings", True) is not False
    # Version 1.1 and mT5 do not scale: transformers 5 says so, and 4 says that nothing is tied.
    scales = config.get("scale_decoder_outputs", shared and config.get("model_type") == "t5")
    layers, heads = sizes.size("num_layers"), sizes.size("num_heads")
    epsilon = config.get("layer_norm_epsilon", 1e-6)
    if not isinstance(epsilon, float) or not 0 < epsilon < 1:
        raise sizes.wrong("layer_norm_epsilon", epsilon)
    return TextDimensions(
        n_vocab=sizes.size("vocab_size"),
        n_text_ctx=T5_TOKENS,
        n_text_state=width,
        n_text_head=heads,
        n_text_layer=sizes.size("num_decoder_layers", layers),
        n_text_inner=sizes.size("d_ff"),
        n_encoder_head=heads,
        n_encoder_layer=layers,
        n_encoder_inner=sizes.size("d_ff"),
        head_width=sizes.size("d_kv"),
        activation=GATED.get(kind, kind),
        is_gated=kind in GATED,
        mean_is_kept=True,
        epsilon=epsilon,
        bias=False,
        relative_buckets=sizes.size("relative_attention_num_buckets", 32),
        relative_distance=sizes.size("relative_attention_max_distance", 128),
        shared_output=shared,
        output_scale=width**-0.5 if scales else 1.0,
    )
