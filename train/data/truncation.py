"""Random truncation of clips (REINA, arXiv 2508.04946): 80% are cut, 20% stay whole.

The paper does not say how the length is drawn: here it is a whole number of chunks, each equally
likely, because a streaming model decides at the end of chunks. The waveform is cut, not the features:
a window must not see what has not been heard.
"""

import torch
from torch import Tensor

from models.sound.audio import SAMPLE_RATE


def truncated_samples(
    samples: Tensor,
    generator: torch.Generator,
    chunk_ms: int = 250,
    cut_probability: float = 0.8,
) -> Tensor:
    """samples (B,) int64, clip lengths at 16 kHz -> (B,) how much of each is heard, 1 sample or more.

    A clip that is cut is heard for a uniform number of chunks, up to the chunk in which it ends.
    """
    chunk = chunk_ms * SAMPLE_RATE // 1000
    chunks = -(-samples // chunk)
    uniform, coin = torch.rand(2, len(samples), generator=generator)
    heard = (1 + (uniform * chunks).long().clamp(max=chunks - 1)) * chunk
    return torch.where(coin < cut_probability, torch.minimum(heard, samples), samples)
