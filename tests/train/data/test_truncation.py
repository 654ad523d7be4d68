"""How much of each clip is heard in training."""

import torch

from train.data.truncation import truncated_samples

SECOND = 16_000


def heard(samples, count=20_000, **options):
    generator = torch.Generator().manual_seed(0)
    return truncated_samples(torch.full((count,), samples), generator, **options)


def test_four_of_five_clips_are_cut_after_whole_chunks_each_equally_likely():
    lengths = heard(2 * SECOND + 700)
    quarters = torch.arange(1, 9) * 4000
    whole = lengths == 2 * SECOND + 700
    # Nine chunks, the last of them incomplete: a cut there keeps the whole clip.
    assert abs(float(whole.float().mean()) - (0.2 + 0.8 / 9)) < 0.01
    for quarter in quarters:
        assert abs(float((lengths == quarter).float().mean()) - 0.8 / 9) < 0.01
    assert set(lengths[~whole].tolist()) == set(quarters.tolist())


def test_nothing_is_cut_where_nothing_shall_be():
    assert (heard(5 * SECOND, 100, cut_probability=0.0) == 5 * SECOND).all()


def test_a_clip_of_less_than_a_chunk_stays_whole():
    assert (heard(300, 100) == 300).all() and (heard(1, 100) == 1).all()


def test_the_same_seed_cuts_the_same():
    assert torch.equal(heard(5 * SECOND, 50), heard(5 * SECOND, 50))
