"""The batched engine against SimulEval: the same log, prediction for prediction and delay for delay."""

import json

import numpy as np
import pytest
import soundfile
from simuleval import cli

from agents.engine import StreamingEngine
from agents.policy import Policy
from evaluation.batched_run import BatchedRun, batch_key, simulate_all
from evaluation.batched_simulator import Lane, Source, simulate
from evaluation.configuration import configure, load_configuration
from evaluation.evaluate import evaluate, run_simuleval
from evaluation.workers import Workers
from models.errors import InputError
from models.policy_folder import StoredPolicy, save_policy
from models.search import SearchOptions
from simulst import main
from tests.evaluation.tiny_evaluation import write_tiny_evaluation
from tests.models.scripted_translator import ScriptedTranslator, random_script
from tests.models.tiny_reina import tiny_policy, write_tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper

REFERENCES = ["the cat sat", "a man is walking", "hello world!", "what do you want", "the music is loud"]
# Every agent, at settings that write something before the end.
SETTINGS = {
    "whisper": [
        {"agent": "offline"},
        {"agent": "waitk", "k": 2, "step_ms": 200},
        {"agent": "waitk", "k": 1, "step_ms": 150, "chunk_ms": 170, "beam": 2, "patience": 2},
        {"agent": "local_agreement", "agreeing_chunks": 2},
        {"agent": "holdn", "held_tokens": 2, "beam": 3},
        {"agent": "holdn", "held_tokens": 4, "beam": 3},
        {"agent": "edatt", "alpha": 0.1, "newest_frames": 2},
        {"agent": "alignatt", "recent_frames": 4, "beam": 2},
        {"agent": "alignatt", "recent_frames": 9, "chunk_ms": 333},
        {"agent": "holdn", "held_tokens": 1, "target_language": "zh", "source_language": "zh"},
    ],
    # In characters: the random model hardly ever begins a word.
    "reina": [
        {"agent": "offline", "beam": 3, "target_language": "zh"},
        {"agent": "reina", "threshold": -2.2, "target_language": "zh"},
        {"agent": "reina", "threshold": -1.8, "target_language": "zh"},
        {"agent": "reina", "threshold": -1.5, "target_language": "de", "chunk_ms": 170},
        {"agent": "alignatt", "recent_frames": 6, "target_language": "zh", "beam": 3, "patience": 3},
        {"agent": "alignatt", "recent_frames": 12, "target_language": "zh"},
    ],
    "digsst": [
        {"agent": "digsst", "threshold": 0.12, "target_language": "zh"},
        {"agent": "digsst", "threshold": 0.15, "beam": 1},
    ],
}


@pytest.fixture(scope="module")
def test_set(tmp_path_factory):
    """Sounds of different length, one of them in stereo at another rate."""
    folder = tmp_path_factory.mktemp("sounds")
    rates = [16_000, 16_000, 44_100, 16_000, 16_000]
    seconds = [0.6, 1.3, 0.9, 1.7, 0.05]
    paths = []
    for index, (rate, length) in enumerate(zip(rates, seconds, strict=True)):
        shape = (int(rate * length), 2) if rate == 44_100 else int(rate * length)
        noise = np.random.default_rng(index).normal(0, 0.1, shape)
        soundfile.write(folder / f"{index}.wav", noise.astype(np.float32), rate)
        paths.append(str(folder / f"{index}.wav"))
    (folder / "source.txt").write_text("\n".join(paths) + "\n")
    (folder / "target.txt").write_text("\n".join(REFERENCES) + "\n")
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_tiny_whisper(folder / "whisper")
    write_tiny_reina(folder / "reina", seed=3, objective="gain")
    write_tiny_reina(folder / "digsst", seed=3, objective="divergence")
    return folder


def configurations(models, test_set, model, **changes):
    base = {
        "model": str(models / model),
        "source": str(test_set / "source.txt"),
        "target": str(test_set / "target.txt"),
        "chunk_ms": 250,
        "engine": "batched",
    }
    return [configure({**base, **setting, **changes}, "a test") for setting in SETTINGS[model]]


def read_log(folder):
    return [json.loads(line) for line in (folder / "instances.log").read_text().splitlines()]


def without_clock(log):
    return [{name: value for name, value in line.items() if name != "elapsed"} for line in log]


@pytest.mark.parametrize("model", SETTINGS)
def test_log_equals_simulevals_for_every_agent(model, models, test_set, tmp_path):
    run = BatchedRun(tuple(configurations(models, test_set, model)))
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
    assert early >= len(run.configurations) // 2, "policies that never write early test nothing"


