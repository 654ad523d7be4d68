"""Writes a Whisper that was trained here as a Hugging Face folder, which transformers loads as well."""

import json
from pathlib import Path

import torch

from foundation.files.whole_folder import whole_folder
from models.layers.attention_heads import Heads, existing_heads
from models.storage.stored_weights import write_safetensors
from models.whisper.checkpoint import HUGGINGFACE_SIZES
from models.whisper.huggingface_names import huggingface_name
from models.whisper.network import Whisper, WhisperDimensions
from models.whisper.tokenizer import WhisperTokenizer


def save_whisper(
    folder: Path,
    model: Whisper,
    tokenizer: WhisperTokenizer,
    alignment_heads: Heads | None,
    dtype: torch.dtype = torch.float16,
    trailing_silence_ms: int | None = None,
) -> None:
    """Write a new model folder, complete or not at all; weights in `dtype`.

    trailing_silence_ms: behind the audio, if the model was trained otherwise than Whisper as published.

    Raises InputError if it exists.
    """
    weights = {
        huggingface_name(name): value.detach().to("cpu", dtype).contiguous()
        for name, value in model.state_dict().items()
    }
    with whole_folder(folder) as partial:
        describe_whisper(partial, model.dimensions, tokenizer, alignment_heads, trailing_silence_ms)
        write_safetensors(partial / "model.safetensors", weights, {"format": "pt"})


def describe_whisper(
    folder: Path,
    dimensions: WhisperDimensions,
    tokenizer: WhisperTokenizer,
    alignment_heads: Heads | None,
    trailing_silence_ms: int | None = None,
) -> None:
    """Write all of a model folder but its weights. Arguments are as in `save_whisper`."""
    d, end = dimensions, tokenizer.end_of_sequence
    start = tokenizer.prompt(tokenizer.languages[0], tokenizer.languages[0])[0]
    config = {
        "model_type": "whisper",
        "architectures": ["WhisperForConditionalGeneration"],
        **{key: getattr(d, name) for name, key in HUGGINGFACE_SIZES.items()},
        "encoder_ffn_dim": 4 * d.n_audio_state,
        "decoder_ffn_dim": 4 * d.n_text_state,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": start,
        "suppress_tokens": None,
        "begin_suppress_tokens": None,
    }
    if trailing_silence_ms is not None:
        config["trailing_silence_ms"] = trailing_silence_ms
    generation = {"eos_token_id": end, "pad_token_id": end, "decoder_start_token_id": start}
    if alignment_heads is not None:
        usable = existing_heads(d.n_text_layer, d.n_text_head, alignment_heads)
        generation["alignment_heads"] = [list(pair) for pair in usable] or None
    for name, content in (("config.json", config), ("generation_config.json", generation)):
        (folder / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    tokenizer.save(folder / "tokenizer.json")
