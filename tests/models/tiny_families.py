"""Writes random, tiny models of audio-language families as Hugging Face folders.

Every weight is random; windows and blocks are short. Each family has what its processor would give
transformers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers import WhisperFeatureExtractor
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

from tests.models.tiny_qwen2_audio import VOCABULARY, write_tiny_tokenizer
from tests.models.tiny_tekken import write_tekken

MEL_BINS = 20
GRANITE_MELS = 80
CONTEXT = 600
TEXT = {
    "vocab_size": VOCABULARY,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "tie_word_embeddings": False,
}


@dataclass(frozen=True)
class TinyFamily:
    """One family: how its folder is written, and what transformers is given for a clip."""

    writer: Callable[..., Path]  # (folder, end_scale=1.0)
    network: str  # class of transformers
    audio_inputs: Callable[[Path, np.ndarray], dict[str, torch.Tensor]]
    newest_transformers: int = 4  # what our family says, too

    def write(self, *arguments: Any, **options: Any) -> Path:
        """Skips the test where the installed transformers is too new for the family."""
        if int(transformers.__version__.split(".")[0]) > self.newest_transformers:
            pytest.skip(f"{self.network} of transformers {transformers.__version__} is laid out otherwise")
        return self.writer(*arguments, **options)


def randomize(network: torch.nn.Module, seed: int, end: int, end_scale: float) -> None:
    """Logits far from uniform, nothing saturated. end_scale: above 1 texts end soon, at 0 hardly ever."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, weight in network.named_parameters():
            center = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            spread = weight[0].numel() ** -0.5 if weight.dim() > 1 and "embed" not in name else 0.2
            torch.nn.init.normal_(weight, center, spread)
        torch.nn.init.normal_(network.get_input_embeddings().weight)
        network.get_output_embeddings().weight.data[end] *= end_scale


VOXTRAL_WINDOW_S = 2


def write_voxtral(folder: Path, seed: int = 0, end_scale: float = 1.0, **config: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    ids = write_tekken(folder)
    network = transformers.VoxtralForConditionalGeneration(
        transformers.VoxtralConfig(
            audio_config={
                "hidden_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "intermediate_size": 128,
                "num_mel_bins": MEL_BINS,
                "max_source_positions": 50 * VOXTRAL_WINDOW_S,
            },
            text_config={**TEXT, "head_dim": 16},
            audio_token_id=ids["[AUDIO]"],
            **config,
        )
    )
    randomize(network, seed, ids["</s>"], end_scale)
    network.generation_config.pad_token_id = ids["</s>"]
    network.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=MEL_BINS, chunk_length=VOXTRAL_WINDOW_S).save_pretrained(folder)
    return folder


def voxtral_inputs(folder: Path, waveform: np.ndarray) -> dict[str, torch.Tensor]:
    """As its processor: silence up to whole windows, all of them normalised together."""
    extractor = WhisperFeatureExtractor.from_pretrained(folder)
    features = extractor(
        waveform,
        sampling_rate=16_000,
        padding=True,
        truncation=False,
        pad_to_multiple_of=16_000 * VOXTRAL_WINDOW_S,
        return_tensors="np",
    )["input_features"]
    windows = features.reshape(MEL_BINS, -1, 100 * VOXTRAL_WINDOW_S).transpose(1, 0, 2)
    return {"input_features": torch.from_numpy(windows.copy())}


OMNI_SPECIALS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|audio_start|>",
    "<|audio_pad|>",
    "<|audio_end|>",
)
OMNI_LONGEST_S = 12


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
                "d_model": 32,
                "encoder_layers": 2,
                "encoder_attention_heads": 2,
                "encoder_ffn_dim": 64,
                "num_mel_bins": MEL_BINS,
                "n_window": 50,  # blocks of 1 s
                "output_dim": 48,
                "max_source_positions": 100,
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
    network.generation_config.pad_token_id = ids["<|endoftext|>"]
    network.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=MEL_BINS, chunk_length=OMNI_LONGEST_S).save_pretrained(folder)
    return folder


