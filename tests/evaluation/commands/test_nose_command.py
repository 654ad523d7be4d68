"""simulst nose as a user runs it."""

import json
import re
import shutil

import pytest

import simulst
from evaluation.metrics.nose import common_bounds, nose
from evaluation.sweeps.finished_sweep import read_sweep
from tests.evaluation.made_up_sweep import SYSTEMS, write_sweep
from tests.evaluation.run_logs import write_run
from tests.evaluation.streamspeech import DE_EN, ES_EN, FR_EN


@pytest.fixture
def points(tmp_path):
    """Writes a file of points and returns its path."""

    def write(name: str, values) -> str:
        file = tmp_path / f"{name}.tsv"
        file.write_text("latency\tquality\n" + "".join(f"{x}\t{y}\n" for x, y in values))
        return str(file)

    return write


def run(capsys, *words) -> tuple[int, list[str], str]:
    """Exit status, lines of output, and what went to stderr."""
    status = simulst.main(["nose", *map(str, words)])
    captured = capsys.readouterr()
    return status, captured.out.splitlines(), captured.err


def test_last_line_begins_with_the_score(points, capsys):
    file = points("fr-en", FR_EN[0])
    _, lines, _ = run(capsys, "--points", file, "--offline", 28.45, "--bounds", 1.637, 5.169)
    score, signature = lines[-1].split()
    assert score == "0.886"
    assert "bounds:[1.637,5.169]|quality:BLEU|latency:AL|unit:s|offline:28.45" in signature


def test_several_systems_share_bounds_and_get_a_table(points, capsys):
    systems = {"fr-en": FR_EN, "es-en": ES_EN, "de-en": DE_EN}
    files = [points(name, published[0]) for name, published in systems.items()]
    offline = [published[2] for published in systems.values()]
    _, lines, _ = run(capsys, "--points", *files, "--offline", *offline, "--decoding", "greedy")
    assert lines[0].split()[:2] == ["system", "NoSE"]
    assert [line.split()[0] for line in lines[1:4]] == list(systems)
    *scores, signature = lines[-1].split()
    assert [line.split()[1] for line in lines[1:4]] == scores
    assert "bounds:[1.68762,5.68392]" in signature
    assert "offline:28.45,27.25,19.72|decoding:greedy|points:12,12,12" in signature


def test_names_of_metrics_go_to_the_signature(points, capsys):
    words = ("--offline", 30, "--quality-metric", "chrF", "--latency-metric", "LAAL", "--unit", "ms")
    _, lines, _ = run(capsys, "--points", points("a", FR_EN[0]), *words)
    assert "quality:chrF|latency:LAAL|unit:ms" in lines[-1]


def test_plot_is_written(points, capsys, tmp_path):
    pytest.importorskip("matplotlib")
    words = ("--offline", 28.45, "--plot", tmp_path / "curve.png")
    status, _, _ = run(capsys, "--points", points("fr-en", FR_EN[0]), *words)
    assert status == 0
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_bad_input_is_one_line(points, capsys, tmp_path):
    file, short = points("a", FR_EN[0]), points("short", FR_EN[0][:1])
    equal, undefined = points("equal", [(1, 10), (1, 20)]), points("undefined", [(1, 10), (2, "nan")])
    for words, message in [
        (("--points", file), "a has no offline quality"),
        (("--points", file, "--offline", 30, "--bounds", 1, 5), "1.0 to 5.0 lie outside the curve of a"),
        (("--points", file, file, "--offline", 30), "--offline gives 1 scores for 2 files"),
        (("--points", short, "--offline", 30), "a curve needs at least 2 points, short has 1"),
        (("--points", equal, "--offline", 30), "equal has two points at latency 1 (10.0 and 20.0): keep one"),
        (("--points", undefined, "--offline", 30), "undefined.tsv line 3: quality of a point must be finite"),
        (("--points", file, "--offline", "nan"), "--offline must be a finite number, got nan"),
        (("--points", file, "--offline", 0), "offline quality of a must be a number above 0, got 0.0"),
        (("--points", file, "--offline", 30, "--bounds", 3, 2), "bounds must be in order, got 3.0 and 2.0"),
        (("--points", tmp_path / "no.tsv", "--offline", 30), "no.tsv does not exist"),
        (("--points", file, "--offline", 30, "--plot", tmp_path / "no" / "a.png"), "a.png cannot be written"),
    ]:
        status, lines, error = run(capsys, *words)
        assert (status, lines) == (1, [])
        assert error.startswith("error: ") and message in error and error.count("\n") == 1


