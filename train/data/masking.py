"""Masks on features, so that a model does not lean on any one band or moment (SpecAugment).

Park et al. 2019, arXiv 1904.08779, without its time warping, which they found to be worth least. REINA's
paper does without; it has hundreds of hours of many voices, where the mini model has tens of hours of a few.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from foundation.errors import InputError


@dataclass(kw_only=True)
class MaskingSection:
    """How much of a clip's features is hidden in training."""

    frequency_masks: int = 2
    """So many bands are hidden."""

    frequency_bins: int = 15
    """The widest band has so many mel bins; a width is drawn evenly from 0."""

    time_masks: int = 2
    """So many stretches of time are hidden."""

    time_frames: int = 40
    """The longest stretch has so many frames of 10 ms."""

    time_share: float = 0.1
    """Each stretch takes at most this share of the clip."""

    def __post_init__(self) -> None:
        if min(self.frequency_masks, self.frequency_bins, self.time_masks, self.time_frames) < 0:
            raise InputError("masking: numbers of masks, bins and frames must not be negative")
        if not 0 <= self.time_share <= 1:
            raise InputError(f"masking: time_share must lie between 0 and 1, got {self.time_share:g}")


def masked(features: Tensor, generator: torch.Generator, options: MaskingSection) -> Tensor:
    """The features (M, F) of one clip, the hidden ones at the clip's mean."""
    bins, frames = features.shape
    hidden = torch.zeros(bins, frames, dtype=torch.bool)
    for _ in range(options.frequency_masks):
        hidden[_stretch(bins, min(options.frequency_bins, bins), generator)] = True
    longest = min(options.time_frames, int(options.time_share * frames))
    for _ in range(options.time_masks):
        hidden[:, _stretch(frames, longest, generator)] = True
    return features.masked_fill(hidden, features.mean())


def _stretch(length: int, longest: int, generator: torch.Generator) -> slice:
    """A part of range(length), its width even on 0 ... longest and its place even among those it can have."""
    first, second = torch.rand(2, generator=generator).tolist()
    width = int(first * (longest + 1))
    start = int(second * (length - width + 1))
    return slice(start, start + width)
