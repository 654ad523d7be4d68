"""Scores of long recordings against OmniSTEval's own command on the same log."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from evaluation.logs.run_log import read_run_log
from evaluation.logs.segment_log import SEGMENT_LOG, read_segment_log
from evaluation.metrics.significance import mean
from evaluation.run.rescore import rescore
from foundation.errors import InputError
from simulst import main
from tests.evaluation.long_form_run import CHINESE, ENGLISH, read_lines_of, write_long_form_run
from tests.evaluation.tiny_evaluation import write_tiny_evaluation


def omnisteval(run, configuration, out, log=None):
    """What OmniSTEval's command prints into scores.tsv, by name."""
    options = configuration.evaluation
    unit = "--char_level" if options.eval_latency_unit == "char" else "--word_level"
    language = configuration.agent_options.target_language
    split = ["--lang", language] if options.alignment_tokenizer == "moses" else []
    command = [
        *(sys.executable, "-m", "omnisteval.cli", "longform", unit, *split),
        *("--speech_segmentation", options.segments, "--ref_sentences_file", options.target),
        *("--hypothesis_file", log or run / "instances.log", "--output_folder", out),
        *("--bleu_tokenizer", options.sacrebleu_tokenizer),
    ]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with (out / "scores.tsv").open(newline="") as file:
        return {row["metric"]: float(row["value"]) for row in csv.DictReader(file, delimiter="\t")}


@pytest.mark.parametrize(
    ("language", "references", "tokenizer", "seed"),
    [("en", ENGLISH, "moses", 0), ("de", ENGLISH, "none", 1), ("zh", CHINESE, None, 2)],
)
def test_scores_equal_omnistevals_command_on_the_same_log(tmp_path, language, references, tokenizer, seed):
    run = tmp_path / "run"
    keys = {} if tokenizer is None else {"alignment_tokenizer": tokenizer}
    written = write_long_form_run(run, seed, references, target_language=language, **keys)
    configuration, scores = rescore(run, {})
    theirs = omnisteval(run, written, tmp_path / "theirs")
    assert scores.values["BLEU"] == pytest.approx(theirs["BLEU"], abs=1e-4)
    assert scores.values["chrF"] == pytest.approx(theirs["chrF"], abs=1e-4)
    assert scores.values["LongYAAL"] == pytest.approx(theirs["LongYAAL (CU)"], abs=1e-4)
    assert scores.values["StreamLAAL"] == pytest.approx(theirs["LongLAAL (CU)"], abs=1e-4)
    log = read_segment_log(run / SEGMENT_LOG)
    assert mean(log.latency("LongYAAL_CA")) == pytest.approx(theirs["LongYAAL (CA)"], abs=1e-4)
    assert mean(log.latency("StreamLAAL_CA")) == pytest.approx(theirs["LongLAAL (CA)"], abs=1e-4)
    segments = read_lines_of(tmp_path / "theirs" / "instances.resegmented.jsonl")
    assert [one.prediction for one in log.utterances] == [one["prediction"] for one in segments]
    for one, other in zip(log.utterances, segments, strict=True):
        assert list(one.delays) == other.get("emission_cu", [])
        assert list(one.elapsed) == other.get("emission_ca", [])


def test_the_true_clock_equals_omnisteval_on_a_log_with_its_times(tmp_path):
    run = tmp_path / "run"
    configuration = write_long_form_run(run)
    _, scores = rescore(run, {})
    log = read_run_log(run)
    changed = [
        one | {"elapsed": list(log.true_times(utterance))}
        for one, utterance in zip(read_lines_of(run / "instances.log"), log.utterances, strict=True)
    ]
    text = "".join(json.dumps(one) + "\n" for one in changed)
    (tmp_path / "true.log").write_text(text, encoding="utf-8")
    theirs = omnisteval(run, configuration, tmp_path / "theirs", tmp_path / "true.log")
    assert scores.values["LongYAAL_TC"] == pytest.approx(theirs["LongYAAL (CA)"], abs=1e-4)
    assert scores.values["StreamLAAL_TC"] == pytest.approx(theirs["LongLAAL (CA)"], abs=1e-4)
    assert scores.values["LongYAAL_TC"] > scores.values["LongYAAL"]


def test_omnisteval_reads_the_log_of_segments(tmp_path):
    run = tmp_path / "run"
    write_long_form_run(run, references=[text or "Yes." for text in ENGLISH])  # it refuses blank ones
    _, scores = rescore(run, {})
    command = [
        *("-m", "omnisteval.cli", "longform", "--word_level", "--resegmented_hypothesis", run / SEGMENT_LOG),
        *(
            "--emission_cu_key",
            "emission_cu",
            "--emission_ca_key",
            "emission_tc",
            "--output_folder",
            tmp_path,
        ),
    ]
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "scores.tsv").open(newline="") as file:
        theirs = {row["metric"]: float(row["value"]) for row in csv.DictReader(file, delimiter="\t")}
    assert scores.values["BLEU"] == pytest.approx(theirs["BLEU"], abs=1e-4)
    assert scores.values["StreamLAAL"] == pytest.approx(theirs["LongLAAL (CU)"], abs=1e-4)


def test_the_log_of_segments_reads_back_as_it_was_written(tmp_path):
    run = tmp_path / "run"
    write_long_form_run(run)
    rescore(run, {})
    log = read_segment_log(run / SEGMENT_LOG)
    first, *_, last = log.utterances
    assert (first.recording, first.place, first.wav, first.offset_ms) == (0, 0, "a.wav", 520.0)
    assert (last.index, last.recording, last.place, last.source_ms) == (5, 1, 1, 4400.0)
    assert (first.last_end_ms, first.audio_end_ms) == (11_130.0, 12_480.0)
    assert len(first.true_times) == len(first.delays) == len(first.prediction.split())
    assert log.unit == "word" and log.utterances[2].reference == ""


