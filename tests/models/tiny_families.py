"""Writes random, tiny models of audio-language families as Hugging Face folders.

Every weight is random; windows and blocks are short. Each family has what its processor would give
transformers.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import WhisperFeatureExtractor

from tests.models.tiny_conformers import (
    granite_inputs,
    phi4_inputs,
    write_granite_speech,
    write_phi4_multimodal,
)
from tests.models.tiny_family import MEL_BINS, TEXT, TinyFamily, randomize, store
from tests.models.tiny_omni import omni_inputs, write_qwen3_omni, write_qwen25_omni
from tests.models.tiny_tekken import write_tekken

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
    return store(network, folder, ids["</s>"], VOXTRAL_WINDOW_S)


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


FAMILIES = {
    "voxtral": TinyFamily(write_voxtral, "VoxtralForConditionalGeneration", voxtral_inputs, 5),
    "qwen2_5_omni": TinyFamily(write_qwen25_omni, "Qwen2_5OmniThinkerForConditionalGeneration", omni_inputs),
    "granite_speech": TinyFamily(
        write_granite_speech, "GraniteSpeechForConditionalGeneration", granite_inputs
    ),
    "qwen3_omni": TinyFamily(write_qwen3_omni, "Qwen3OmniMoeThinkerForConditionalGeneration", omni_inputs),
    "phi4_multimodal": TinyFamily(write_phi4_multimodal, "Phi4MultimodalForCausalLM", phi4_inputs, 5),
}
