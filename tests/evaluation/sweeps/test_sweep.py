"""`simulst sweep` from its file to its folder, also when it is killed on the way."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from evaluation.logs.run_log import read_run_log
from evaluation.sweeps.layout import RunPlace, SweepLayout, setting_name
from evaluation.sweeps.plan import load_plan
from evaluation.sweeps.sweep import _open_folder
from simulst import main
from tests.evaluation.tiny_evaluation import ROOT, run_command
from tests.evaluation.tiny_sweep import write_tiny_sweep

INTERRUPTIONS = {signal.SIGTERM: "terminated", signal.SIGINT: "interrupted"}
SHIPPED = sorted((ROOT / "eval_configs/sweeps").glob("*.yaml"))
RUNS = ("wait-k/k=1", "wait-k/k=2", "wait-k/k=4", "holdn/held_tokens=1", "holdn/held_tokens=6,chunk_ms=300")


@pytest.fixture(scope="module")
def finished(tiny_sweep):
    """The folder of the sweep, run without any interruption. Its name is its title: it is always `out`."""
    folder = tiny_sweep.parent / "whole" / "out"
    assert main(["sweep", str(tiny_sweep), "--output", str(folder)]) == 0
    return folder


def contents(folder):
    """All files of a sweep by their paths; where it lies is taken out of them."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().replace(str(folder).encode(), b"DIR")
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_folder_holds_all_results(finished):
    layout = SweepLayout(finished)
    assert {place.path.as_posix() for place in layout.finished_runs()} == {*RUNS, "offline/wait-k"}
    files = {path.name for path in finished.iterdir()}
    tables = {"points.tsv", "points.json", "nose.tsv"}
    assert files == {"runs", "sweep.yaml", "offline.yaml", *tables, "curves.png", "report.html"}
    names = {path.name for path in (finished / "runs/wait-k/k=1").iterdir()}
    ours = {"chunks.jsonl", "evaluation.yaml", "scores.tsv", "signatures.json"}
    assert names == {"config.yaml", "instances.log", *ours}


def test_points_have_intervals_and_counts(finished):
    layout = SweepLayout(finished)
    points = json.loads(layout.points.read_text())
    assert points["quality"] == ["chrF", "BLEU"] and points["latency"] == ["LAAL", "AL"]
    first = points["points"][0]
    assert (first["system"], first["offline"]) == ("holdn", False)
    assert first["folder"] == f"runs/holdn/{first['setting']}"
    for point in points["points"]:
        assert point["sentences"] == 3 and set(point["outputs"]) == {"EMPTY", "LOOPING", "AT_END"}
        for score in point["scores"].values():
            assert score["low"] <= score["value"] <= score["high"]
    with layout.points_table.open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["setting"] for row in rows] == [point["setting"] for point in points["points"]]
    assert float(rows[0]["LAAL_s_low"]) <= float(rows[0]["LAAL_s"]) <= float(rows[0]["LAAL_s_high"])
    # Logs are in ms, what people read is in seconds.
    log = read_run_log(finished / first["folder"])
    assert first["scores"]["LAAL"]["value"] == pytest.approx(log.latency("LAAL").mean() / 1000, abs=1e-6)
    assert rows[0]["LAAL_s"] == f"{first['scores']['LAAL']['value']:.3f}"


def test_a_run_of_a_sweep_is_what_evaluate_gives(finished, tiny_sweep, tmp_path):
    configuration = finished / "runs/wait-k/k=2/evaluation.yaml"
    assert main(["evaluate", str(configuration), "--output", str(tmp_path / "alone")]) == 0
    for name in ("instances.log", "scores.tsv", "signatures.json"):
        assert (tmp_path / "alone" / name).read_text() == (configuration.parent / name).read_text()


def test_finished_sweep_runs_nothing_again(finished, tiny_sweep):
    before = {path: path.stat().st_mtime_ns for path in (finished / "runs").rglob("*")}
    assert main(["sweep", str(tiny_sweep), "--output", str(finished)]) == 0
    assert {path: path.stat().st_mtime_ns for path in (finished / "runs").rglob("*")} == before


