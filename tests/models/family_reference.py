"""What transformers itself says of a tiny audio-language model, one stream at a time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from tests.models.tiny_family import TinyFamily


def mask_blocks(tower: torch.nn.Module) -> None:
    """transformers 4.57 makes this mask and gives it to no layer: only its FlashAttention has blocks."""

    def masked(layer: torch.nn.Module) -> Callable[..., Any]:
        forward = layer.forward
        return lambda x, ends, **rest: forward(
            x, ends, attention_mask=tower._prepare_attention_mask(x, ends), **rest
        )

    for layer in tower.layers:
        layer.forward = masked(layer)


class Reference:
    """transformers itself, one stream at a time."""

    def __init__(self, family: TinyFamily, folder: Path, tokenizer: Any) -> None:
        self._family, self._folder, self._tokenizer = family, folder, tokenizer
        network = getattr(transformers, family.network)
        self.model = network.from_pretrained(folder, attn_implementation="eager").eval()
        if family.network.startswith("Qwen3Omni"):
            mask_blocks(self.model.audio_tower)

    def inputs(self, waveform: np.ndarray, prefix: Sequence[int], frames: int) -> dict[str, torch.Tensor]:
        place = list(prefix).index(self._tokenizer.audio_token)
        audio = [self._tokenizer.audio_token] * frames
        tokens = torch.tensor([[*prefix[:place], *audio, *prefix[place + 1 :]]])
        audio_inputs = self._family.audio_inputs(self._folder, waveform)
        return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens), **audio_inputs}

    @torch.inference_mode()
    def logits(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """(N, V) at all places."""
        return self.model(**inputs).logits[0]

    @torch.inference_mode()
    def attention(self, inputs: dict[str, torch.Tensor], heads: Sequence[tuple[int, int]]) -> torch.Tensor:
        """(T,) from the last place, over the audio alone, mean of (layer, head) pairs."""
        weights = self.model(**inputs, output_attentions=True).attentions
        audio = inputs["input_ids"][0] == self._tokenizer.audio_token
        chosen = torch.stack([weights[layer][0, head, -1, audio] for layer, head in heads])
        return (chosen / chosen.sum(-1, keepdim=True)).mean(0)

    @torch.inference_mode()
    def generate(self, inputs: dict[str, torch.Tensor], count: int) -> list[int]:
        """New tokens, without the end."""
        end = self._tokenizer.end_of_sequence
        found = self.model.generate(
            **inputs,
            suppress_tokens=self._tokenizer.suppressed,
            eos_token_id=end,
            max_new_tokens=count,
            do_sample=False,
        )[0, inputs["input_ids"].shape[1] :].tolist()
        return found[:-1] if found[-1] == end else found
