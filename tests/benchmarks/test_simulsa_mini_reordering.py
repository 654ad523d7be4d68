"""How much the words of a translation change their order."""

import pytest

from benchmarks.simulsa_mini import reordering
from benchmarks.simulsa_mini.reordering import Links, crossing_share, links
from evaluation.metrics.significance import Resampling
from foundation.errors import InputError
from tests.models.tiny_reina import write_tiny_reina
from tests.train.tiny_training import build


@pytest.mark.parametrize(
    ("spoken_ms", "tolerance_ms", "crossing"),
    [
        ([100, 200, 300, 400], 0, 0),
        ([400, 300, 200, 100], 0, 6),
        ([100, 300, 200, 400], 0, 1),
        ([100, 300, 200, 400], 100, 0),  # no more than the tolerance
        ([100, 300, 200, 400], 99, 1),
        ([100, 100, 100, 100], 0, 0),
        # "(Ich) habe ihn gestern gesehen": the verb at the end was spoken first.
        ([900, 1500, 2100, 600], 250, 3),
    ],
)
def test_a_pair_crosses_where_the_earlier_word_is_spoken_later(spoken_ms, tolerance_ms, crossing):
    assert links(spoken_ms, tolerance_ms) == Links(4, crossing, 6)


def test_texts_of_one_word_have_no_pairs():
    assert links([500], 0) == Links(1, 0, 0) and links([], 0) == Links(0, 0, 0)


def test_the_share_is_of_all_pairs_and_its_interval_of_resampled_clips():
    texts = [Links(4, 3, 6), Links(3, 0, 3), Links(2, 0, 1)]
    share = crossing_share(texts, Resampling(3, resamples=400))
    assert share.value == pytest.approx(3 / 10)
    # One text alone, three times, is the least and the most that can be drawn: 0 and 3 of 6.
    assert (share.low, share.high) == (0.0, 0.5)
    alike = crossing_share([Links(4, 3, 6)] * 5, Resampling(5))
    assert (alike.value, alike.low, alike.high) == (0.5, 0.5, 0.5)
    with pytest.raises(InputError, match="no text has two words"):
        crossing_share([Links(1, 0, 0)], Resampling(1))


def test_the_table_of_a_model(tmp_path, capsys):
    world = build(tmp_path)
    model = str(write_tiny_reina(tmp_path / "reina"))
    files = [model, "--manifest", str(world.manifest), "--targets", "de"]
    assert reordering.main([*files, "--clips", "4"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head == "target\tclips\twords\tcrossing\tlow\thigh"
    target, clips, words, crossing, low, high = line.split("\t")
    assert (target, clips) == ("de", "4") and int(words) > 4
    assert 0 <= float(low) <= float(crossing) <= float(high) <= 1
    assert reordering.main([*files, "--clips", "0"]) == 1
    assert "--clips must be at least 1, got 0" in capsys.readouterr().err
    assert reordering.main([*files, "--source", "fr"]) == 1
    assert "language 'fr' is not known to this model" in capsys.readouterr().err