@pytest.fixture
def sweep(tmp_path):
    return write_sweep(tmp_path / "first")


def test_a_sweep_is_scored_over_the_bounds_of_all_its_systems(sweep, capsys):
    status, lines, _ = run(capsys, sweep)
    [found] = read_sweep(sweep)
    curves = [found.statistics(system, found.axes).curve() for system in found.systems]
    expected = [f"{nose(curve, common_bounds(curves)).score:.3f}" for curve in curves]
    assert status == 0
    *scores, signature = lines[-1].split()
    assert scores == expected
    assert signature.startswith("metric:NoSE|bounds:[") and "|quality:BLEU|latency:AL|unit:s|" in signature
    assert [line.split()[:2] for line in lines[1:3]] == [["reina", expected[0]], ["waitk", expected[1]]]


def test_intervals_contain_the_score_and_repeat(sweep, capsys):
    words = (sweep, "--resamples", 200, "--seed", 3)
    _, lines, _ = run(capsys, *words)
    score, low, high = (
        float(word.strip("[],")) for at, word in enumerate(lines[1].split()) if at in (1, 6, 7)
    )
    assert low < score < high
    assert run(capsys, *words)[1] == lines
    assert run(capsys, sweep, "--resamples", 200, "--seed", 4)[1] != lines


def test_one_system_of_a_sweep_has_its_whole_range(sweep, capsys):
    _, lines, _ = run(capsys, sweep, "--systems", "waitk")
    [found] = read_sweep(sweep)
    low, high = found.statistics(found.systems[1], found.axes).curve().range
    assert f"bounds:[{low!r},{high!r}]" in lines[-1]


def test_systems_of_several_sweeps_are_told_apart(sweep, capsys, tmp_path):
    other = write_sweep(tmp_path / "second", {"reina": SYSTEMS["waitk"]})
    _, lines, _ = run(capsys, sweep, other, "--systems", "reina")
    assert [line.split()[0] for line in lines[1:3]] == ["first/reina", "second/reina"]
    assert len(lines[-1].split()) == 3


def test_metrics_can_be_chosen(sweep, capsys):
    _, lines, _ = run(capsys, sweep, "--quality-metric", "chrF", "--latency-metric", "LAAL")
    assert "quality:chrF|latency:LAAL|unit:s" in lines[-1]


def test_bounds_that_resamples_do_not_reach_are_told_with_safe_ones_that_have_intervals(sweep, capsys):
    _, lines, _ = run(capsys, sweep)
    bounds = lines[-1].split("bounds:[")[1].split("]")[0].split(",")
    assert lines[0].split()[2:4] == ["from_s", "to_s"]
    _, again, _ = run(capsys, sweep, "--bounds", *bounds)
    assert again[-1] == lines[-1]
    assert again[1].split()[-1] == "undefined"
    found = re.fullmatch(
        r"NoSE has no intervals: it is undefined in (\d+) of 1000 resamples, which do not reach "
        r"0.313\d+ to 1.32\d+: take --bounds (0.\d\d?) (1.\d\d?)",
        again[4],
    )
    undefined, low, high = map(float, found.groups())
    assert undefined > 50 and float(bounds[0]) < low < high < float(bounds[1])
    _, safe, _ = run(capsys, sweep, "--bounds", low, high)
    assert safe[1].split()[-2].startswith("[0.") and "no intervals" not in "".join(safe)


def test_no_resamples_mean_no_intervals(sweep, capsys):
    _, lines, _ = run(capsys, sweep)
    status, plain, _ = run(capsys, sweep, "--resamples", 0)
    assert (status, plain[0].split()) == (0, ["system", "NoSE", "from_s", "to_s", "offline", "points"])
    assert plain[-1] == lines[-1]


def test_tables_of_markdown_and_latex(points, capsys):
    files = [points(name, FR_EN[0]) for name in ("fr_en", "again")]
    words = ("--points", *files, "--offline", 28.45, 28.45, "--bounds", 1.637, 5.169)
    _, lines, _ = run(capsys, *words, "--format", "markdown")
    assert lines[:3] == [
        "| system | NoSE | from_s | to_s | offline | points |",
        "| --- | --: | --: | --: | --: | --: |",
        "| fr_en | 0.886 | 1.637 | 5.169 | 28.450 | 12 |",
    ]
    _, lines, _ = run(capsys, *words, "--format", "latex")
    assert lines[:7] == [
        r"\begin{tabular}{lrrrrr}",
        r"\toprule",
        r"system & NoSE & from\_s & to\_s & offline & points \\",
        r"\midrule",
        r"fr\_en & 0.886 & 1.637 & 5.169 & 28.450 & 12 \\",
        r"again & 0.886 & 1.637 & 5.169 & 28.450 & 12 \\",
        r"\bottomrule",
    ]


