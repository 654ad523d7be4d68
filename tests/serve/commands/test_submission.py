"""`simulst submission` over the shipped captions: what it leaves, how it goes on, and what it refuses."""

import contextlib
import importlib.util
import io
import json
import shutil
from pathlib import Path

import pytest
import yaml

import serve.submission.dev_run
from evaluation.logs.run_log import read_run_log
from foundation.errors import InputError
from serve.submission.dev_run import PARTS
from simulst import main
from tests.evaluation.tiny_evaluation import ROOT, write_tiny_evaluation

QUICKSTART = ROOT / "eval_configs" / "quickstart_de"
HAS_SIMULSTREAM = importlib.util.find_spec("simulstream") is not None


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    """Two captions as recordings, and their references, in files; a tiny model's evaluation beside them."""
    folder = tmp_path_factory.mktemp("dev")
    write_tiny_evaluation(folder)
    segments = yaml.safe_load((QUICKSTART / "segments.yaml").read_text(encoding="utf-8"))[:2]
    references = (QUICKSTART / "segments.de.txt").read_text(encoding="utf-8").splitlines()[:2]
    (folder / "segments.yaml").write_text(yaml.safe_dump(segments), encoding="utf-8")
    (folder / "references.txt").write_text("\n".join(references) + "\n", encoding="utf-8")
    return folder


def words(dev, out, *more):
    """A command line; flags in `more` replace its own, for none may be given twice."""
    own = {
        "--dev": dev / "segments.yaml",
        "--references": dev / "references.txt",
        "--audio-folder": QUICKSTART,
        "--output": out,
    }
    kept = [word for flag, value in own.items() if flag not in more for word in (flag, value)]
    return [str(word) for word in ("submission", "reina", *kept, *more)]


@pytest.fixture(scope="module")
def finished(dev, tmp_path_factory):
    """The folder of a submission, with the exit status and what was printed."""
    out, told = tmp_path_factory.mktemp("made") / "submission", io.StringIO()
    with contextlib.redirect_stdout(told):
        status = main(words(dev, out))
    return out, status, told.getvalue()


def test_what_is_there_and_missing_is_told(finished):
    out, status, printed = finished
    assert status == (0 if HAS_SIMULSTREAM else 1)
    told = (out / "checklist.txt").read_text(encoding="utf-8")
    assert told in printed
    states = [line.split()[0] for line in told.splitlines()]
    log = "done" if HAS_SIMULSTREAM else "missing"
    end = "all" if HAS_SIMULSTREAM else "missing:"
    assert states == ["done", "done", log, "done", "done", "note", "done", end]
    assert f"docker compose --file {out}/image/compose.yaml --profile cuda up --build --wait" in printed


def test_the_run_is_one_of_simulst_evaluate_with_both_logs(finished):
    out, *_ = finished
    assert {file.name for file in out.iterdir()} == {"en-de", "image", "checklist.txt", "submission.json"}
    run = read_run_log(out / "en-de")
    assert [one.prediction.split()[:2] for one in run.utterances] == [["Eine", "Frau"], ["Zwei", "Kinder"]]
    lines = [json.loads(line) for line in (out / "en-de" / "simulstream.jsonl").read_text().splitlines()]
    assert [line["metadata"] for line in lines if "metadata" in line] == [
        {"wav_name": "caption_1.flac"},
        {"wav_name": "caption_2.flac"},
    ]
    for one in run.utterances:
        tokens = [
            token for line in lines if line["id"] == one.index for token in line.get("generated_tokens", [])
        ]
        assert "".join(tokens).split() == one.prediction.split()
    assert {"scores.tsv", "signatures.json", "evaluation.yaml"} <= {
        file.name for file in (out / "en-de").iterdir()
    }


def test_the_image_holds_the_agent_that_was_run(finished):
    out, *_ = finished
    processor = yaml.safe_load((out / "image" / "submission" / "processor.yaml").read_text(encoding="utf-8"))
    evaluated = yaml.safe_load((out / "en-de" / "evaluation.yaml").read_text(encoding="utf-8"))
    own = {"type", "detokenizer_type", "latency_unit", "model"}
    assert {key: evaluated[key] for key in processor.keys() - own} == {
        key: value for key, value in processor.items() if key not in own
    }


def test_a_regime_that_is_missed_ends_with_status_1(dev, tmp_path, capsys):
    out = tmp_path / "submission"
    assert main(words(dev, out, "--regime", "high")) == 1
    told = capsys.readouterr().out
    assert "not of high latency, 2 to 4 s of LongYAAL; find the setting by: simulst calibrate" in told
    # All else is there: the folder is no draft.
    assert (out / "image" / "Dockerfile").exists() and not (out / PARTS).exists()


