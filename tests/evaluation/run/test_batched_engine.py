"""The batched engine against SimulEval: the same log, prediction for prediction and delay for delay."""

import json

import numpy as np
import pytest
import soundfile
from simuleval import cli

from evaluation.configuration.evaluation_file import configure, load_configuration
from evaluation.run.batched_run import BatchedRun
from evaluation.run.evaluate import evaluate, run_simuleval
from evaluation.run.simulate_all import simulate_all
from foundation.errors import InputError
from foundation.workers import Workers
from models.languages import LanguagePair
from simulst import main
from tests.evaluation.batched_settings import SETTINGS, configurations
from tests.evaluation.tiny_evaluation import write_tiny_evaluation

GERMAN = LanguagePair("en", "de")


def read_log(folder):
    return [json.loads(line) for line in (folder / "instances.log").read_text().splitlines()]


def without_clock(log):
    return [{name: value for name, value in line.items() if name != "elapsed"} for line in log]


# A window that all but the shortest clips fill.
HISTORIES = {"usual": {}, "pauses": {"window_s": 0.8}, "attention": {"window_s": 0.8, "history": "attention"}}


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("model", SETTINGS)
def test_log_equals_simulevals_for_every_agent(model, history, models, test_set, tmp_path):
    run = BatchedRun(tuple(configurations(models, test_set, model, **HISTORIES[history])))
    transcripts = simulate_all(run, tmp_path, Workers())
    early = 0
    for lane, configuration in enumerate(run.configurations):
        (tmp_path / f"ours{lane}").mkdir()
        (tmp_path / f"theirs{lane}").mkdir()
        run.write_logs(lane, transcripts, tmp_path / f"ours{lane}")
        run_simuleval(configuration, tmp_path / f"theirs{lane}")
        ours, theirs = read_log(tmp_path / f"ours{lane}"), read_log(tmp_path / f"theirs{lane}")
        assert without_clock(ours) == without_clock(theirs)
        assert [list(line) for line in ours] == [list(line) for line in theirs]
        early += any(line["delays"] and line["delays"][0] < line["source_length"] for line in ours)
        chunks = [
            [json.loads(line) for line in (tmp_path / f"{whose}{lane}/chunks.jsonl").open()]
            for whose in ("ours", "theirs")
        ]
        for one in (chunk for log in chunks for line in log for chunk in line["chunks"]):
            del one["compute_ms"]
            # Scores differ by rounding where rows are decoded beside others.
            one.pop("scores", None)
        assert chunks[0] == chunks[1]
    # A window that is full every 0.8 s leaves some of these models nothing to say early.
    assert early >= len(run.configurations) // (2 if history == "usual" else 4), (
        "policies that never write early test nothing"
    )


def test_evaluation_by_the_batched_engine(tmp_path):
    file = write_tiny_evaluation(tmp_path)
    assert main(["evaluate", str(file), "--computation-aware", "false"]) == 0
    batched = ["--engine", "batched", "--output"]
    assert main(["evaluate", str(file), *batched, str(tmp_path / "one")]) == 0
    assert main(["evaluate", str(file), *batched, str(tmp_path / "two"), "--jobs", "2"]) == 0
    simuleval = without_clock(read_log(tmp_path / "result"))
    for name in ("one", "two"):
        assert without_clock(read_log(tmp_path / name)) == simuleval
        scores = (tmp_path / name / "scores.tsv").read_text()
        assert scores == (tmp_path / "result" / "scores.tsv").read_text()
    again = load_configuration(tmp_path / "one" / "evaluation.yaml")
    assert (again.evaluation.engine, again.evaluation.computation_aware) == ("batched", False)


def test_simuleval_scores_the_log(tmp_path, monkeypatch, capsys):
    file = write_tiny_evaluation(tmp_path)
    evaluate(load_configuration(file, {"engine": ["batched"]}))
    words = ["--score-only", "--output", str(tmp_path / "result"), "--latency-metrics", "LAAL"]
    monkeypatch.setattr("sys.argv", ["simuleval", *words])
    cli.main()
    header, values = capsys.readouterr().out.splitlines()[-2:]
    assert header.split() == ["BLEU", "LAAL"]
    [_, ours] = (tmp_path / "result" / "scores.tsv").read_text().splitlines()
    assert f"{float(values.split()[1]):.3f}" in ours.split("\t")


