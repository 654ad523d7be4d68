"""`simulst calibrate` over a random model: the table, the chosen settings, and bad input."""

import numpy as np
import pytest

from evaluation.commands.calibrate import UnseenLatency
from evaluation.configuration.evaluation_file import load_configuration
from evaluation.logs.run_log import read_run_log
from evaluation.metrics.significance import Resampling, mean
from evaluation.run.evaluate import evaluate
from simulst import main
from tests.evaluation.tiny_evaluation import write_tiny_evaluation


@pytest.fixture(scope="module")
def tiny_yaml(tmp_path_factory):
    return write_tiny_evaluation(tmp_path_factory.mktemp("tiny"))


def table(text):
    """The lines of the table by their setting, and the last line."""
    lines = text.splitlines()
    cells = [line.split() for line in lines[1 : lines.index("")]]
    return {line[0]: line[1:] for line in cells}, lines[-1]


def test_chosen_setting_has_the_latency_that_evaluate_gives(tiny_yaml, tmp_path, capsys):
    assert main(["calibrate", str(tiny_yaml), "--target", "0.8", "--range", "1", "6"]) == 0
    rows, last = table(capsys.readouterr().out)
    [chosen] = [setting for setting, cells in rows.items() if cells[-1] == "*"]
    assert last == f"k: {chosen}"
    flags = {"k": [chosen], "output": [str(tmp_path / "alone")]}
    evaluate(load_configuration(tiny_yaml, flags))
    expected = np.nanmean(read_run_log(tmp_path / "alone").latency("LAAL")) / 1000
    assert float(rows[chosen][0]) == pytest.approx(expected, abs=1e-3)
    # No whole number comes closer.
    assert min(abs(float(cells[0]) - 0.8) for cells in rows.values()) == abs(float(rows[chosen][0]) - 0.8)


def test_several_targets_share_their_runs(tiny_yaml, capsys):
    flags = ["--target", "0.77", "0.87", "--range", "1", "6"]
    assert main(["calibrate", str(tiny_yaml), *flags]) == 0
    rows, last = table(capsys.readouterr().out)
    assert last == "k: [2, 5]"
    assert [setting for setting, cells in rows.items() if cells[-1] == "*"] == ["2", "5"]


def test_spread_covers_the_range(tiny_yaml, capsys):
    flags = ["--spread", "3", "--range", "50", "500", "--knob", "step_ms", "--latency", "AL"]
    assert main(["calibrate", str(tiny_yaml), *flags]) == 0
    rows, last = table(capsys.readouterr().out)
    assert last.startswith("step_ms: [50, ") and last.endswith("500]")
    assert "50" in rows and "500" in rows


def test_at_most_holds_on_unseen_data(tiny_yaml, capsys):
    flags = ["--target", "1.1", "--at-most", "--knob", "step_ms", "--range", "50", "600"]
    assert main(["calibrate", str(tiny_yaml), *flags]) == 0
    rows, last = table(capsys.readouterr().out)
    chosen = last.removeprefix("step_ms: ")
    assert float(rows[chosen][3]) <= 1.1
    assert all(float(cells[3]) > 1.1 or float(cells[3]) <= float(rows[chosen][3]) for cells in rows.values())


def test_interval_is_that_of_another_test_set():
    """Means of pairs of test sets from one distribution: 95 of 100 lie in the interval of the other."""
    generator = np.random.default_rng(0)
    inside = below = 0
    for _ in range(200):
        mine, other = generator.gamma(2.0, 1.0, (2, 80))
        unseen = UnseenLatency(Resampling(80, 200))
        low, high = unseen.interval(mine)
        inside += low <= mean(other) <= high
        below += mean(other) <= unseen.at_most(mine)
    assert 0.90 <= inside / 200 <= 0.99
    assert 0.90 <= below / 200 <= 0.99


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--target", "0.8", "9"], "no k from 1 to 24 gives 9: they reach"),
        (["--target", "1", "--knob", "kay"], "'kay' is no option of waitk that takes a number: give one of"),
        (["--target", "1", "--knob", "model"], "'model' is no option of waitk that takes a number"),
        (["--target", "1", "--knob", "beam"], "where shall beam be searched? Give --range LOW HIGH"),
        (["--target", "1", "--agent", "offline"], "offline has no knob that is known here"),
        (["--target", "1", "--range", "3", "1"], "the range of k must be in order"),
        (["--target", "1", "--range", "-3", "1"], "k must be at least 1, got -3"),
        ([], "give either --target S, or --spread N"),
        (["--target", "1", "--spread", "3"], "give either --target S, or --spread N"),
        (["--spread", "1"], "--spread must be at least 2, got 1"),
        (["--spread", "3", "--at-most"], "--at-most goes with --target"),
        (["--target", "1", "--jobs", "0"], "--jobs must be at least 1, got 0"),
        (["--target", "1", "--source", "none.txt"], "source none.txt does not exist"),
    ],
)
def test_bad_input_gets_one_line(tiny_yaml, capsys, flags, message):
    if "offline" in flags:
        file = tiny_yaml.with_name("offline.yaml")
        file.write_text(tiny_yaml.read_text().replace("k: 2\n", "").replace("step_ms: 200\n", ""))
        tiny_yaml = file
    assert main(["calibrate", str(tiny_yaml), *flags]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "flags",
    [
        ["--target", "1", "--latency", "AP"],
        ["--target", "one"],
        ["--target", "1", "stray", "--at-most", "1"],
    ],
)
def test_wrong_usage(tiny_yaml, flags):
    with pytest.raises(SystemExit) as stop:
        main(["calibrate", str(tiny_yaml), *flags])
    assert stop.value.code == 2


def test_the_file_of_a_finished_run_will_do(tiny_yaml, tmp_path, capsys):
    """It names another engine, and latency with computation, which only that one has."""
    evaluate(load_configuration(tiny_yaml, {"output": [str(tmp_path / "run")]}))
    file = tmp_path / "run" / "evaluation.yaml"
    assert main(["calibrate", str(file), "--target", "0.8", "--range", "1", "6"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("k: ")
