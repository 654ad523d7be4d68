"""`simulst evaluate` from file to folder, against SimulEval run by hand."""

import csv
import json
import math
import sys

import pytest
import yaml
from simuleval.evaluator import SentenceLevelEvaluator
from simuleval.options import add_evaluator_args, add_scorer_args, general_parser
from simuleval.utils import EVALUATION_SYSTEM_LIST

from evaluation.configuration.evaluation_file import load_configuration
from evaluation.configuration.evaluation_options import EvaluationOptions
from evaluation.metrics.scores import Scorers
from evaluation.run import evaluate as command
from evaluation.run.evaluate import evaluate
from foundation.command_line import read_flags
from foundation.errors import InputError
from simulst import main
from tests.evaluation.configuration.test_configuration import WHISPER_CONFIGURATIONS
from tests.evaluation.tiny_evaluation import REFERENCES, ROOT, run_command, write_tiny_evaluation

LATENCY_METRICS = ("AL", "LAAL", "AP", "DAL", "ATD")


@pytest.fixture(scope="module")
def tiny_yaml(tmp_path_factory):
    return write_tiny_evaluation(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def result(tiny_yaml):
    """A folder of results of the tiny evaluation."""
    assert main(["evaluate", str(tiny_yaml)]) == 0
    return tiny_yaml.parent / "result"


def write_log(folder, *sentences):
    """An instances.log of (prediction, reference, delays, elapsed), each over 1000 ms of audio."""
    lines = [
        {
            "index": index,
            "prediction": prediction,
            "delays": delays,
            "elapsed": elapsed,
            "prediction_length": len(delays),
            "reference": reference,
            "source": [],
            "source_length": 1000.0,
        }
        for index, (prediction, reference, delays, elapsed) in enumerate(sentences)
    ]
    log = folder / "instances.log"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return log


def read_scores(folder):
    """The one row of scores.tsv by column, as text."""
    with (folder / "scores.tsv").open(newline="") as file:
        [row] = csv.DictReader(file, delimiter="\t")
    return row


def score(log, **options):
    defaults = {"quality_metrics": ("WER_NORM",), "latency_metrics": LATENCY_METRICS}
    return Scorers(EvaluationOptions("s", "t", **defaults | options).for_language("en")).score(log)


def test_result_holds_log_scores_signatures_and_configuration(result, tiny_yaml):
    names = {file.name for file in result.iterdir()}
    ours = {"chunks.jsonl", "evaluation.yaml", "scores.tsv", "signatures.json"}
    assert names == {"config.yaml", "instances.log", *ours}
    lines = [json.loads(line) for line in (result / "instances.log").read_text().splitlines()]
    assert [line["reference"] for line in lines] == list(REFERENCES)
    assert load_configuration(result / "evaluation.yaml") == load_configuration(tiny_yaml)
    scores = read_scores(result)
    assert list(scores)[:5] == ["setting", "BLEU", "chrF", "AL", "AL_CA"]
    assert scores["setting"] == "waitk k=2 step_ms=200.0"
    assert scores["SENTENCES"] == "3"
    signatures = json.loads((result / "signatures.json").read_text())
    assert set(signatures) == set(scores) - {"setting", "SENTENCES"}
    assert "tok:13a" in signatures["BLEU"] and "clock:source+computation" in signatures["AL_CA"]


def test_log_is_that_of_plain_simuleval(result, tiny_yaml, tmp_path):
    values = yaml.safe_load(tiny_yaml.read_text())
    run = run_command(
        *("simuleval", "--agent", "agents/waitk_agent.py", "--output", tmp_path / "plain"),
        *("--source", values["source"], "--target", values["target"], "--model", values["model"]),
        *("--chunk-ms", "200", "--step-ms", "200", "--k", "2", "--quality-metrics", "BLEU"),
        "--decode-silence",
    )
    assert run.returncode == 0, run.stderr
    ours, theirs = (
        [json.loads(line) for line in (folder / "instances.log").read_text().splitlines()]
        for folder in (result, tmp_path / "plain")
    )
    for key in ("prediction", "delays", "reference", "source_length"):
        assert [line[key] for line in ours] == [line[key] for line in theirs]
    scores = read_scores(result)
    plain = read_scores(tmp_path / "plain")
    for name in ("BLEU", "AL", "LAAL", "DAL"):
        assert float(scores[name]) == pytest.approx(float(plain[name]), abs=1e-3)


@pytest.mark.parametrize("reference_length", [True, False])
@pytest.mark.parametrize("computation_aware", [True, False])
def test_latency_equals_simulevals_own_on_the_same_log(
    tmp_path, monkeypatch, computation_aware, reference_length
):
    log = write_log(
        tmp_path,
        ("a b c d", "a b c", [400.0, 400.0, 800.0, 1000.0], [450.0, 450.0, 900.0, 1250.0]),
        ("", "nothing", [], []),
        ("x y", "x y z z", [600.0, 1000.0], [1100.0, 1700.0]),
    )
    (tmp_path / "config.yaml").write_text("source_type: speech\ntarget_type: text\n")
    flags = [*(["--computation-aware"] * computation_aware), *(["--no-use-ref-len"] * (not reference_length))]
    words = ["--score-only", "--output", str(tmp_path), "--latency-metrics", *LATENCY_METRICS, *flags]
    monkeypatch.setattr(sys, "argv", ["simuleval", *words])
    parser = general_parser()
    add_evaluator_args(parser)
    add_scorer_args(parser)
    theirs = SentenceLevelEvaluator.from_args(parser.parse_args()).results
    ours = score(log, quality_metrics=("BLEU",), no_use_ref_len=not reference_length).values
    for name in LATENCY_METRICS:
        assert ours[name + "_CA" * computation_aware] == pytest.approx(theirs[name][0], abs=1e-3)


def test_scores_of_a_log_by_hand(tmp_path):
    log = write_log(
        tmp_path,
        ("a b", "a b", [500.0, 1000.0], [700.0, 1400.0]),
        ("", "nothing", [], []),
    )
    values = score(log).values
    # One word every 500 ms would be ideal: both words are 500 ms late, the second is the last counted.
    assert values["AL"] == 500.0
    # 700 and 1400 - 500.
    assert values["AL_CA"] == 800.0
    assert values["WER_NORM"] == pytest.approx(100 / 3)
    assert (values["EMPTY"], values["SENTENCES"]) == (1, 2)


def test_columns_with_computation_are_an_option(tmp_path):
    log = write_log(tmp_path, ("a", "a", [500.0], [700.0]))
    values = score(log, latency_metrics=("AL",), computation_aware=False).values
    assert list(values) == ["WER_NORM", "AL", "EMPTY", "SENTENCES"]


def test_latency_of_nothing_but_empty_predictions_is_nan(tmp_path, caplog):
    log = write_log(tmp_path, ("", "a", [], []), ("", "b", [], []))
    values = score(log).values
    assert all(math.isnan(values[name]) for name in LATENCY_METRICS)
    assert values["EMPTY"] == 2
    assert not caplog.records


def test_part_of_the_test_set(tiny_yaml, tmp_path):
    output = tmp_path / "part"
    flags = ["--start-index", "1", "--end-index", "2", "--output", str(output)]
    assert main(["evaluate", str(tiny_yaml), *flags]) == 0
    lines = (output / "instances.log").read_text().splitlines()
    assert [json.loads(line)["index"] for line in lines] == [1]


def test_table_on_standard_output(tiny_yaml, tmp_path, capsys):
    output = tmp_path / "new" / "table"
    flags = ["--end-index", "1", "--output", str(output), "--latency-metrics", "LAAL"]
    assert main(["evaluate", str(tiny_yaml), *flags]) == 0
    header, values, _, prediction, _, where = capsys.readouterr().out.splitlines()
    assert header.split() == "setting BLEU chrF LAAL_s LAAL_CA_s LAAL_TC_s EMPTY SENTENCES".split()
    assert values.startswith("waitk k=2 step_ms=200.0 ") and values.endswith(" 1")
    assert prediction == json.loads((output / "instances.log").read_text())["prediction"]
    assert where == f"results in {output}"


def test_run_leaves_no_trace_in_this_process(tiny_yaml, tmp_path):
    before = list(sys.argv), list(EVALUATION_SYSTEM_LIST)
    assert main(["evaluate", str(tiny_yaml), "--end-index", "1", "--output", str(tmp_path / "result")]) == 0
    assert (sys.argv, EVALUATION_SYSTEM_LIST) == before


def test_existing_output_is_kept_unless_told_otherwise(tiny_yaml, result, tmp_path, capsys):
    before = (result / "instances.log").read_text()
    assert main(["evaluate", str(tiny_yaml)]) == 1
    assert "exists: name another --output, or add --overwrite" in capsys.readouterr().err
    assert (result / "instances.log").read_text() == before
    flags = ["--end-index", "1", "--output", str(tmp_path / "again")]
    assert main(["evaluate", str(tiny_yaml), *flags]) == 0
    assert main(["evaluate", str(tiny_yaml), *flags, "--k", "1", "--overwrite"]) == 0
    assert "k=1" in (tmp_path / "again" / "scores.tsv").read_text()


def test_folder_that_is_no_result_is_never_overwritten(tiny_yaml, tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("precious")
    assert main(["evaluate", str(tiny_yaml), "--output", str(tmp_path), "--overwrite"]) == 1
    assert "not made by this command (it holds no instances.log), so it is kept" in capsys.readouterr().err
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.parametrize("failure", [RuntimeError("out of memory"), KeyboardInterrupt()])
def test_failure_in_the_middle_leaves_nothing(tiny_yaml, tmp_path, monkeypatch, failure):
    def fail_after_writing(configuration, folder):
        (folder / "instances.log").write_text("{}\n")
        raise failure

    monkeypatch.setattr(command, "run_simuleval", fail_after_writing)
    flags = read_flags(["--output", str(tmp_path / "result")])
    with pytest.raises(type(failure)):
        evaluate(load_configuration(tiny_yaml, flags))
    assert not list(tmp_path.iterdir())


def test_failure_keeps_the_result_that_was_to_be_replaced(tiny_yaml, result, monkeypatch):
    monkeypatch.setattr(command, "run_simuleval", lambda *_: pytest.fail("stop here", pytrace=False))
    with pytest.raises(pytest.fail.Exception):
        evaluate(load_configuration(tiny_yaml), overwrite=True)
    assert (result / "instances.log").exists()
    assert [path.name for path in result.parent.glob("*incomplete*")] == []


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--source", "none.txt"), "source none.txt does not exist"),
        (("--model", "none"), "model 'none' was not found"),
        (("--target-language", "xx"), "xx"),
        (("--device", "abacus"), "device 'abacus' cannot be used here"),
        (("--quality-metrics", "BLUE"), "there is no quality metric 'BLUE': give some of WER, BLEU"),
        (("--latency-metrics", "LAL"), "there is no latency metric 'LAL': give some of AL, LAAL"),
        (("--sacrebleu-tokenizer", "ja-mecab"), "metric BLEU cannot be used here: Japanese tokenization"),
        (("--sacrebleu-tokenizer", "sushi"), "sacrebleu_tokenizer must be one of none, zh, 13a"),
        (("--start-index", "3"), "lists 3 sentences: start_index 3 or end_index -1 lies beyond"),
        (("--end-index", "4"), "lists 3 sentences: start_index 0 or end_index 4 lies beyond"),
        (("--k", "0"), "command line: k must be at least 1, got 0"),
    ],
)
def test_bad_input_gets_one_line_and_no_folder(tiny_yaml, tmp_path, capsys, flags, message):
    assert main(["evaluate", str(tiny_yaml), "--output", str(tmp_path / "result"), *flags]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_lists_of_different_length_are_refused(tiny_yaml, tmp_path, capsys):
    (tmp_path / "short.txt").write_text("one\n")
    flags = ["--target", str(tmp_path / "short.txt"), "--output", str(tmp_path / "result")]
    assert main(["evaluate", str(tiny_yaml), *flags]) == 1
    assert "lists 3 audio files but" in capsys.readouterr().err
    assert not (tmp_path / "result").exists()


def test_metric_that_lacks_a_library_is_refused(tiny_yaml, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "editdistance", None)
    flags = read_flags(["--quality-metrics", "WER", "--output", str(tmp_path / "result")])
    with pytest.raises(InputError, match="metric WER cannot be used here: Please install editdistance"):
        evaluate(load_configuration(tiny_yaml, flags))


@pytest.mark.parametrize("words", [("stray",), ("--overwrite", "false")])
def test_word_that_belongs_to_no_key_is_wrong_usage(tiny_yaml, words):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(tiny_yaml), *words])
    assert stop.value.code == 2


