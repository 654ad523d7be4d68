"""README.md and the pages beside it as their reader uses them: commands and examples run, tables are true."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from evaluation.commands.options import option_table
from models.sound.audio import read_audio
from tests.evaluation.tiny_evaluation import ROOT, run_command, write_tiny_evaluation
from tests.models.sound.recordings import write_recording
from tests.models.tiny_text_translators import write_tiny_marian

README, OPTIONS, CONTRIBUTING = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "OPTIONS.md", "CONTRIBUTING.md")
)
CAPTION = ROOT / "eval_configs/quickstart_de/audio/caption_1.flac"
# What reina writes about the first caption in `simulst evaluate eval_configs/reina.yaml`, too.
EXAMPLE_SAYS = "Eine Frau in einem roten Mantel geht mit ihrem Hund am Strand entlang."
FOLDERS = "agents|benchmarks|eval_configs|evaluation|foundation|models|serve|simulst|tests|train"
PAGES = [ROOT / name for name in ("README.md", "OPTIONS.md", "CONTRIBUTING.md", "docs/API.md")]
PAGES += sorted((ROOT / "benchmarks").rglob("README.md"))


def block(name: str, page: str = README) -> str:
    """The code between the fences behind the comment <!-- name -->."""
    return re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", page, re.DOTALL).group(1)


def commands() -> list[str]:
    """Each `simuleval ...` and `simulst ...` of all shell blocks."""
    shell = "\n".join(re.findall(r"```bash\n(.*?)```", README, re.DOTALL))
    parts = (part.strip() for line in shell.splitlines() for part in line.split("&&"))
    return [part for part in parts if part.startswith(("simuleval ", "simulst "))]


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory):
    return write_tiny_evaluation(tmp_path_factory.mktemp("tiny")).parent


def test_set_up_is_two_commands():
    run, test = block("run").splitlines(), block("test").splitlines()
    assert len(run) == len(test) == 1
    assert run[0].startswith("pip install -e . torch==2.9.1 && simulst evaluate ")
    assert test[0].startswith('pip install -e ".[train,test]" && ') and "pytest" in test[0]


def test_continuous_integration_runs_the_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "<!-- test -->" in script and "train," not in script


def evaluations() -> list[str]:
    others = ("nose ", "sweep ", "calibrate ", "submission ", "translate ", "serve")
    simulsts = tuple(f"simulst {name}" for name in others)
    return [command for command in commands() if not command.startswith((*simulsts, *talk_commands()))]


def talk_commands() -> list[str]:
    return [line for name in ("talk", "xcomet") for line in block(name).splitlines()]


def changed(command: str, **flags: object) -> list[str]:
    """The words of a command with other values of some flags, each of one word, or with these flags, too."""
    words = shlex.split(command)
    for name, value in flags.items():
        flag = f"--{name.replace('_', '-')}"
        if flag in words:
            words[words.index(flag) + 1] = str(value)
        else:
            words += [flag, str(value)]
    return words


@pytest.mark.parametrize("command", evaluations())
def test_command_runs(command, tiny_folder, tmp_path):
    """With a random model and one sentence instead of real weights and all."""
    flags = {"end_index": 1, "output": tmp_path / "result"}
    if "cascade" in command:
        flags |= {"model": write_tiny_marian(tmp_path / "marian"), "recogniser": tiny_folder / "model"}
    elif not any(name in command for name in ("reina", "simulsa")):  # they run on the shipped models
        flags["model"] = tiny_folder / "model"
    run = run_command(*changed(command, **flags))
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "result" / "scores.tsv").exists()


def test_a_talk_is_scored_and_takes_scores_of_another_program(tmp_path):
    evaluate, export, comet, take = talk_commands()
    for command in (evaluate, export):
        run = run_command(*shlex.split(command), folder=tmp_path)
        assert run.returncode == 0, run.stderr
    # XCOMET's environment is not this one: these are the files that it is given, and lines as it prints them.
    words = dict(zip(shlex.split(comet)[1::2], shlex.split(comet)[2::2], strict=False))
    texts = [(tmp_path / words[flag]).read_text().splitlines() for flag in ("-s", "-t", "-r")]
    assert [len(lines) for lines in texts] == [12, 12, 12]
    said = "".join(f"{words['-t']}\tSegment {place}\tscore: 0.5000\n" for place in range(12))
    (tmp_path / words[">"]).write_text(said)
    run = run_command(*shlex.split(take), folder=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("XCOMET-XL 0.5000 over 12 segments")
    header = (tmp_path / "outputs" / "talk" / "scores.tsv").read_text().splitlines()[0].split("\t")
    assert {"LongYAAL", "LongYAAL_TC", "StreamLAAL", "XCOMET-XL", "LATE"} <= set(header)


def test_sweep_runs(tiny_folder, tmp_path):
    [command] = [command for command in commands() if command.startswith("simulst sweep ")]
    run = run_command(*changed(command, model=tiny_folder / "model", end_index=2, output=tmp_path / "sweep"))
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "sweep" / "report.html").exists()


def test_calibration_runs():
    [command] = [command for command in commands() if command.startswith("simulst calibrate ")]
    run = run_command(*shlex.split(command), "--start-index", "1", "--end-index", "3")
    assert run.returncode == 0, run.stderr
    assert re.fullmatch(r"threshold: -?[\d.]+", run.stdout.splitlines()[-1])


def test_nose_of_the_published_curve_is_what_the_readme_says():
    [command] = [command for command in commands() if command.startswith("simulst nose ")]
    run = run_command(*shlex.split(command))
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1].startswith("0.886") and "that is 0.886" in README


def test_example_policy_runs_in_simuleval(tiny_folder, tmp_path):
    agent = tmp_path / "confidence_agent.py"
    agent.write_text(block("policy"), encoding="utf-8")
    run = run_command(
        *("simuleval", "--agent", agent, "--threshold", "0.3", "--model", tiny_folder / "model"),
        *("--source", tiny_folder / "source.txt", "--target", tiny_folder / "target.txt"),
        *("--output", tmp_path / "result", "--chunk-ms", "200", "--decode-silence"),
    )
    assert run.returncode == 0, run.stderr
    assert len((tmp_path / "result" / "instances.log").read_text().splitlines()) == 3


def test_example_policy_runs_from_an_evaluation_file(tiny_folder, tmp_path):
    (tmp_path / "confidence_agent.py").write_text(block("policy"), encoding="utf-8")
    evaluation = tmp_path / "mine.yaml"
    evaluation.write_text(
        "agent: confidence_agent.py\n"
        "threshold: 0.7\n"
        f"model: {tiny_folder / 'model'}\n"
        f"source: {tiny_folder / 'source.txt'}\n"
        f"target: {tiny_folder / 'target.txt'}\n",
        encoding="utf-8",
    )
    run = run_command("simulst", "evaluate", evaluation, folder=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[1].startswith("confidence threshold=0.7 ")
    assert (tmp_path / "outputs" / "mine" / "scores.tsv").exists()


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """A folder with talk.m4a, in which somebody speaks the first caption."""
    folder = tmp_path_factory.mktemp("talk")
    write_recording(folder / "talk.m4a", read_audio(CAPTION), 16_000)
    return folder


def run_example(code: str, folder: Path, silent: bool = True) -> str:
    """What a program prints in a folder. silent: no warnings of libraries are seen."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == "" or not silent
    return run.stdout