def test_settings_of_different_chunks_share_what_they_have_both_heard(test_set):
    """1.3 s end in the sixth chunk of 250 ms and in the third of 500 ms: nothing is encoded twice."""
    translator = ScriptedTranslator(random_script(0, 9), 9)
    engine = StreamingEngine(translator, SearchOptions(), "en", "de")
    lanes = [Lane(engine, Policy(), chunk_ms, "word") for chunk_ms in (250, 500)]
    [[every, second]] = simulate(lanes, [Source(test_set / "1.wav")])
    assert (len(every.chunks), len(second.chunks), translator.encoded) == (6, 3, 6)


@pytest.mark.parametrize("limits", [{"streams_at_once": 1}, {"streams_at_once": 7}, {"audio_at_once_s": 1.5}])
def test_bounded_memory_changes_nothing(limits, models, test_set, tmp_path):
    logs = []
    for name, changes in (("free", {}), ("bounded", limits)):
        run = BatchedRun(tuple(configurations(models, test_set, "reina", **changes)))
        (tmp_path / name).mkdir()
        transcripts = simulate_all(run, tmp_path / name, Workers())
        logs.append(
            {index: [one.units for one in transcripts[index].values()] for index in sorted(transcripts)}
        )
    assert logs[0] == logs[1]


def test_batches_are_of_like_length_and_bounded(models, test_set):
    batches = {
        most: list(BatchedRun(tuple(configurations(models, test_set, "digsst", **limits))).batches())
        for most, limits in {
            "streams": {"streams_at_once": 2},
            "audio": {"audio_at_once_s": 2.0},
            "padded": {"audio_at_once_s": 2.0, "trailing_silence_ms": 1500},
        }.items()
    }
    assert batches == {
        "streams": [[3, 1], [2, 0], [4]],  # the two settings are decoded one after the other
        "audio": [[3], [1], [2, 0], [4]],
        "padded": [[3], [1], [2], [0], [4]],
    }


def test_processes_get_about_equally_much_audio(models, test_set):
    """Sentences of 0.6, 1.3, 0.9, 1.7 and 0.05 s."""
    run = BatchedRun(tuple(configurations(models, test_set, "digsst", streams_at_once=1)))
    batches = list(run.batches())
    assert batches == [[3], [1], [2], [0], [4]]
    assert run.shares(batches, 2) == [[[3], [0]], [[1], [2], [4]]]
    assert run.shares(batches[:2], 3) == [[[3]], [[1]], []]


def test_policies_for_one_model_are_simulated_side_by_side(models, test_set, tmp_path):
    """They share what it hears, and their results are those of each alone."""
    second = StoredPolicy(tiny_policy(seed=4, objective="divergence"), 0.5, "../reina")
    save_policy(models / "reina-digsst", second)
    model = str(models / "reina-digsst")
    own = configurations(models, test_set, "reina")[1:3]
    others = [
        configure({**one.values(), "agent": "digsst", "model": model, "threshold": threshold}, "a test")
        for one, threshold in zip(own, (0.1, 0.2), strict=True)
    ]
    assert len({batch_key(one) for one in (*own, *others)}) == 1
    together = BatchedRun((*own, *others))
    lanes = together.load()
    networks = [lane.engine.translator for lane in lanes]
    assert networks[0] is networks[1] and networks[2] is networks[3] and networks[0] is not networks[2]
    assert networks[0].base is networks[2].base
    units = []
    for name, run in (
        ("together", together),
        ("own", BatchedRun((*own,))),
        ("others", BatchedRun((*others,))),
    ):
        (tmp_path / name).mkdir()
        transcripts = simulate_all(run, tmp_path / name, Workers())
        units.append([[transcripts[index][key].units for index in range(5)] for key in run.keys])
    assert units[0] == units[1] + units[2]
    assert len({str(one) for one in units[0]}) > 2


def test_the_bound_of_streams_counts_what_is_decoded_together(models, test_set):
    """Two settings of greedy search are, the one with beams is not."""
    [beams, greedy] = configurations(models, test_set, "digsst", streams_at_once=4)
    also_greedy = configure({**greedy.values(), "threshold": 0.2}, "a test")
    assert list(BatchedRun((beams, greedy, also_greedy)).batches()) == [[3, 1], [2, 0], [4]]


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


@pytest.mark.parametrize("jobs", [["0"], ["two"], ["1", "2"], []])
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
    monkeypatch.chdir(tmp_path.__class__(__file__).parents[2])
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
