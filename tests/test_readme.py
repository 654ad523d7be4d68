"""README.md as its reader uses it: every command runs, the example policy works, the table is true."""

import re
import shlex

import pytest

from evaluation.commands.options import option_table
from tests.evaluation.tiny_evaluation import ROOT, run_command, write_tiny_evaluation

README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    """The code between the fences behind the comment <!-- name -->."""
    return re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", README, re.DOTALL).group(1)


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
    others = ("simulst nose ", "simulst sweep ", "simulst calibrate ")
    return [command for command in commands() if not command.startswith(others)]


@pytest.mark.parametrize("command", evaluations())
def test_command_runs(command, tiny_folder, tmp_path):
    # Flags that come later win: a random model and one sentence instead of real weights and all.
    flags = ["--end-index", "1", "--output", tmp_path / "result"]
    if not any(name in command for name in ("reina", "simulsa")):  # they run on the shipped models
        flags += ["--model", tiny_folder / "model"]
    run = run_command(*shlex.split(command), *flags)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "result" / "scores.tsv").exists()


def test_sweep_runs(tiny_folder, tmp_path):
    [command] = [command for command in commands() if command.startswith("simulst sweep ")]
    flags = ["--model", tiny_folder / "model", "--end-index", "2", "--output", tmp_path / "sweep"]
    run = run_command(*shlex.split(command), *flags)
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
        *("--output", tmp_path / "result", "--chunk-ms", "200"),
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


def test_table_of_options_is_that_of_the_code():
    table = re.search(r"<!-- options -->\n(.*?)\n<!-- /options -->", README, re.DOTALL).group(1)
    assert table == option_table(), "put what `simulst options` prints between the marks"


def test_files_that_the_readme_names_are_there():
    for name in set(re.findall(r"`((?:agents|models|evaluation|eval_configs)/[\w./]+)`", README)):
        assert (ROOT / name).exists(), name