def test_five_lines_of_python_translate_a_recording():
    assert block("python") in README[: README.index("## ")]  # on the first screen
    lines = [line.split() for line in run_example(block("python"), ROOT).splitlines()]
    assert [word for word, _ in lines[:5]] == ["Eine", "Frau", "in", "einem", "roten"]
    times_s = [float(at_s) for _, at_s in lines]
    assert times_s == sorted(times_s) and times_s[0] < 2


def test_a_stream_is_fed_by_hand():
    lines = run_example(block("feed"), ROOT).splitlines()
    assert re.fullmatch(r"Une was heard at [01]\.\d\d s and written at [12]\.\d\d s", lines[0])
    assert lines[-1].startswith("['") and lines[-1].endswith("plage.']")


def test_the_engine_by_itself_translates_a_clip():
    assert run_example(block("engine", CONTRIBUTING), ROOT, silent=False).strip() == EXAMPLE_SAYS


@pytest.mark.parametrize("command", block("translate").splitlines())
def test_a_recording_is_translated(command, talk):
    run = run_command(*shlex.split(command), folder=talk)
    assert run.returncode == 0, run.stderr
    assert "real-time factor" in run.stderr
    said = (talk / "talk.srt").read_text() if "srt" in command else run.stdout
    assert ("Une femme" if "fr" in command.split() else "Frau") in said


def test_table_of_options_is_that_of_the_code():
    table = re.search(r"<!-- options -->\n(.*?)\n<!-- /options -->", OPTIONS, re.DOTALL).group(1)
    assert table == option_table(), "put what `simulst options` prints between the marks of OPTIONS.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_are_there(page):
    text = page.read_text(encoding="utf-8")
    names = set(re.findall(rf"`((?:{FOLDERS})/[\w./]+)`", text))
    links = set(re.findall(r"\]\((?!https?:)([^)#]+)\)", text))
    missing = [name for name in names if not (ROOT / name).exists()]
    assert missing + [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_names_every_folder_with_code():
    folders = {file.parent.relative_to(ROOT).parts[0] for file in ROOT.glob("*/__init__.py")}
    assert folders <= {*re.findall(r"^\| `(\w+)/` \|", README, re.MULTILINE)}


def test_diffs_of_contributing_are_what_the_files_hold():
    diffs = re.findall(r"```diff\n--- [^\n]*\n\+\+\+ b/([^\n]*)\n(.*?)```", CONTRIBUTING, re.DOTALL)
    assert len(diffs) == 3
    for name, diff in diffs:
        held = (ROOT / name).read_text(encoding="utf-8").splitlines()
        assert [line for line in diff.splitlines() if line[1:] not in held] == [], name
