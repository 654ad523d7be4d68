"""Hugging Face's names of tensors to those of `models.text_translation.network`."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from models.text_translation.dimensions import TextDimensions

# Applied in this order; Marian and M2M-100.
FAIRSEQ = (
    (r"^model\.", ""),
    (r"^shared\.", "decoder.token_embedding."),
    (r"\.embed_tokens\.", ".token_embedding."),
    (r"^final_logits_bias$", "decoder.output_bias"),
    (r"^lm_head\.", "decoder.output."),
    (r"\.layers\.", ".blocks."),
    (r"\.self_attn_layer_norm\.", ".attn_ln."),
    (r"\.encoder_attn_layer_norm\.", ".cross_attn_ln."),
    (r"\.final_layer_norm\.", ".mlp_ln."),
    (r"coder\.layer_norm\.", "coder.ln."),
    (r"\.self_attn\.", ".attn."),
    (r"\.encoder_attn\.", ".cross_attn."),
    (r"\.q_proj\.", ".query."),
    (r"\.k_proj\.", ".key."),
    (r"\.v_proj\.", ".value."),
    (r"\.out_proj\.", ".out."),
    (r"\.fc1\.", ".mlp.first."),
    (r"\.fc2\.", ".mlp.second."),
)
T5 = (
    (r"^shared\.", "decoder.token_embedding."),
    (r"\.embed_tokens\.", ".token_embedding."),
    (r"^lm_head\.", "decoder.output."),
    (r"coder\.final_layer_norm\.", "coder.ln."),
    (r"\.block\.0\.layer\.0\.SelfAttention\.relative_attention_bias\.", ".relative.table."),
    (r"\.block\.", ".blocks."),
    (r"\.layer\.0\.layer_norm\.", ".attn_ln."),
    (r"\.layer\.0\.SelfAttention\.", ".attn."),
    (r"^(decoder\..*)\.layer\.1\.layer_norm\.", r"\1.cross_attn_ln."),
    (r"\.layer\.1\.EncDecAttention\.", ".cross_attn."),
    (r"\.layer\.\d\.layer_norm\.", ".mlp_ln."),
    (r"\.layer\.\d\.DenseReluDense\.wi_0\.", ".mlp.gate."),
    (r"\.layer\.\d\.DenseReluDense\.(wi|wi_1)\.", ".mlp.first."),
    (r"\.layer\.\d\.DenseReluDense\.wo\.", ".mlp.second."),
    (r"attn\.q\.", "attn.query."),
    (r"attn\.k\.", "attn.key."),
    (r"attn\.v\.", "attn.value."),
    (r"attn\.o\.", "attn.out."),
)
# Tensors that no model of today reads: positions that are computed, and a relic of T5's first release.
UNUSED = re.compile(r"embed_positions\.|EncDecAttention\.relative_attention_bias\.")
TABLE, SOURCE_TABLE, OUTPUT = (
    "decoder.token_embedding.weight",
    "encoder.token_embedding.weight",
    "decoder.output.weight",
)


def own_names(
    stored: Mapping[str, Tensor], rules: tuple[tuple[str, str], ...], is_shared: bool
) -> dict[str, Tensor]:
    """The tensors by the names of our network; copies of the decoder's table are left out.

    is_shared: the output layer may be such a copy.
    """
    weights: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        if UNUSED.search(name):
            continue
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        # The table may stand there under several names.
        weights.setdefault(name, tensor)
    if "decoder.output_bias" in weights:
        weights["decoder.output_bias"] = weights["decoder.output_bias"].reshape(-1)
    table = weights.get(TABLE)
    for name in (SOURCE_TABLE, OUTPUT) if is_shared else (SOURCE_TABLE,):
        if table is not None and name in weights and torch.equal(weights[name], table):
            del weights[name]
    return weights


def scale_queries(weights: dict[str, Tensor], d: TextDimensions) -> None:
    """T5 does not divide attention by the root of the width of a head, as our layers do."""
    for name in [name for name in weights if name.endswith("attn.query.weight")]:
        weights[name] = weights[name] * d.head_width**0.5
