"""Writes random, tiny models whose features and Conformers are not Whisper's, as Hugging Face folders."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

from tests.models.tiny_family import CONTEXT, MEL_BINS, TEXT, VOCABULARY, randomize, store
from tests.models.tiny_qwen2_audio import write_tiny_tokenizer

GRANITE_MELS = 80
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
    return store(network, folder, ids["<|end_of_text|>"])


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
    return store(network, folder, ids["<|endoftext|>"])


def phi4_inputs(folder: Path, waveform: np.ndarray) -> dict[str, torch.Tensor]:
    extractor = transformers.Phi4MultimodalFeatureExtractor(feature_size=MEL_BINS)
    found = extractor(waveform, sampling_rate=16_000, return_tensors="pt")
    return {name: found[name] for name in ("audio_input_features", "audio_embed_sizes")}
