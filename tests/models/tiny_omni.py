"""Writes random, tiny thinkers of Qwen2.5-Omni and Qwen3-Omni as Hugging Face folders."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import WhisperFeatureExtractor

from tests.models.tiny_family import MEL_BINS, TEXT, VOCABULARY, randomize, store
from tests.models.tiny_qwen2_audio import write_tiny_tokenizer

OMNI_SPECIALS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|audio_start|>",
    "<|audio_pad|>",
    "<|audio_end|>",
)
OMNI_LONGEST_S = 12
AUDIO = {
    "d_model": 32,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "num_mel_bins": MEL_BINS,
    "output_dim": 48,
    "max_source_positions": 100,
}


def _omni_vision() -> dict[str, Any]:
    return {
        **{"depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 48},
        **{"patch_size": 4, "temporal_patch_size": 2, "spatial_merge_size": 2},
    }


def write_qwen25_omni(folder: Path, seed: int = 0, end_scale: float = 1.0, **config: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    ids = write_tiny_tokenizer(folder)
    network = transformers.Qwen2_5OmniThinkerForConditionalGeneration(
        transformers.Qwen2_5OmniThinkerConfig(
            audio_config={
                **AUDIO,
                "n_window": 50,  # blocks of 1 s
            },
            vision_config=_omni_vision(),
            text_config={
                **TEXT,
                "rope_scaling": {"mrope_section": [2, 2, 2], "rope_type": "default", "type": "default"},
            },
            audio_token_index=ids["<|AUDIO|>"],
            image_token_index=VOCABULARY - 1,
            video_token_index=VOCABULARY - 2,
            vision_start_token_id=VOCABULARY - 3,
            audio_start_token_id=ids["<|audio_bos|>"],
            **config,
        )
    )
    randomize(network, seed, ids["<|im_end|>"], end_scale)
    return store(network, folder, ids["<|endoftext|>"], OMNI_LONGEST_S)


def write_qwen3_omni(folder: Path, seed: int = 0, end_scale: float = 1.0, **config: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    ids = write_tiny_tokenizer(folder, specials=OMNI_SPECIALS)
    network = transformers.Qwen3OmniMoeThinkerForConditionalGeneration(
        transformers.Qwen3OmniMoeThinkerConfig(
            audio_config={
                **AUDIO,
                "n_window": 50,
                "n_window_infer": 200,  # blocks of 2 s
                "downsample_hidden_size": 8,
            },
            vision_config={**_omni_vision(), "deepstack_visual_indexes": [0]},
            text_config={
                **TEXT,
                "head_dim": 12,
                "num_experts": 4,
                "num_experts_per_tok": 2,
                "moe_intermediate_size": 32,
                "decoder_sparse_step": 1,
                "mlp_only_layers": [],
                "rope_scaling": {
                    "mrope_section": [2, 2, 2],
                    "rope_type": "default",
                    "mrope_interleaved": True,
                },
            },
            audio_token_id=ids["<|audio_pad|>"],
            audio_start_token_id=ids["<|audio_start|>"],
            image_token_id=VOCABULARY - 1,
            video_token_id=VOCABULARY - 2,
            vision_start_token_id=VOCABULARY - 3,
            **config,
        )
    )
    randomize(network, seed, ids["<|im_end|>"], end_scale)
    return store(network, folder, ids["<|endoftext|>"], OMNI_LONGEST_S)


def omni_inputs(folder: Path, waveform: np.ndarray) -> dict[str, torch.Tensor]:
    features = WhisperFeatureExtractor.from_pretrained(folder)(
        waveform, sampling_rate=16_000, return_attention_mask=True, padding="max_length", return_tensors="pt"
    )
    return {"input_features": features.input_features, "feature_attention_mask": features.attention_mask}
