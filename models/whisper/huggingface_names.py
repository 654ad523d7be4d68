"""The names of Whisper's tensors: OpenAI's, which are ours, and those of Hugging Face's files."""

import re

# Each list is applied in its order.
TO_OPENAI = (
    (r"^model\.", ""),
    (r"^encoder\.layer_norm\.", "encoder.ln_post."),
    (r"^decoder\.layer_norm\.", "decoder.ln."),
    (r"embed_positions\.weight$", "positional_embedding"),
    (r"embed_tokens\.", "token_embedding."),
    (r"\.layers\.", ".blocks."),
    (r"\.self_attn_layer_norm\.", ".attn_ln."),
    (r"\.encoder_attn_layer_norm\.", ".cross_attn_ln."),
    (r"\.final_layer_norm\.", ".mlp_ln."),
    (r"\.self_attn\.", ".attn."),
    (r"\.encoder_attn\.", ".cross_attn."),
    (r"\.q_proj\.", ".query."),
    (r"\.k_proj\.", ".key."),
    (r"\.v_proj\.", ".value."),
    (r"\.out_proj\.", ".out."),
    (r"\.fc1\.", ".mlp.0."),
    (r"\.fc2\.", ".mlp.2."),
)
TO_HUGGINGFACE = (
    (r"^(encoder|decoder)\.", r"model.\1."),
    (r"\.(ln_post|ln)\.", ".layer_norm."),
    (r"\.positional_embedding$", ".embed_positions.weight"),
    (r"\.token_embedding\.", ".embed_tokens."),
    (r"\.blocks\.", ".layers."),
    (r"\.cross_attn_ln\.", ".encoder_attn_layer_norm."),
    (r"\.attn_ln\.", ".self_attn_layer_norm."),
    (r"\.mlp_ln\.", ".final_layer_norm."),
    (r"\.cross_attn\.", ".encoder_attn."),
    (r"\.attn\.", ".self_attn."),
    (r"\.query\.", ".q_proj."),
    (r"\.key\.", ".k_proj."),
    (r"\.value\.", ".v_proj."),
    (r"\.out\.", ".out_proj."),
    (r"\.mlp\.0\.", ".fc1."),
    (r"\.mlp\.2\.", ".fc2."),
)


def openai_name(name: str) -> str:
    """OpenAI's name of a tensor that Hugging Face calls `name`."""
    for pattern, replacement in TO_OPENAI:
        name = re.sub(pattern, replacement, name)
    return name


def huggingface_name(name: str) -> str:
    """Hugging Face's name of a tensor that OpenAI calls `name`."""
    for pattern, replacement in TO_HUGGINGFACE:
        name = re.sub(pattern, replacement, name)
    return name