def test_an_interrupted_run_goes_on_with_the_recording_at_which_it_stopped(
    dev, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "submission"
    run_simuleval, ran = serve.submission.dev_run.run_simuleval, []

    def interrupted(configuration, folder):
        ran.append(configuration.evaluation.start_index)
        if len(ran) == 2:
            raise KeyboardInterrupt
        run_simuleval(configuration, folder)

    monkeypatch.setattr("serve.submission.dev_run.run_simuleval", interrupted)
    assert main(words(dev, out)) == 130
    assert "the same command continues" in capsys.readouterr().err
    assert not out.exists()
    # Other settings would mix with what is there.
    assert main(words(dev, out, "--beam", "1")) == 1
    assert "was begun with en-de: beam 3, now it is 1" in capsys.readouterr().err
    main(words(dev, out))
    assert ran == [0, 1, 1]
    assert len(read_run_log(out / "en-de").utterances) == 2


def test_a_finished_submission_is_kept_unless_told_otherwise(finished, dev, capsys):
    out, *_ = finished
    assert main(words(dev, out)) == 1
    assert f"output {out} exists: name another --output, or add --overwrite" in capsys.readouterr().err


def test_several_pairs_are_runs_of_one_submission(dev, tmp_path):
    from serve.commands.submission import dev_runs
    from serve.commands.submission_arguments import SubmissionArguments

    segments, references = dev / "segments.yaml", dev / "references.txt"
    shared = {"configuration": Path("reina"), "dev": (segments,) * 2, "references": (references,) * 2}
    runs = dev_runs(SubmissionArguments(**shared, languages=("en-de", "English-fra")), {})
    assert [one.name for one in runs] == ["en-de", "en-fr"]
    assert [one.configuration.evaluation.output for one in runs] == [
        "outputs/reina-submission/en-de",
        "outputs/reina-submission/en-fr",
    ]
    with pytest.raises(InputError, match="is another development set of en-de: join the two"):
        dev_runs(SubmissionArguments(**shared), {})


def test_recordings_that_logs_cannot_tell_apart_are_refused_before_the_run(dev, tmp_path, capsys):
    for number in (1, 2):
        (tmp_path / "audio" / str(number)).mkdir(parents=True)
        shutil.copy(
            QUICKSTART / "audio" / f"caption_{number}.flac", tmp_path / "audio" / str(number) / "t.flac"
        )
    entries = [{"wav": f"{number}/t.flac", "offset": 0.0, "duration": 3.9} for number in (1, 2)]
    segments = tmp_path / "segments.yaml"
    segments.write_text(yaml.safe_dump(entries), encoding="utf-8")
    more = ["--dev", str(segments), "--audio-folder", str(tmp_path / "audio")]
    assert main(words(dev, tmp_path / "out", *more)) == 1
    assert "2/t.flac and" in (told := capsys.readouterr().err) and "cannot be told apart" in told
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    "more, message",
    [
        (["--engine", "batched"], "--engine does not go with a submission: leave it out"),
        (["--source", "list.txt"], "--source does not go with a submission"),
        (["--languages", "en"], "--languages takes pairs such as en-de, got 'en'"),
        (
            ["--languages", "en-de", "en-fr"],
            "--dev names 1 development sets, --languages 2: give one for each",
        ),
        (["--dev", "none.yaml"], "none.yaml does not exist, or is no file"),
        (["--bean", "2"], "there is no option 'bean': did you mean 'beam'?"),
        (["--model", "none"], "model 'none' was not found"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_leaves_nothing(dev, tmp_path, capsys, more, message):
    out = tmp_path / "submission"
    assert main(words(dev, out, *more)) == 1
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_development_set_must_be_named(capsys):
    assert main(["submission", "reina"]) == 1
    assert capsys.readouterr().err == "error: name the segments of a development set: --dev SEGMENTS\n"


def test_adapters_are_refused_before_the_run(dev, tmp_path, capsys):
    model = shutil.copytree(dev / "model", tmp_path / "adapters")
    (model / "adapter_config.json").write_text("{}", encoding="utf-8")
    assert main(words(dev, tmp_path / "out", "--agent", "waitk", "--model", model)) == 1
    assert "merge them by `simulst export`" in capsys.readouterr().err
    assert not (tmp_path / "out.unfinished").exists()
