"""simulst compare as a user runs it."""

import json
import re

import pytest

import simulst
from tests.evaluation.made_up_sweep import SYSTEMS, write_sweep
from tests.evaluation.run_logs import line, write_log, write_run


@pytest.fixture
def compare(capsys):
    """Runs the command; returns exit status, rows of the tables as words, and what went to stderr."""

    def run(*words) -> tuple[int, list[list[str]], str]:
        status = simulst.main(["compare", *map(str, words)])
        captured = capsys.readouterr()
        return status, [text.split() for text in captured.out.splitlines()], captured.err

    return run


def row(rows: list[list[str]], name: str, below: int = 0) -> list[str]:
    """The row that begins with `name`, or one below it."""
    return next(rows[at + below] for at, words in enumerate(rows) if words and words[0] == name)


def test_a_run_against_itself(compare, tmp_path):
    run = write_run(tmp_path / "a", 500, 0.3)
    status, rows, _ = compare(run, run)
    assert status == 0
    assert [row(rows, metric)[-1] for metric in ("BLEU", "chrF", "AL_s", "LAAL_s")] == ["1.000"] * 4


def test_better_quality_and_longer_latency_are_significant(compare, tmp_path):
    first, second = write_run(tmp_path / "a", 500, 0.5), write_run(tmp_path / "b", 900, 0.1, seed=1)
    _, rows, _ = compare(first, second, "--latency-metrics", "AL", "YAAL_CA", "--resamples", "999")
    for metric in ("BLEU", "chrF", "AL_s", "YAAL_CA_s"):
        words = row(rows, metric)
        assert float(words[1]) < float(words[4])
        assert words[-1] == "0.002"
    assert rows[-1] == ["40", "utterances,", "999", "resamples,", "seed", "0"]


def test_word_errors_are_compared_too(compare, tmp_path):
    first, second = write_run(tmp_path / "a", 500, 0.5), write_run(tmp_path / "b", 900, 0.1, seed=1)
    _, rows, _ = compare(first, second, "--quality-metrics", "WER_NORM", "--resamples", "999")
    words = row(rows, "WER_NORM")
    assert float(words[1]) > float(words[4])
    assert words[-1] == "0.002"


def test_degenerate_outputs_are_counted(compare, tmp_path):
    lines = [
        line(0),
        line(1, prediction="", delays=[], elapsed=[]),
        line(2, prediction=" ".join(["so"] * 9), delays=[1000.0] * 9, elapsed=[1000.0] * 9),
        line(3, delays=[3000.0] * 4),
    ]
    good = write_log(tmp_path / "a", [line(index) for index in range(4)])
    _, rows, _ = compare(good, write_log(tmp_path / "b", lines))
    assert [row(rows, flag)[1:] for flag in ("EMPTY", "LOOPING", "AT_END")] == [["0", "1"]] * 3


@pytest.fixture
def sweeps(tmp_path):
    """Folders of two sweeps, the second with more errors, and of their offline run."""
    for name, errors, seed in (("a", 0.0, 0), ("b", 0.25, 1)):
        for lag in (400, 800, 1200):
            write_run(tmp_path / name / f"lag={lag}", lag, 0.5 - lag / 3000 + errors, 60, seed * 10_000 + lag)
    write_log(tmp_path / "a" / ".lag=1600.incomplete", [line()])
    offline = write_run(tmp_path / "offline", 4000, 0.02, 60)
    return tmp_path / "a", tmp_path / "b", offline


def test_sweeps_are_compared_by_nose(compare, sweeps):
    first, second, offline = sweeps
    (offline / "evaluation.yaml").write_text("beam: 3\n")
    status, rows, _ = compare(first, second, "--offline", offline)
    assert status == 0
    runs = [[name, f"lag={lag}"] for name in "AB" for lag in (400, 800, 1200)]
    assert [words[:2] for words in rows[1:7]] == runs
    words = row(rows, "NoSE")
    assert float(words[1]) > float(words[4])
    assert words[-1] == "0.002"
    signature = row(rows, "NoSE", below=1)[0]
    assert "latency:AL|unit:s" in signature and "decoding:beam3" in signature


def test_bad_input_is_one_line(compare, sweeps, tmp_path):
    first, second, offline = sweeps
    run = write_run(tmp_path / "run", 500, 0.3)
    other = write_log(tmp_path / "other", [line()])
    zh = write_run(tmp_path / "zh", 500, 0.3)
    (zh / "evaluation.yaml").write_text("sacrebleu_tokenizer: zh\n")
    silent = write_log(
        tmp_path / "silent", [line(index, prediction="", delays=[], elapsed=[]) for index in range(3)]
    )
    for words, message in [
        ((first, second), "the offline run of A is not known"),
        ((run, tmp_path / "none"), "none is no folder"),
        ((run, tmp_path), "are of different test sets"),
        ((run, other), "are of different test sets"),
        ((run, zh), "runs scored by different tokenizers"),
        ((run, run, "--resamples", 5), "at least 100 resamples, got 5"),
        ((run, run, "--latency-metrics", "FOO"), "there is no latency metric 'FOO'"),
        ((silent, silent), "AL_s: the score is undefined in 1000 of 1000 resamples"),
        ((first, second, "--offline", offline, "--bounds", 1, 2), "lie outside the curve of A"),
        ((first, second, "--offline", offline, "--quality-metrics", "WER_NORM"), "WER_NORM counts errors"),
        ((first / "lag=400", second, "--offline", offline), "a curve needs at least 2 points, A has 1"),
    ]:
        status, rows, error = compare(*words)
        assert (status, rows) == (1, []), words
        assert error.startswith("error: ") and message in error and error.count("\n") == 1