def test_scores_and_signatures_say_how_words_came_to_segments(tmp_path):
    run = tmp_path / "run"
    write_long_form_run(run, quality_metrics=["WER_NORM", "BLEU"])
    _, scores = rescore(run, {})
    aligned = ["WER_NORM", "BLEU", "LongYAAL", "LongYAAL_TC", "StreamLAAL", "StreamLAAL_TC", "EMPTY"]
    assert list(scores.values) == [*aligned, "LATE", "LATE_TC", "SENTENCES"]
    assert scores.values["SENTENCES"] == 6
    how = "|segments:softsegmenter|tok:moses|omnisteval:0.1."
    assert all(how in scores.signatures[name] for name in aligned)
    assert "clock:max(t,arrival)+compute" in scores.signatures["LongYAAL_TC"]


def test_a_run_of_changed_references_is_not_scored(tmp_path):
    run = tmp_path / "run"
    configuration = write_long_form_run(run)
    target = configuration.evaluation.target
    with open(target, "w", encoding="utf-8") as file:
        file.write("\n".join(["Other words.", *ENGLISH[1:]]) + "\n")
    with pytest.raises(InputError, match="index 0 are not those of .*a.wav any more"):
        rescore(run, {})


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "offset: 9.15",
            "offset: 9150.0",
            "entry 4 lies at 9150 to 9152.5 s, but a.wav of .* ends at 13.00 s",
        ),
        (
            "wav: b.wav",
            "wav: c.wav",
            "index 1 is a run of b.wav, but the segments are of c.wav: segments have",
        ),
    ],
)
def test_a_run_of_changed_segments_is_not_scored(tmp_path, before, after, said):
    configuration = write_long_form_run(tmp_path / "run")
    file = Path(configuration.evaluation.segments)
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        rescore(tmp_path / "run", {})


def test_words_that_longyaal_leaves_out_are_counted(tmp_path, caplog):
    run = tmp_path / "run"
    write_long_form_run(run, lag_ms=8_000.0)
    _, scores = rescore(run, {})
    log = read_segment_log(run / SEGMENT_LOG)
    ends = {0: 11_650.0, 1: 9_417.0}
    times = [(delay + one.offset_ms) >= ends[one.recording] for one in log.utterances for delay in one.delays]
    assert scores.values["LATE"] == pytest.approx(100 * sum(times) / len(times))
    assert 0 < scores.values["LATE"] <= scores.values["LATE_TC"] < 100
    [warned] = [one for one in caplog.messages if "(column LATE)" in one]
    assert f"{sum(times)} of {len(times)} words were written after the last segment" in warned


@pytest.fixture(scope="module")
def tiny_talks(tmp_path_factory):
    """A file of an evaluation of two recordings, by a random Whisper."""
    evaluation = write_tiny_evaluation(tmp_path_factory.mktemp("talks"))
    folder = evaluation.parent
    entries = [("0.wav", 0.0, 0.3), ("0.wav", 0.3, 0.3), ("1.wav", 0.1, 1.0)]
    rows = ["wav\toffset\tduration", *("\t".join(map(str, entry)) for entry in entries)]
    (folder / "talks.tsv").write_text("\n".join(rows) + "\n")
    text = evaluation.read_text().replace(f"source: {folder}/source.txt", f"segments: {folder}/talks.tsv")
    evaluation.write_text(text)
    return evaluation


def test_both_engines_write_one_line_a_recording_and_score_segments(tiny_talks, capsys):
    folder = tiny_talks.parent
    for engine in ("simuleval", "batched"):
        words = ["evaluate", tiny_talks, "--engine", engine, "--output", folder / engine]
        assert main(list(map(str, words))) == 0
        told = capsys.readouterr().out
        assert (
            "LongYAAL_s" in told
            and "StreamLAAL_s" in told
            and ("LongYAAL_TC_s" in told) == (engine == "simuleval")
        )
    ours, theirs = (read_lines_of(folder / name / "instances.log") for name in ("batched", "simuleval"))
    assert len(ours) == 2
    for key in ("index", "prediction", "delays", "reference", "source", "source_length"):
        assert [line[key] for line in ours] == [line[key] for line in theirs], key
    assert ours[0]["source"][0] == f"{folder}/0.wav"
    assert ours[0]["reference"] == "the cat sat a man is walking in the street"
    segments = [read_lines_of(folder / name / SEGMENT_LOG) for name in ("batched", "simuleval")]
    assert [[one["prediction"] for one in some] for some in segments] == [
        [one["prediction"] for one in segments[0]]
    ] * 2
    assert len(segments[0]) == 3


def test_a_part_of_the_recordings_keeps_the_numbers_of_its_segments(tiny_talks):
    out = tiny_talks.parent / "second"
    words = ["evaluate", tiny_talks, "--engine", "batched", "--start-index", "1", "--output", out]
    assert main(list(map(str, words))) == 0
    assert [one.index for one in read_segment_log(out / SEGMENT_LOG).utterances] == [2]
    assert main(["evaluate", "--rescore", str(out), "--quality-metrics", "WER_NORM"]) == 0


def test_nothing_is_made_where_a_recording_is_missing(tiny_talks, capsys):
    out = tiny_talks.parent / "nothing"
    words = ["evaluate", tiny_talks, "--audio-folder", tiny_talks.parent / "model", "--output", out]
    assert main(list(map(str, words))) == 1
    [message] = capsys.readouterr().err.splitlines()
    assert message.startswith("error: 2 of 2 recordings of ") and not out.exists()