def write_qwen3_omni(folder: Path, seed: int = 0, end_scale: float = 1.0, **config: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    ids = write_tiny_tokenizer(folder, specials=OMNI_SPECIALS)
    network = transformers.Qwen3OmniMoeThinkerForConditionalGeneration(
        transformers.Qwen3OmniMoeThinkerConfig(
            audio_config={
                "d_model": 32,
                "encoder_layers": 2,
                "encoder_attention_heads": 2,
                "encoder_ffn_dim": 64,
                "num_mel_bins": MEL_BINS,
                "n_window": 50,
                "n_window_infer": 200,  # blocks of 2 s
                "downsample_hidden_size": 8,
                "output_dim": 48,
                "max_source_positions": 100,
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
    network.generation_config.pad_token_id = ids["<|endoftext|>"]
    network.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=MEL_BINS, chunk_length=OMNI_LONGEST_S).save_pretrained(folder)
    return folder


def omni_inputs(folder: Path, waveform: np.ndarray) -> dict[str, torch.Tensor]:
    features = WhisperFeatureExtractor.from_pretrained(folder)(
        waveform, sampling_rate=16_000, return_attention_mask=True, padding="max_length", return_tensors="pt"
    )
    return {"input_features": features.input_features, "feature_attention_mask": features.attention_mask}


GRANITE_SPECIALS = ("<|end_of_text|>", "<|start_of_role|>", "<|end_of_role|>", "<|audio|>")


def write_granite_speech(folder: Path, seed: int = 0, end_scale: float = 1.0, **config: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    ids = write_tiny_tokenizer(folder, specials=GRANITE_SPECIALS)
    network = transformers.GraniteSpeechForConditionalGeneration(
        transformers.GraniteSpeechConfig(
            encoder_config={
                "input_dim": 2 * GRANITE_MELS,
                "num_layers": 2,
                "hidden_dim": 32,
                "feedforward_mult": 2,
                "num_heads": 2,
                "dim_head": 16,
                "output_dim": 10,
                "context_size": 50,  # blocks of 1 s
                "max_pos_emb": 64,
                "conv_kernel_size": 5,
            },
            projector_config={
                "hidden_size": 32,
                "encoder_hidden_size": 32,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "intermediate_size": 64,
                "model_type": "blip_2_qformer",
            },
            text_config={
                **{**TEXT, "model_type": "granite", "logits_scaling": 2.0, "embedding_multiplier": 1.5},
                **{"residual_multiplier": 0.7, "attention_multiplier": 0.3},
            },
            audio_token_index=ids["<|audio|>"],
            has_lora_adapter=False,
            **config,
        )
    )
    randomize(network, seed, ids["<|end_of_text|>"], end_scale)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    network.generation_config.pad_token_id = ids["<|end_of_text|>"]
    network.save_pretrained(folder)
    return folder


def granite_inputs(folder: Path, waveform: np.ndarray) -> dict[str, torch.Tensor]:
    """As its feature extractor, which needs torchaudio; here with transformers' own transform."""
    mels = spectrogram(
        waveform.astype(np.float64),
        window_function(400, "hann"),
        frame_length=400,
        hop_length=160,
        fft_length=512,
        power=2.0,
        mel_filters=mel_filter_bank(257, GRANITE_MELS, 0.0, 8000.0, 16_000, norm=None, mel_scale="htk"),
        mel_floor=1e-10,
    ).T
    values = np.log10(mels)
    values = np.maximum(values, values.max() - 8.0) / 4 + 1
    values = values[: len(values) // 2 * 2].reshape(1, -1, 2 * GRANITE_MELS)
    return {"input_features": torch.from_numpy(values).float()}


PHI4_SPECIALS = ("<|endoftext|>", "<|end|>", "<|user|>", "<|assistant|>", "<|audio|>")


def write_phi4_multimodal(
    folder: Path, seed: int = 0, end_scale: float = 1.0, context: int = CONTEXT, **config: Any
) -> Path:
    """context: where its positions would be scaled for longer prompts; a quarter of all that it has."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = write_tiny_tokenizer(folder, specials=PHI4_SPECIALS)
    network = transformers.Phi4MultimodalForCausalLM(
        transformers.Phi4MultimodalConfig(
            **{**TEXT, "max_position_embeddings": 4 * context, "original_max_position_embeddings": context},
            rope_scaling={
                "type": "longrope",
                "short_factor": [1.0, 1.1, 1.2, 1.5],
                "long_factor": [1.0, 2.0, 3.0, 4.0],
            },
            partial_rotary_factor=0.67,  # 8 of 12 numbers
            audio_config={
                **{"hidden_size": 32, "intermediate_size": 48, "num_blocks": 2, "num_attention_heads": 2},
                **{"ext_pw_out_channel": 32, "depthwise_separable_out_channel": 32, "input_size": MEL_BINS},
                **{"nemo_conv_channels": 8, "bias_max_distance": 20, "audio_token_id": ids["<|audio|>"]},
            },
            vision_config={
                **{"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2},
                **{"num_attention_heads": 2, "crop_size": 56, "image_size": 56},
                "image_token_id": VOCABULARY - 1,
            },
            **{name: ids["<|endoftext|>"] for name in ("bos_token_id", "pad_token_id")},
            eos_token_id=ids["<|end|>"],
            has_lora_adapter=False,
            **config,
        )
    )
    randomize(network, seed, ids["<|end|>"], end_scale)
    hearing = network.model.embed_tokens_extend.audio_embed.encoder.encoder_embedding
    hearing.global_mean.fill_(8.0)  # of features in silence and noise
    hearing.global_invstd.fill_(0.3)
    network.generation_config.pad_token_id = ids["<|endoftext|>"]
    network.save_pretrained(folder)
    return folder


def phi4_inputs(folder: Path, waveform: np.ndarray) -> dict[str, torch.Tensor]:
    extractor = transformers.Phi4MultimodalFeatureExtractor(feature_size=MEL_BINS)
    found = extractor(waveform, sampling_rate=16_000, return_tensors="pt")
    return {name: found[name] for name in ("audio_input_features", "audio_embed_sizes")}


FAMILIES = {
    "voxtral": TinyFamily(write_voxtral, "VoxtralForConditionalGeneration", voxtral_inputs, 5),
    "qwen2_5_omni": TinyFamily(write_qwen25_omni, "Qwen2_5OmniThinkerForConditionalGeneration", omni_inputs),
    "granite_speech": TinyFamily(
        write_granite_speech, "GraniteSpeechForConditionalGeneration", granite_inputs
    ),
    "qwen3_omni": TinyFamily(write_qwen3_omni, "Qwen3OmniMoeThinkerForConditionalGeneration", omni_inputs),
    "phi4_multimodal": TinyFamily(write_phi4_multimodal, "Phi4MultimodalForCausalLM", phi4_inputs),
}
