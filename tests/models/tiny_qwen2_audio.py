"""Writes a random, tiny Qwen2-Audio as a Hugging Face folder: a model for tests that need no download.

Every weight is random, biases and norms too: a swapped or forgotten tensor changes the result. The window
is short (6 s), so that transformers, which always runs over all of it, is fast.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Qwen2AudioConfig,
    Qwen2AudioForConditionalGeneration,
    Qwen2TokenizerFast,
)

from tests.models.tiny_family import MEL_BINS, TEXT, draw_weights, store
from tests.models.tiny_whisper import CORPUS

SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>")
WINDOW_S = 6


def write_tiny_tokenizer(
    folder: Path, leave_out: str | None = None, specials: Sequence[str] = SPECIALS
) -> dict[str, int]:
    """Write tokenizer.json as transformers reads it; return the ids of its special tokens by name."""
    specials = [token for token in specials if token != leave_out]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=440,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=1,
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens(specials)
    Qwen2TokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    ).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return {token: tokenizer.token_to_id(token) for token in specials}


def parts(network: torch.nn.Module) -> torch.nn.Module:
    """Where audio_tower and multi_modal_projector are: transformers 5 has them in a model inside."""
    return getattr(network, "model", network)


def write_tiny_qwen2_audio(
    folder: Path,
    *,
    seed: int = 0,
    context: int = 320,
    end_scale: float = 1.0,
    translation: dict[str, Any] | None = None,
    tied: bool = False,
) -> Path:
    """Write a model folder and return it. The same seed gives the same weights.

    end_scale: above 1 texts end soon, at 0 hardly ever. translation: the section of config.json by that
    name, left out when None. tied: one matrix embeds tokens and gives their logits.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ids = write_tiny_tokenizer(folder)
    config = Qwen2AudioConfig(
        audio_config={
            "d_model": 32,
            "encoder_layers": 2,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 64,
            "num_mel_bins": MEL_BINS,
            "max_source_positions": 50 * WINDOW_S,
        },
        text_config={**TEXT, "max_position_embeddings": context, "tie_word_embeddings": tied},
        audio_token_index=ids["<|AUDIO|>"],
        **({} if translation is None else {"translation": translation}),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2AudioForConditionalGeneration(config)
        draw_weights(model, ids["<|im_end|>"], end_scale)
    model.generation_config.eos_token_id = ids["<|im_end|>"]
    return store(model, folder, ids["<|endoftext|>"], WINDOW_S)