def start(tiny_sweep, folder, *flags, stderr=subprocess.DEVNULL):
    words = ["sweep", str(tiny_sweep), "--output", str(folder), *flags]
    return subprocess.Popen(
        [sys.executable, "-m", "simulst", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    )


def kill_when(process, condition):
    """kill -9 as soon as the condition holds; whether it came to that."""
    while process.poll() is None:
        if condition():
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.002)
    return False


def test_killed_sweep_goes_on_to_the_same_results(tiny_sweep, finished, tmp_path):
    """Killed after one utterance, after two, between the runs' folders, and before the tables."""
    folder = tmp_path / "out"

    def utterances(count):
        lines = sum(file.read_bytes().count(b"\n") for file in folder.glob(".parts/*.jsonl"))
        return lines >= count

    moments = [
        lambda: utterances(1),
        lambda: utterances(2),
        lambda: (folder / "runs/wait-k/k=2").exists(),
        lambda: (folder / "runs/offline/wait-k").exists(),
    ]
    killed = [kill_when(start(tiny_sweep, folder), moment) for moment in moments]
    assert all(killed[:3])
    # What a kill in the middle of a write would leave.
    left = folder / "runs/wait-k/.k=4.0123.incomplete"
    left.mkdir(exist_ok=True)
    for file in folder.glob(".parts/*.jsonl"):
        with file.open("a") as log:
            log.write('{"index": 2, "lanes": {"')
    assert main(["sweep", str(tiny_sweep), "--output", str(folder)]) == 0
    whole, resumed = contents(finished), contents(folder)
    assert whole.keys() == resumed.keys()
    # The page follows from the others, and leads to the audio from where it lies itself.
    assert [name for name in whole if whole[name] != resumed[name]] == ["report.html"]


def test_processes_give_the_same_results(tiny_sweep, finished, tmp_path):
    finished_elsewhere = run_command(
        "simulst", "sweep", tiny_sweep, "--output", tmp_path / "out", "--jobs", "2"
    )
    assert finished_elsewhere.returncode == 0, finished_elsewhere.stderr
    for name in RUNS:
        for file in ("instances.log", "scores.tsv"):
            whole = (finished / "runs" / name / file).read_text()
            assert (tmp_path / "out" / "runs" / name / file).read_text() == whole


def test_cluster_jobs_give_the_same_results(tiny_sweep, finished, tmp_path):
    """submitit's local executor: Slurm's path without a cluster."""
    pytest.importorskip("submitit")
    flags = ["--jobs", "2", "--executor", "submitit-local"]
    done = run_command("simulst", "sweep", tiny_sweep, "--output", tmp_path / "out", *flags)
    assert done.returncode == 0, done.stderr
    for name in RUNS:
        log = (tmp_path / "out" / "runs" / name / "instances.log").read_text()
        assert log == (finished / "runs" / name / "instances.log").read_text()


def test_simuleval_engine_gives_the_same_points(tiny_sweep, finished, tmp_path):
    flags = ["--engine", "simuleval", "--computation-aware", "false"]
    assert main(["sweep", str(tiny_sweep), "--output", str(tmp_path / "out"), *flags]) == 0
    ours, theirs = (
        json.loads(SweepLayout(folder).points.read_text())["points"]
        for folder in (finished, tmp_path / "out")
    )
    assert len(ours) == len(theirs) == len(RUNS) + 1
    for batched, played in zip(ours, theirs, strict=True):
        # SimulEval's log has a clock, the batched engine's has none.
        played["scores"] = {name: played["scores"][name] for name in batched["scores"]}
        assert batched == played


def test_settings_can_be_added_but_not_changed(tmp_path, capsys):
    folder = tmp_path / "out"
    systems = "systems: {waitk: {step_ms: 200, knob: k, settings: [1]}}\n"
    file = write_tiny_sweep(tmp_path, systems)
    assert main(["sweep", str(file), "--output", str(folder)]) == 0
    assert "a curve needs at least 2 points, waitk has 1" in capsys.readouterr().out
    file = write_tiny_sweep(tmp_path, systems.replace("[1]", "[1, 3]"))
    assert main(["sweep", str(file), "--output", str(folder)]) == 0
    assert len(SweepLayout(folder).finished_runs()) == 3
    assert main(["sweep", str(file), "--output", str(folder), "--beam", "2"]) == 1
    assert "was run with beam 1, but now it is 2" in capsys.readouterr().err


