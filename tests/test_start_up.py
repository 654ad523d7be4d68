"""What commands import: a heavy library that is not needed costs every start, and every error, seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REINA = "eval_configs/reina.yaml"
CLIP = "eval_configs/quickstart_de/audio/caption_1.flac"

# Prints the exit status and the modules that a command left behind, behind whatever it prints itself.
PROBE = "import json, sys, simulst; print(json.dumps([simulst.main(sys.argv[1:]), sorted(sys.modules)]))"


def run_and_list(*arguments: str) -> tuple[int, set[str], str]:
    """Exit status, imported modules and standard error of `simulst` with these arguments."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    status, modules = json.loads(done.stdout.splitlines()[-1])
    return status, set(modules), done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "--jobs", "none"],
        ["compare", "no/folder"],
        ["evaluat"],
        ["serve", "--port", "http"],
        ["translate"],
        ["translate", "a.wav", "--format", "subrip"],
    ],
)
def test_wrong_usage_needs_no_library(arguments):
    # argparse leaves by SystemExit.
    probe = "import json, sys, simulst\ntry: simulst.main(sys.argv[1:])\nexcept SystemExit: pass\n"
    probe += "print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", probe, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    assert not modules & {"torch", "numpy", "simuleval", "sacrebleu", "soundfile", "pandas", "scipy"}
    assert done.stderr.splitlines()[-1].partition("error: ")[1]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["evaluate", REINA, "--bean", "3"], "error: command line: there is no option 'bean'"),
        (["evaluate", REINA, "--beam", "0"], "error: "),
        (["evaluate", REINA, "--source", "no.txt"], "error: source no.txt does not exist"),
        (["sweep", "eval_configs/sweeps/quickstart.yaml", "--output", "o", "--source", "no.txt"], "error: "),
        (["translate", "no.m4a"], "error: no.m4a: no such file"),
        (["translate", CLIP, "--bean", "3"], "error: command line: there is no option 'bean'"),
        (["translate", CLIP, "--to", "germn"], "error: command line: there is no language 'germn'"),
        (["translate", CLIP, "--to", "sw"], "error: command line: language 'sw' is not known"),
        (["serve", "--port", "0", "--target-language", "sw"], "error: language 'sw' is not known"),
        (["serve", "--polcy", "x"], "error: command line: there is no option 'polcy'"),
        (["calibrate", REINA, "--target", "1", "--source", "no.txt"], "error: source no.txt does not exist"),
    ],
)
def test_wrong_keys_and_files_are_told_without_model_libraries(arguments, error):
    status, modules, said = run_and_list(*arguments)
    assert status == 1
    assert said.startswith(error)
    assert len(said.splitlines()) == 1
    heavy = {"torch", "transformers", "pandas", "matplotlib", "huggingface_hub", "omnisteval"}
    assert not modules & (heavy | {"simuleval.options", "simuleval.evaluator"})


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--quality-metrics", "blue"], "error: there is no quality metric 'blue'"),
        (["--model", "no/such/model"], "error: model 'no/such/model' was not found"),
    ],
)
def test_wrong_metrics_and_models_are_told_without_torch(arguments, error, tmp_path):
    status, modules, said = run_and_list("evaluate", REINA, "--output", f"{tmp_path}/out", *arguments)
    assert status == 1
    assert said.startswith(error)
    assert not modules & {"torch", "transformers", "matplotlib", "scipy"}
    assert not list(tmp_path.iterdir())


def test_an_evaluation_imports_no_compiler_nor_plots(tmp_path):
    """torch's compiler, which torch brings itself where tensors are made on its device meta, takes 1 s."""
    status, modules, said = run_and_list(
        "evaluate", REINA, "--engine", "batched", "--end-index", "1", "--output", f"{tmp_path}/out"
    )
    assert status == 0
    assert "ffmpeg" not in said
    assert "torch" in modules
    compiler = {"torch._dynamo", "torch._inductor", "sympy", "triton"}
    assert not modules & (compiler | {"transformers", "matplotlib", "scipy", "huggingface_hub", "omnisteval"})


def test_finished_runs_are_compared_without_models(tmp_path):
    status, modules, said = run_and_list("compare", str(tmp_path), str(tmp_path))
    assert status == 1
    assert "holds no finished run" in said
    assert not modules & {"torch", "transformers", "simuleval", "pandas", "matplotlib"}