CHINESE, JAPANESE, THAI = "我爱你们大家", "私はみんなが大好き", "ผมรักทุกคน"


def spaceless_run(folder, reference, prediction, unit="char"):
    """A run as SimulEval alone leaves it, of text without spaces."""
    delays = [500.0] * (len(prediction) if unit == "char" else 1)
    return write_log(
        folder, [line(prediction=prediction, reference=reference, delays=delays, elapsed=delays)]
    )


def test_runs_that_say_no_tokenizer_get_that_of_their_script(compare, tmp_path):
    runs = [spaceless_run(tmp_path / text, CHINESE, text) for text in (CHINESE, "我爱你们全家")]
    _, rows, _ = compare(*runs, "--quality-metrics", "BLEU")
    assert row(rows, "BLEU")[1] == "100.000"
    assert row(rows, "BLEU")[4] == "53.728"
    assert row(rows, "BLEU's") == ["BLEU's", "tokenizer:", "zh"]
    runs = [spaceless_run(tmp_path / text, THAI, text) for text in (THAI, "ผมรักทุกตัว")]
    _, rows, _ = compare(*runs, "--quality-metrics", "BLEU")
    assert row(rows, "BLEU")[4] != "0.000"


def test_a_tokenizer_that_finds_no_words_is_refused(compare, tmp_path):
    run = spaceless_run(tmp_path / "run", CHINESE, CHINESE)
    (run / "evaluation.yaml").write_text("sacrebleu_tokenizer: 13a\n")
    status, _, error = compare(run, run)
    assert status == 1
    assert "13a, which finds no words in its references: run it again with sacrebleu_tokenizer zh" in error
    assert compare(run, run, "--sacrebleu-tokenizer", "zh")[0] == 0


def test_latency_in_words_of_text_without_spaces_is_refused(compare, tmp_path):
    run = spaceless_run(tmp_path / "run", CHINESE, CHINESE, unit="word")
    status, _, error = compare(run, run)
    assert (status, "run it again with --eval-latency-unit char" in error) == (1, True)


def test_tokenizer_of_the_runs_is_used(compare, tmp_path):
    runs = []
    for name in "ab":
        delays = [500.0] * 6
        text = {"a": "我爱你们大家", "b": "我爱你们全家"}[name]
        lines = [line(prediction=text, reference="我爱你们大家", delays=delays, elapsed=delays)]
        runs.append(write_log(tmp_path / name, lines))
        (runs[-1] / "evaluation.yaml").write_text("sacrebleu_tokenizer: zh\n")
    _, rows, _ = compare(*runs, "--quality-metrics", "BLEU")
    # Whole sentences are words for 13a, which would find nothing in the second.
    assert row(rows, "BLEU")[1] == "100.000"
    assert float(row(rows, "BLEU")[4]) > 30


def test_systems_of_sweeps_find_their_offline_runs_themselves(compare, tmp_path):
    first, second = write_sweep(tmp_path / "a"), write_sweep(tmp_path / "b", {"waitk": SYSTEMS["waitk"]})
    offline = (first / "runs/offline/reina", second / "runs/offline/waitk")
    status, rows, _ = compare(first / "runs/reina", second, "--bounds", 0.5, 1, "--resamples", 200)
    assert status == 0
    _, named, _ = compare(
        first / "runs/reina",
        second / "runs/waitk",
        "--bounds",
        0.5,
        1,
        "--resamples",
        200,
        "--offline",
        *offline,
    )
    assert row(rows, "NoSE") == row(named, "NoSE")
    assert row(rows, "system")[2:4] == ["AL_s", "AL_s_95%"]


def test_systems_of_a_sweep_are_compared_over_its_axes(compare, capsys, tmp_path):
    sweep = write_sweep(tmp_path / "sweep")
    for file in (sweep / "runs").rglob("evaluation.yaml"):
        axes = {"quality_metrics": ["WER_NORM", "chrF", "BLEU"], "latency_metrics": ["LAAL", "AL"], "beam": 3}
        file.write_text(json.dumps(axes))
    status, rows, _ = compare(sweep / "runs" / "reina", sweep / "runs" / "waitk")
    assert status == 0 and {"chrF", "LAAL_s"} <= set(rows[0]) and "BLEU" not in rows[0]
    scores = [row(rows, "NoSE")[place] for place in (1, 4)]
    assert simulst.main(["nose", str(sweep)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[:2] == scores
    _, rows, _ = compare(sweep / "runs" / "reina", sweep / "runs" / "waitk", "--quality-metrics", "BLEU")
    assert {"BLEU", "LAAL_s"} <= set(rows[0])


def test_a_sweep_of_several_systems_is_asked_which(compare, tmp_path):
    sweep = write_sweep(tmp_path / "a")
    status, _, error = compare(sweep, sweep)
    assert status == 1
    assert "is a sweep of several systems: give the folder of one, of" in error and "runs/reina" in error


def test_bounds_near_the_end_of_a_curve_are_refused_with_safe_ones(compare, tmp_path):
    sweep = write_sweep(tmp_path / "a", {"reina": SYSTEMS["reina"]})
    _, rows, _ = compare(sweep, sweep, "--resamples", 200)
    ends = row(rows, "NoSE", below=1)[0].split("bounds:[")[1].split("]")[0].split(",")
    status, _, error = compare(sweep, sweep, "--resamples", 200, "--bounds", *ends)
    assert status == 1
    low, high = re.search(
        r"of 200 resamples, which do not reach .*: take --bounds (\S+) (\S+)", error
    ).groups()
    assert float(ends[0]) < float(low) < float(high) < float(ends[1])
    assert compare(sweep, sweep, "--resamples", 200, "--bounds", low, high)[0] == 0
