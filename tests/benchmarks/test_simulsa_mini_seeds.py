"""Means over the seeds of fine-tunings, and how certain they are."""

import numpy as np
import pytest
import sacrebleu

from benchmarks.simulsa_mini import seeds
from benchmarks.simulsa_mini.seeds import SeededResampling, kinds
from evaluation.sweeps.finished_sweep import read_sweep
from tests.evaluation.made_up_sweep import log_of, write_sweep

# Lag in ms and share of wrong words, for each kind, seed and chunk.
SOON, LATE = "chunk_ms=500", "chunk_ms=1000"
SYSTEMS = {
    "sft-1": {SOON: (600, 0.5), LATE: (1600, 0.3)},
    "sft-2": {SOON: (700, 0.6), LATE: (1500, 0.35)},
    "simulsa-1": {SOON: (800, 0.3), LATE: (1700, 0.2)},
    "simulsa-2": {SOON: (900, 0.2), LATE: (1900, 0.1)},
}


def bleu(folder, run) -> float:
    utterances = log_of(folder, run).utterances
    texts = [one.prediction for one in utterances], [[one.reference for one in utterances]]
    return sacrebleu.corpus_bleu(*texts).score


def table(text: str) -> list[dict[str, str]]:
    head, _, *lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    return [dict(zip(head, line, strict=True)) for line in lines]


def test_means_over_seeds_and_differences_between_kinds(tmp_path, capsys):
    sweep = write_sweep(tmp_path / "sweep", SYSTEMS)
    flags = ["--baseline", "sft", "--format", "markdown", "--plot", str(tmp_path / "means.png")]
    assert seeds.main([str(sweep), *flags]) == 0
    points, curves = (table(text) for text in capsys.readouterr().out.strip().split("\n\n"))
    named = {(row["kind"], row["setting"]): row for row in points}
    for setting in (SOON, LATE):
        own = {name: bleu(sweep, f"{name}/{setting}") for name in SYSTEMS}
        means = {kind: (own[f"{kind}-1"] + own[f"{kind}-2"]) / 2 for kind in ("sft", "simulsa")}
        row = named["simulsa", setting]
        assert row["seeds"] == "2"
        assert float(row["BLEU"]) == pytest.approx(means["simulsa"], abs=6e-4)
        assert float(row["over_sft"]) == pytest.approx(means["simulsa"] - means["sft"], abs=1.1e-3)
        assert float(row["over_sft_low"]) < float(row["over_sft"]) < float(row["over_sft_high"])
        spread = abs(own["simulsa-1"] - own["simulsa-2"])
        assert float(row["range_of_seeds"]) == pytest.approx(spread, abs=6e-4)
        assert named["sft", setting]["over_sft"] == ""
    latency = [float(named["simulsa", setting]["AL_s"]) for setting in (SOON, LATE)]
    before = [float(named["sft", setting]["AL_s"]) for setting in (SOON, LATE)]
    # Bounds that both curves reach.
    assert [float(curves[1][name]) for name in ("from_s", "to_s")] == [latency[0], before[1]]
    assert float(curves[1]["over_sft"]) == pytest.approx(
        float(curves[1]["NoSE"]) - float(curves[0]["NoSE"]), abs=1.1e-3
    )
    assert float(curves[1]["p"]) < 0.05
    assert (tmp_path / "means.png").stat().st_size > 1000


def test_a_draw_holds_utterances_and_seeds(tmp_path):
    [sweep] = read_sweep(write_sweep(tmp_path / "sweep", SYSTEMS, sentences=20))
    curves = kinds(sweep)
    point = curves["simulsa"].points[0]
    both = [one.scores(np.ones((1, 20)))[0] for one in point.seeds]
    weights = np.ones((3, 22))
    weights[:, 20:] = [[1, 1], [2, 0], [0, 2]]
    assert point.scores(weights) == pytest.approx(np.array([np.mean(both, axis=0), *both]))
    # Of all draws a quarter has the first seed alone.
    _, drawn = SeededResampling(20, seeds=2).scores(lambda rows: rows)
    assert drawn.shape == (1000, 22) and (drawn[:, :20].sum(axis=1) == 20).all()
    assert 0.2 < (drawn[:, 20] == 2).mean() < 0.3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"simulsa": SYSTEMS["sft-1"]}, "system simulsa is not named KIND-SEED, as in sft-1"),
        ({"simulsa-3": SYSTEMS["sft-1"]}, "simulsa has the seeds 1, 2, 3, but sft 1, 2: finish the sweep"),
        ({"simulsa-2": {SOON: (800, 0.3)}}, "simulsa-2 was run at ['chunk_ms=500'], but simulsa-1 at"),
        ({}, "there is no kind 'none': give one of sft, simulsa"),
    ],
)
def test_what_makes_no_means_is_refused(changed, message, tmp_path, capsys):
    sweep = write_sweep(tmp_path / "sweep", SYSTEMS | changed, sentences=8)
    assert seeds.main([str(sweep), "--baseline", "none"]) == 1
    assert message in capsys.readouterr().err


def test_one_setting_has_means_and_no_curve(tmp_path, capsys):
    systems = {name: {SOON: settings[SOON]} for name, settings in SYSTEMS.items()}
    sweep = write_sweep(tmp_path / "sweep", systems, languages="en-de")
    assert seeds.main([str(sweep), "--baseline", "sft", "--plot", str(tmp_path / "no.png")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "en-de" and "no curves: they need at least 2 settings of each kind" in lines
    assert not (tmp_path / "no.png").exists()