def test_part_of_the_test_set(models, test_set, tmp_path):
    [configuration, *_] = configurations(models, test_set, "digsst", start_index=1, end_index=3)
    run = BatchedRun((configuration,))
    run.write_logs(0, simulate_all(run, tmp_path, Workers()), tmp_path)
    assert [line["index"] for line in read_log(tmp_path)] == [1, 2]


def test_computation_has_no_clock(tmp_path, capsys):
    file = write_tiny_evaluation(tmp_path)
    flags = ["--engine", "batched", "--computation-aware", "true"]
    assert main(["evaluate", str(file), *flags]) == 1
    assert "computation_aware needs the engine simuleval" in capsys.readouterr().err


def test_processes_are_for_the_batched_engine(tmp_path, capsys):
    assert main(["evaluate", str(write_tiny_evaluation(tmp_path)), "--jobs", "2"]) == 1
    assert "plays one sentence after another: leave out --jobs" in capsys.readouterr().err


def test_no_process_is_too_few(tmp_path, capsys):
    assert main(["evaluate", str(tmp_path / "none.yaml"), "--jobs", "0"]) == 1
    assert capsys.readouterr().err == "error: --jobs must be at least 1, got 0\n"


@pytest.mark.parametrize("jobs", [["two"], ["1", "2"], []])
def test_bad_number_of_processes(jobs, tmp_path):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(tmp_path / "none.yaml"), "--jobs", *jobs])
    assert stop.value.code == 2


def test_agent_that_decides_in_its_own_way_is_refused(tmp_path):
    agent = tmp_path / "own_agent.py"
    agent.write_text(
        "from agents.policy import Policy\n"
        "from agents.streaming_agent import StreamingAgent\n"
        "class OwnAgent(StreamingAgent):\n"
        "    policy_class = Policy\n"
        "    def policy(self, states=None):\n"
        "        return super().policy(states)\n"
    )
    file = write_tiny_evaluation(tmp_path)
    text = file.read_text().replace("agent: waitk", f"agent: {agent}").replace("step_ms: 200\nk: 2\n", "")
    file.write_text(text)
    with pytest.raises(InputError, match="has its own policy, which the engine batched does not ask"):
        evaluate(load_configuration(file, {"engine": ["batched"]}))


def test_log_equals_simulevals_with_real_weights(whisper_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path.__class__(__file__).parents[3])
    base = {
        "model": str(whisper_folder("tiny.en")),
        "source": "eval_configs/quickstart/source.txt",
        "target": "eval_configs/quickstart/target.en.txt",
        "trailing_silence_ms": 2000,
        "chunk_ms": 1000,
        "end_index": 3,
        "engine": "batched",
    }
    settings = [
        {"agent": "alignatt", "recent_frames": 4},
        {"agent": "edatt", "alpha": 0.2, "beam": 2},
        {"agent": "local_agreement"},
        {"agent": "waitk", "k": 3},
    ]
    run = BatchedRun(tuple(configure({**base, **setting}, "a test") for setting in settings))
    transcripts = simulate_all(run, tmp_path, Workers())
    for lane, configuration in enumerate(run.configurations):
        (tmp_path / f"{lane}").mkdir()
        run_simuleval(configuration, tmp_path / f"{lane}")
        theirs = read_log(tmp_path / f"{lane}")
        run.write_logs(lane, transcripts, tmp_path / f"{lane}")
        assert without_clock(read_log(tmp_path / f"{lane}")) == without_clock(theirs)


def test_lengths_come_from_samples_where_a_header_says_more(models, tmp_path):
    # An MP3 whose last frame is cut in half announces 16,000 samples and gives 15,5xx.
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000)
    soundfile.write(tmp_path / "a.mp3", noise, 16_000)
    whole = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(whole[:-150])
    samples = len(soundfile.read(tmp_path / "a.mp3")[0])
    assert soundfile.info(tmp_path / "a.mp3").frames == 16_000 > samples
    (tmp_path / "source.txt").write_text(f"{tmp_path}/a.mp3\n")
    (tmp_path / "target.txt").write_text("the cat sat\n")
    [configuration, *_] = configurations(models, tmp_path, "whisper")
    run = BatchedRun((configuration,))
    run.write_logs(0, simulate_all(run, tmp_path, Workers()), tmp_path)
    ours = read_log(tmp_path)
    (tmp_path / "theirs").mkdir()
    run_simuleval(configuration, tmp_path / "theirs")
    assert without_clock(ours) == without_clock(read_log(tmp_path / "theirs"))
    assert [line["source_length"] for line in ours] == [samples / 16]