@pytest.mark.parametrize("file", WHISPER_CONFIGURATIONS, ids=lambda file: file.stem)
def test_shipped_file_runs_on_a_random_model(file, tiny_yaml, tmp_path, monkeypatch):
    monkeypatch.chdir(file.parents[1])
    flags = ["--model", str(tiny_yaml.parent / "model"), "--end-index", "1", "--output", str(tmp_path / "r")]
    assert main(["evaluate", str(file), *flags]) == 0
    assert (tmp_path / "r" / "scores.tsv").exists()


def test_shipped_file_translates_with_the_shipped_model(tmp_path, monkeypatch):
    """Three captions that training did not have, by voices that it did not have."""
    monkeypatch.chdir(ROOT)
    flags = ["--end-index", "3", "--output", str(tmp_path / "r")]
    assert main(["evaluate", "eval_configs/reina.yaml", *flags]) == 0
    scores = read_scores(tmp_path / "r")
    assert float(scores["chrF"]) > 50 and scores["EMPTY"] == "0"


@pytest.mark.parametrize("file", WHISPER_CONFIGURATIONS, ids=lambda file: file.stem)
def test_shipped_file_transcribes_with_real_weights(file, whisper_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(file.parents[1])
    flags = ["--model", str(whisper_folder("tiny.en")), "--end-index", "2", "--output", str(tmp_path / "r")]
    assert main(["evaluate", str(file), *flags]) == 0
    scores = read_scores(tmp_path / "r")
    assert float(scores["WER_NORM"]) < 50
    assert scores["EMPTY"] == "0"
