"""How much of sampled clips is heard: the paper's Beta, and variants; draws depend on seed and id alone."""

import numpy as np
import pytest

from foundation.errors import InputError
from train.data.manifest import Row
from train.simulsa_augment.sampling import HeardClip, Speculation, batches, sample_rows, truncate
from train.simulsa_augment.truncation import Truncation, draw

ROWS = [Row(f"row{number}", {"de": "x"}, None, 0.2 + 0.01 * number) for number in range(1000)]


def heard(distribution: str, duration_ms: float, count: int = 20_000, **options) -> np.ndarray:
    truncation = Truncation(distribution, **options)
    return np.array([truncation.heard_ms(duration_ms, draw(0, "truncate", str(n))) for n in range(count)])


def test_a_clip_is_heard_for_500_ms_and_a_beta_1_3_share_of_the_rest():
    """Quantile p of Beta(1, 3) is 1 - (1 - p)^(1/3), its mean 1/4, its variance 3/80."""
    lengths = heard("beta", 3500)
    assert lengths.min() >= 500 and lengths.max() <= 3500
    assert lengths.mean() == pytest.approx(500 + 3000 / 4, abs=15)
    assert lengths.std() == pytest.approx(3000 * (3 / 80) ** 0.5, abs=15)
    expected = [500 + 3000 * share for share in (0.0345, 0.0914, 0.2063, 0.3700, 0.6316)]
    assert np.quantile(lengths, [0.1, 0.25, 0.5, 0.75, 0.95]) == pytest.approx(expected, abs=40)


def test_literal_lengths():
    paper = Truncation()
    assert [paper.heard_ms(3500, uniform) for uniform in (0, 0.488, 0.784, 0.875)] == [500, 1100, 1700, 2000]
    assert [Truncation("uniform").heard_ms(3500, uniform) for uniform in (0, 0.5, 0.9)] == [500, 2000, 3200]


def test_the_b_of_beta_moves_the_cuts():
    """Medians of Beta(1, b) are 1 - 2 ** (-1 / b): of 4,500 ms behind the first 500 ms of a long clip."""
    medians = [Truncation(beta=b).heard_ms(8000, 0.5) for b in range(1, 7)]
    assert medians == [2750, 1818, 1428, 1216, 1083, 991]
    assert Truncation(beta=1).heard_ms(8000, 0.3) == Truncation("uniform").heard_ms(8000, 0.3)
    assert Truncation("full-range", beta=1).heard_ms(20_500, 0.5) == 10_500


def test_clips_beyond_5_s_are_cut_before_5_s_except_over_the_full_range():
    assert heard("beta", 20_000).max() <= 5000
    assert Truncation().heard_ms(20_000, 0.875) == 2750
    assert Truncation("full-range").heard_ms(20_500, 0.875) == 10_500


def test_clips_of_500_ms_or_less_are_skipped():
    assert Truncation().heard_ms(500, 0.5) is None
    assert Truncation().heard_ms(501, 0.5) in (500, 501)
    assert Truncation("discrete", chunks_ms=(1000, 2000)).heard_ms(900, 0.5) is None


def test_rounding_never_goes_beyond_the_clip():
    """8,009 samples are 500.56 ms."""
    assert Truncation("full-range", shortest_ms=499).heard_ms(8009 / 16, 0.99999) == 500


def test_discrete_lengths_are_chunks_within_clip_and_range_each_equally_likely():
    lengths = heard("discrete", 3200, chunks_ms=(250, 500, 1000, 3000, 4000, 8000))
    for chunk in (500, 1000, 3000):
        assert (lengths == chunk).mean() == pytest.approx(1 / 3, abs=0.01)


def test_a_clip_is_cut_alike_whatever_lies_beside_it():
    clips, skipped = truncate(ROWS, Truncation(), seed=7)
    fewer, _ = truncate(ROWS[::-3], Truncation(), seed=7)
    by_id = {clip.row.id: clip.heard_ms for clip in clips}
    assert all(by_id[clip.row.id] == clip.heard_ms for clip in fewer)
    assert {row.reason for row in skipped} == {"too short to cut"} and len(skipped) == 31
    assert by_id != {clip.row.id: clip.heard_ms for clip in truncate(ROWS, Truncation(), seed=8)[0]}


def test_a_larger_sample_includes_the_smaller():
    ten, all_of_them = sample_rows(ROWS, None, 0.01, seed=3), sample_rows(ROWS, 1000, None, seed=3)
    assert len(ten) == 10 and all_of_them == ROWS
    assert {row.id for row in ten} < {row.id for row in sample_rows(ROWS, 50, None, seed=3)}
    assert ten != sample_rows(ROWS, None, 0.01, seed=4)
    assert [row.id for row in sample_rows(ROWS[::-1], 10, None, seed=3)] == [row.id for row in ten][::-1]


def test_an_empty_or_too_large_sample_is_refused():
    with pytest.raises(InputError, match="a ratio of 0.0001 of 1000 clips is none"):
        sample_rows(ROWS, None, 0.0001, seed=0)
    with pytest.raises(InputError, match="1001 clips are to be sampled, but there are 1000"):
        sample_rows(ROWS, 1001, None, seed=0)


def test_batches_hold_neighbours_in_length_within_their_seconds():
    texts = [
        Speculation(HeardClip(ROWS[n], ms), "de", ()) for n, ms in enumerate((900, 500, 4000, 600, 2000))
    ]
    assert [[one.clip.heard_ms for one in batch] for batch in batches(texts, 2.0)] == [
        [500, 600],
        [900],
        [2000],
        [4000],
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"distribution": "normal"}, "truncation 'normal' is not known: give one of beta, uniform"),
        ({"shortest_ms": 5000}, "must lie between 0 and the longest, 5000 ms, got 5000 ms"),
        (
            {"distribution": "discrete", "chunks_ms": (250,)},
            "none of the chunks 250 lies between 500 and 5000",
        ),
    ],
)
def test_bad_distributions_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Truncation(**settings)
