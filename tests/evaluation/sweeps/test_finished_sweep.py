"""Reading the folder of a sweep: what good ones give, and one clear message for each bad one."""

import csv
import json
import re
import shutil

import pytest

from evaluation.metrics.curve import Axes
from evaluation.sweeps.finished_sweep import read_sweep
from evaluation.sweeps.layout import OFFLINE
from evaluation.sweeps.results import write_results
from foundation.errors import InputError
from tests.evaluation.made_up_sweep import SYSTEMS, write_sweep
from tests.evaluation.run_logs import line, write_log, write_run


@pytest.fixture
def folder(tmp_path):
    return write_sweep(tmp_path / "sweep")


def test_systems_settings_and_the_offline_run_that_all_share(folder):
    [sweep] = read_sweep(folder)
    assert sweep.languages is None
    found = {system.name: set(system.runs) for system in sweep.systems}
    assert found == {name: set(settings) for name, settings in SYSTEMS.items()}
    assert {system.offline.path for system in sweep.systems} == {folder / "runs/offline/reina/instances.log"}
    assert len(sweep.logs) == 7
    assert sweep.axes == Axes("BLEU", "AL", "s")


def test_an_offline_run_of_its_own_comes_first(folder):
    write_run(folder / "runs" / OFFLINE / "waitk", 4000, 0.1)
    [sweep] = read_sweep(folder)
    offline = {system.name: system.offline.path.parent.name for system in sweep.systems}
    assert offline == {"reina": "reina", "waitk": "waitk"}


def test_an_offline_run_is_shared_as_the_sweep_says(folder):
    write_run(folder / "runs" / OFFLINE / "waitk", 4000, 0.1)
    (folder / "offline.yaml").write_text("{reina: waitk, waitk: reina}")
    [sweep] = read_sweep(folder)
    offline = {system.name: system.offline.path.parent.name for system in sweep.systems}
    assert offline == {"reina": "waitk", "waitk": "reina"}
    # Not that of another system, if its own is still to come.
    shutil.rmtree(folder / "runs" / OFFLINE / "waitk")
    [sweep] = read_sweep(folder)
    assert [system.offline is None for system in sweep.systems] == [True, False]


def test_each_score_stands_below_its_name_whatever_a_language_pair_is_scored_by(tmp_path):
    own = {"en-de": (["BLEU"], ["AL"]), "en-fr": (["chrF", "BLEU"], ["ATD", "LAAL"])}
    for languages, (quality, latency) in own.items():
        write_sweep(tmp_path, languages=languages)
        for file in (tmp_path / "runs" / languages).rglob("evaluation.yaml"):
            metrics = {"quality_metrics": quality, "latency_metrics": latency}
            file.write_text(json.dumps({**json.loads(file.read_text()), **metrics}))
    write_results(tmp_path)
    points = json.loads((tmp_path / "points.json").read_text())
    assert points["quality"] == ["BLEU", "chrF"]
    with (tmp_path / "points.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == len(points["points"])
    for row, point in zip(rows, points["points"], strict=True):
        assert row["BLEU"] == f"{point['scores']['BLEU']['value']:.3f}" and row["SENTENCES"] == "40"
        assert bool(row["AL_s"]) == (row["languages"] == "en-de") != bool(row["chrF"])


def test_a_latency_that_cannot_be_resampled_leaves_a_curve_by_the_usual_one(folder):
    for file in folder.rglob("evaluation.yaml"):
        file.write_text(json.dumps({**json.loads(file.read_text()), "latency_metrics": ["ATD"]}))
    assert "reina" in write_results(folder)
    points = json.loads((folder / "points.json").read_text())
    assert points["latency"][-1] == "AL" and all(point["scores"]["AL"] for point in points["points"])


def test_damaged_list_of_offline_runs(folder):
    (folder / "offline.yaml").write_text("- reina\n")
    with pytest.raises(InputError, match="offline.yaml is damaged: run the sweep again"):
        read_sweep(folder)


def test_each_language_pair_is_a_sweep_of_its_own(tmp_path):
    write_sweep(tmp_path, languages="en-de")
    write_sweep(tmp_path, sentences=30, languages="en-fr")
    sweeps = read_sweep(tmp_path)
    assert [sweep.languages for sweep in sweeps] == ["en-de", "en-fr"]
    assert [len(sweep.logs[0].utterances) for sweep in sweeps] == [40, 30]


def test_a_run_that_has_not_finished_is_left_out(folder):
    write_log(folder / "runs/waitk/.k=9.1a2b.incomplete", [line()])
    [sweep] = read_sweep(folder)
    assert set(sweep.systems[1].runs) == {"k=1", "k=3", "k=5"}


def test_statistics_are_those_of_the_logs(folder):
    [sweep] = read_sweep(folder)
    reina = sweep.systems[0]
    statistics = sweep.statistics(reina, sweep.axes)
    curve = statistics.curve()
    log = reina.runs["threshold=0.5"]
    assert curve.points[0].latency == pytest.approx(log.latency("AL").mean() / 1000)
    assert [point.setting for point in curve.points] == list(SYSTEMS["reina"])
    assert curve.decoding == "beam3"


def test_metrics_of_curves_are_the_first_that_can_be_resampled(folder):
    for run in folder.glob("runs/*/*"):
        values = {"quality_metrics": ["WER_NORM", "chrF"], "latency_metrics": ["ATD", "LAAL"]}
        (run / "evaluation.yaml").write_text(json.dumps(values))
    [sweep] = read_sweep(folder)
    assert sweep.axes == Axes("chrF", "LAAL", "s")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: shutil.rmtree(folder), "is no folder: give the --output of a simulst sweep"),
        (lambda folder: shutil.rmtree(folder / "runs"), "holds no finished run of a sweep"),
        (lambda folder: _cut(folder / "runs/reina/threshold=0.0/instances.log"), "or cut in the middle"),
        (lambda folder: write_run(folder / "runs/waitk/k=9", 900, 0.1, 39), "are of different test sets"),
        (lambda folder: _cut(folder / "runs/waitk/k=1/evaluation.yaml"), "k=1/evaluation.yaml is damaged"),
        (
            lambda folder: (folder / "runs/waitk/k=1/evaluation.yaml").write_text("sacrebleu_tokenizer: zh"),
            "scored by different tokenizers",
        ),
    ],
)
def test_a_bad_sweep_gets_one_clear_message(folder, spoil, message):
    spoil(folder)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_sweep(folder)
    assert "\n" not in str(caught.value)


def test_a_sweep_without_its_offline_run_can_be_read_but_not_scored(folder):
    shutil.rmtree(folder / "runs/offline")
    [sweep] = read_sweep(folder)
    with pytest.raises(InputError, match="has no offline run for reina, and NoSE divides by its quality"):
        sweep.statistics(sweep.systems[0], sweep.axes)


def test_a_run_that_wrote_nothing_has_no_point(folder):
    silent = [line(index, prediction="", delays=[], elapsed=[]) for index in range(3)]
    shutil.rmtree(folder / "runs")
    for run in ("offline/reina", "reina/a", "reina/b"):
        write_log(folder / "runs" / run, silent if run == "reina/b" else [line(index) for index in range(3)])
    [sweep] = read_sweep(folder)
    with pytest.raises(InputError, match="wrote nothing that has a latency: leave out b"):
        sweep.statistics(sweep.systems[0], sweep.axes)


def _cut(file):
    text = file.read_text()
    file.write_text(text[: len(text) * 2 // 3])
