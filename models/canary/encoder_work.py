"""What Canary's encoder costs, by its sizes, and what docs/MODELS.md says of it."""

from collections.abc import Mapping
from typing import Any

from models.layers.work import attention, linear, separable_subsampling

FAMILY = "NVIDIA Canary"
DIRECTIONS = "24 languages to and from English; 25 transcribed"
KEPT = "log-mel values"
ANEW = "features' normalisation, and the whole encoder"


def encoder_work(sizes: Mapping[str, Any], frames: int) -> int:
    """Floating-point operations for so many feature frames, encoded at once; sizes as in `published.json`."""
    audio = sizes["encoder_config"]
    own, encoded = audio["hidden_size"], -(-frames // audio["subsampling_factor"])
    layer = 4 * linear(encoded, own, audio["intermediate_size"]) + 4 * linear(encoded, own, own)
    # Queries also meet all relative positions, which have a projection of their own.
    layer += attention(encoded, encoded, own)
    layer += linear(2 * encoded - 1, own, own) + 2 * encoded * (2 * encoded - 1) * own
    layer += linear(encoded, own, 3 * own) + linear(encoded, audio["conv_kernel_size"], own)
    channels = audio["subsampling_conv_channels"]
    work = separable_subsampling(frames, audio["num_mel_bins"], channels, own)
    return work + audio["num_hidden_layers"] * layer
