"""Loads a Canary from its Hugging Face folder (transformers 5, `CanaryForConditionalGeneration`).

    config.json and its like     `models.canary.configuration`
    model.safetensors            or shards with model.safetensors.index.json
    tokenizer.json

Every file is checked against the sizes it declares before anything is built from it, and weights are returned
in the number format in which they are stored."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from foundation.errors import InputError
from models.canary.configuration import (
    canary_dimensions,
    check_features,
    known_languages,
    read_configuration,
    special_tokens,
)
from models.canary.network import Canary, text_positions
from models.canary.tokenizer import CanaryTokenizer
from models.layers.attention_heads import Heads
from models.layers.empty_network import without_values
from models.storage.stored_weights import check_weights, read_folder_weights
from models.storage.tokenizer_files import TOKENIZER
from models.whisper.alignment_heads import alignment_heads

# Hugging Face's names of the decoder's tensors to those of `models.canary.network`, applied in this order.
DECODER_NAMES = (
    (r"\.embed_tokens\.", ".token_embedding."),
    (r"\.embedding_layernorm\.", ".embedding_ln."),
    (r"^decoder\.norm\.", "decoder.ln."),
    (r"\.layers\.", ".blocks."),
    (r"\.input_layernorm\.", ".attn_ln."),
    (r"\.post_attention_layernorm\.", ".cross_attn_ln."),
    (r"\.final_layernorm\.", ".mlp_ln."),
    (r"\.self_attn\.", ".attn."),
    (r"\.encoder_attn\.", ".cross_attn."),
    (r"\.q_proj\.", ".query."),
    (r"\.k_proj\.", ".key."),
    (r"\.v_proj\.", ".value."),
    (r"\.o_proj\.", ".out."),
    (r"\.fc1\.", ".0."),
    (r"\.fc2\.", ".2."),
)


@dataclass(frozen=True)
class CanaryCheckpoint:
    """A Canary with its tokenizer."""

    model: Canary
    tokenizer: CanaryTokenizer
    alignment_heads: Heads | None  # (layer, head) from 0 whose cross-attention follows the speech


def load_canary(folder: Path, punctuation: bool = True) -> CanaryCheckpoint:
    """The model in a folder; punctuation: of `CanaryTokenizer`.

    Raises InputError, with what is wrong and how to mend it, if there is no complete Canary.
    """
    config = read_configuration(folder)
    dimensions = canary_dimensions(folder, config)
    check_features(folder, dimensions.n_mels)
    specials, languages = special_tokens(folder, config), known_languages(folder, config)
    heads = alignment_heads(folder, config.get("alignment_heads"), dimensions)
    file = folder / TOKENIZER
    if not file.is_file():
        raise InputError(f"{folder} has no {TOKENIZER}: copy that of the same model there")
    tokenizer = CanaryTokenizer(file, dimensions.n_vocab, specials, languages, punctuation)
    with without_values():
        model = Canary(dimensions)
    positions = text_positions(dimensions.n_text_ctx, dimensions.n_text_state)
    weights = own_names(read_folder_weights(folder)) | {"decoder.positional_embedding": positions}
    check_weights(folder, model.state_dict(), weights)
    model.load_state_dict(weights, assign=True)
    return CanaryCheckpoint(model.eval(), tokenizer, heads)


def own_names(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Hugging Face's tensors by the names of `models.canary.network`, in its shapes."""
    weights = {}
    for name, tensor in stored.items():
        if name.startswith("preprocessor."):  # windows and filters, which are computed here
            continue
        name = name.removeprefix("model.")
        if name.startswith("decoder."):
            for pattern, replacement in DECODER_NAMES:
                name = re.sub(pattern, replacement, name)
        elif ".pointwise_conv" in name and tensor.dim() == 3:
            tensor = tensor.squeeze(-1)
        name = name.replace("proj_out.bias", "decoder.output_bias")
        weights[name.replace("proj_out.", "decoder.output.")] = tensor
    # The output layer is the token embedding, unless the two differ; some files repeat it.
    output, embedding = weights.get("decoder.output.weight"), weights.get("decoder.token_embedding.weight")
    if output is not None and embedding is not None and torch.equal(output, embedding):
        del weights["decoder.output.weight"]
    return weights
