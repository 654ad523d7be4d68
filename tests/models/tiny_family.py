"""What writers of random, tiny models of audio-language families have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

VOCABULARY = 512  # of networks; their tokenizers have fewer
MEL_BINS = 20
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
        draw_weights(network, end, end_scale)


def draw_weights(network: torch.nn.Module, end: int, end_scale: float) -> None:
    """Does as `randomize`, from torch's generator as it stands."""
    for name, weight in network.named_parameters():
        center = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        # 2-D and 3-D weights keep their input's scale.
        spread = weight[0].numel() ** -0.5 if weight.dim() > 1 and "embed" not in name else 0.2
        torch.nn.init.normal_(weight, center, spread)
    torch.nn.init.normal_(network.get_input_embeddings().weight)
    network.get_output_embeddings().weight.data[end] *= end_scale


def store(network: torch.nn.Module, folder: Path, pad: int, window_s: int | None = None) -> Path:
    """Write all but the tokenizer; window_s: of Whisper's features, where the network hears them."""
    network.generation_config.pad_token_id = pad
    network.save_pretrained(folder)
    if window_s is not None:
        extractor = transformers.WhisperFeatureExtractor(feature_size=MEL_BINS, chunk_length=window_s)
        extractor.save_pretrained(folder)
    return folder