def test_language_pairs_have_results_of_their_own(tmp_path):
    languages = "languages: {es-en: {source_language: es}, fr-en: {source_language: fr}}\n"
    systems = "systems: {waitk: {step_ms: 200, knob: k, settings: [1, 4]}}\n"
    folder = tmp_path / "out"
    assert main(["sweep", str(write_tiny_sweep(tmp_path, languages + systems)), "--output", str(folder)]) == 0
    layout = SweepLayout(folder)
    assert RunPlace("waitk", "k=4", "fr-en") in layout.finished_runs()
    assert layout.nose_table("es-en").exists() and layout.curves("fr-en").exists()
    with layout.points_table.open() as file:
        pairs = [row["languages"] for row in csv.DictReader(file, delimiter="\t")]
    assert pairs == ["es-en"] * 3 + ["fr-en"] * 3


def test_names_of_settings():
    assert setting_name({"k": 3}) == "k=3"
    assert setting_name({"model": "a/b c", "alpha": -0.5}) == "model=a_b_c,alpha=-0.5"


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_shipped_sweep_runs_on_a_random_model(file, tiny_sweep, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    flags = ["--model", str(tiny_sweep.parent / "model"), "--trailing-silence-ms", "0"]
    if "\nsegments:" in file.read_text(encoding="utf-8"):
        # A recording of 80 s, and what a random Whisper writes has no end; it writes no German.
        flags += ["--chunk-ms", "20000", "--maximum-tokens-per-second", "1", "--target-language", "en"]
    else:
        flags += ["--end-index", "2"]
    assert main(["sweep", str(file), "--output", str(tmp_path / "out"), *flags]) == 0
    assert (tmp_path / "out" / "report.html").exists()


def test_what_a_full_disk_left_does_not_shut_the_folder(tiny_sweep, finished, tmp_path):
    """Its plan could not be written, but the folder of what is done was there."""
    folder = tmp_path / "out"
    (folder / ".parts").mkdir(parents=True)
    (folder / ".sweep.yaml.incomplete").touch()
    plan = load_plan(tiny_sweep, folder, {})
    _open_folder(SweepLayout(folder), plan)
    assert sorted(path.name for path in folder.iterdir()) == [".parts", "offline.yaml", "sweep.yaml"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("runs/holdn/held_tokens=1/evaluation.yaml", "{", "evaluation.yaml is damaged: remove "),
        ("runs/holdn/held_tokens=1/evaluation.yaml", "k: !!int x", "evaluation.yaml is damaged: remove "),
        ("runs/holdn/held_tokens=1/instances.log", None, "holds no instances.log: remove that folder"),
        (
            ".parts/1.jsonl",
            '{"index": 0, "audio": "a", "source_ms": 1}\n',
            "1.jsonl is damaged (line 1): remove",
        ),
        (".parts/1.jsonl", "{\n{}\n", "1.jsonl is damaged (line 1): remove"),
    ],
)
def test_what_is_damaged_is_named_when_a_sweep_goes_on(
    tiny_sweep, finished, tmp_path, capsys, name, content, message
):
    folder = tmp_path / "out"
    shutil.copytree(finished, folder)
    shutil.rmtree(folder / "runs/wait-k")
    (folder / ".parts").mkdir()
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    assert main(["sweep", str(tiny_sweep), "--output", str(folder)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_sweep_says_so_in_one_line(tiny_sweep, tmp_path, number, status):
    folder = tmp_path / "out"
    process = start(tiny_sweep, folder, stderr=subprocess.PIPE)
    while not list(folder.glob(".parts/*.jsonl")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1].decode().splitlines()
    assert process.returncode == status
    # Before it stands what the model's own warning says.
    assert said[-1] == INTERRUPTIONS[number] and "Traceback" not in " ".join(said)
    assert not list(tmp_path.rglob("*.incomplete")) and not list(tmp_path.rglob("*.lock"))
