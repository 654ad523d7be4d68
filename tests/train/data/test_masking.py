"""Masks on features: how many, how wide, and what stands in the hidden places."""

import pytest
import torch

from foundation.errors import InputError
from train.data.masking import MaskingSection, masked

BINS, FRAMES = 80, 300
NONE = dict(frequency_masks=0, time_masks=0)


def hidden(seed: int, **options) -> torch.Tensor:
    """(M, F) bool: where a clip without two equal values was changed."""
    features = torch.arange(BINS * FRAMES, dtype=torch.float64).reshape(BINS, FRAMES) ** 1.5
    result = masked(features, torch.Generator().manual_seed(seed), MaskingSection(**options))
    changed = result != features
    assert torch.equal(result[changed], features.mean().expand(int(changed.sum())))
    return changed


def test_no_mask_changes_nothing():
    assert not hidden(0, **NONE).any()


@pytest.mark.parametrize("seed", range(20))
def test_a_band_is_hidden_for_the_whole_clip(seed):
    changed = hidden(seed, **NONE | {"frequency_masks": 1, "frequency_bins": 15})
    rows = changed.all(1)
    assert torch.equal(rows, changed.any(1))
    places = rows.nonzero().flatten().tolist()
    assert len(places) <= 15
    assert places == list(range(places[0], places[-1] + 1)) if places else True


@pytest.mark.parametrize("seed", range(20))
def test_a_stretch_of_time_is_bounded_by_frames_and_by_its_share_of_the_clip(seed):
    assert hidden(seed, **NONE | {"time_masks": 1, "time_frames": 40, "time_share": 1.0}).any(0).sum() <= 40
    assert hidden(seed, **NONE | {"time_masks": 1, "time_frames": 40, "time_share": 0.05}).any(0).sum() <= 15


def test_every_width_and_every_place_occurs():
    options = NONE | {"time_masks": 1, "time_frames": 4, "time_share": 1.0}
    drawn = [hidden(seed, **options).any(0).nonzero().flatten() for seed in range(400)]
    assert {len(places) for places in drawn} == {0, 1, 2, 3, 4}
    assert min(int(places[0]) for places in drawn if len(places)) < 10
    assert max(int(places[-1]) for places in drawn if len(places)) >= FRAMES - 10


@pytest.mark.parametrize("clip", [(80, 1), (1, 300)])
def test_a_clip_of_one_frame_or_one_bin_is_no_error(clip):
    assert masked(torch.zeros(clip), torch.Generator(), MaskingSection()).shape == clip


@pytest.mark.parametrize(
    "options, message", [({"time_masks": -1}, "must not be negative"), ({"time_share": 1.5}, "time_share")]
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        MaskingSection(**options)