def test_numbers_that_cannot_be_computed_with_are_refused(points, capsys):
    huge = points("huge", [(1, 10), (1e308, 20), (1.5e308, 30)])
    status, lines, error = run(capsys, "--points", huge, "--offline", 30)
    assert (status, lines) == (1, [])
    assert "huge.tsv line 3: latency of a point must be at most 1e+09, got 1e+308" in error
    usual = points("usual", [(1, 10), (2, 20)])
    status, lines, error = run(capsys, "--points", usual, "--offline", 1e-320)
    assert (status, lines) == (1, [])
    assert error.startswith("error: NoSE of usual over 1.0 to 2.0 is no finite number")


def test_each_language_pair_has_a_table_and_a_last_line(tmp_path, capsys):
    for languages in ("en-de", "en-fr"):
        write_sweep(tmp_path, languages=languages)
    _, lines, _ = run(capsys, tmp_path)
    assert [lines[0], lines[6]] == ["en-de", "en-fr"]
    assert [lines[at].split()[-1].split("|")[0] for at in (5, -1)] == ["metric:NoSE"] * 2


def test_bad_sweeps_are_one_line(sweep, capsys, tmp_path, points):
    def spoilt(name, spoil):
        folder = tmp_path / name
        shutil.copytree(sweep, folder)
        spoil(folder / "runs")
        return folder

    def cut(runs):
        log = runs / "waitk/k=1/instances.log"
        log.write_text(log.read_text()[:-40])

    def other_metric(runs):
        for configuration in runs.glob("*/*/evaluation.yaml"):
            configuration.write_text(json.dumps({"quality_metrics": ["BLEU"], "latency_metrics": ["DAL"]}))

    def twice(runs):
        shutil.copytree(runs / "waitk/k=1", runs / "waitk/k=2")
        log = runs / "waitk/k=2/instances.log"
        first, *rest = map(json.loads, log.read_text().splitlines())
        first["prediction"] = first["prediction"].upper()
        log.write_text("".join(json.dumps(line) + "\n" for line in (first, *rest)))

    def one_point(runs):
        for setting in ("k=3", "k=5"):
            shutil.rmtree(runs / "waitk" / setting)

    larger = write_sweep(tmp_path / "larger", sentences=41)
    far = write_sweep(tmp_path / "far", {"far": {"k=8": (2600, 0.1), "k=9": (2900, 0.1)}})
    plain = write_run(tmp_path / "plain", 500, 0.1)
    file = points("a", FR_EN[0])
    for words, message in [
        ((), "give the folders of sweeps, or files of points"),
        ((sweep, "--points", file), "but not both"),
        ((sweep, "--offline", 30), "--offline does not go with a sweep"),
        (("--points", file, "--offline", 30, "--systems", "a"), "--systems does not go with --points"),
        ((tmp_path / "none",), "none is no folder"),
        ((plain,), "plain holds no finished run of a sweep"),
        ((sweep, "--systems", "rena"), "there is no system 'rena': give some of reina, waitk"),
        ((sweep, "--bounds", 0.1, 0.2), "bounds 0.1 to 0.2 lie outside the curve of reina"),
        ((sweep, "--bounds", "nan", 0.9), "--bounds must be a finite number, got nan"),
        ((sweep, "--latency-metric", "FOO"), "there is no latency metric 'FOO'"),
        ((sweep, "--quality-metric", "FOO"), "has no quality metric 'FOO': give some of BLEU, chrF"),
        ((sweep, "--resamples", 5), "at least 100 resamples, got 5"),
        ((sweep, larger), "are of different test sets"),
        ((sweep, far), "the curves have no latencies in common"),
        ((sweep, spoilt("metrics", other_metric)), "curves of different metrics cannot be compared"),
        ((spoilt("cut", cut),), "k=1/instances.log line 40 is no JSON, or cut in the middle"),
        ((spoilt("twice", twice),), "waitk has two points at latency"),
        ((spoilt("point", one_point),), "a curve needs at least 2 points, waitk has 1"),
        ((spoilt("offline", lambda runs: shutil.rmtree(runs / "offline")),), "has no offline run for reina"),
    ]:
        status, lines, error = run(capsys, *words)
        assert (status, lines) == (1, []), words
        assert error.startswith("error: ") and message in error and error.count("\n") == 1, error
