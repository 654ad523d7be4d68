"""`import simulst` from a notebook: quick, without side effects, typed, and with a page that says it all."""

import json
import subprocess
import sys

import pytest

import simulst
from foundation.errors import InputError
from simulst.api_page import api_page
from tests.evaluation.tiny_evaluation import ROOT, write_tiny_evaluation


def test_importing_it_imports_nothing_else():
    program = (
        "import sys, json, signal, warnings; before = set(sys.modules); handler = signal.getsignal(2)\n"
        "import simulst\n"
        "assert signal.getsignal(2) is handler\n"
        "ours = ('simulst', 'agents', 'models', 'foundation', 'evaluation', 'train', 'torch', 'numpy')\n"
        "found = [name for name in set(sys.modules) - before if name.split('.')[0] in ours]\n"
        "print(json.dumps(found))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (run.stderr, json.loads(run.stdout)) == ("", ["simulst"])


def test_its_names_are_found_and_others_are_not():
    assert simulst.InputError is InputError
    assert set(simulst.__all__) <= set(dir(simulst))
    for name in simulst.__all__:
        assert getattr(simulst, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        simulst.lod  # noqa: B018
    assert (ROOT / "simulst" / "py.typed").exists()


def test_a_wrong_key_names_the_nearest_one():
    with pytest.raises(simulst.InputError) as caught:
        simulst.load(bean=3)
    assert str(caught.value) == "simulst.load: there is no option 'bean': did you mean 'beam'?"


def test_an_evaluation_returns_its_scores(tmp_path):
    evaluation = write_tiny_evaluation(tmp_path)
    scores = simulst.evaluate(evaluation, output=tmp_path / "scores", k=3, engine="batched")
    assert scores.values["SENTENCES"] == 3 and {"BLEU", "chrF", "AL"} <= set(scores.values)
    assert set(scores.signatures) == set(scores.values) - {"SENTENCES"}
    assert "\nk: 3\n" in (tmp_path / "scores" / "evaluation.yaml").read_text()
    with pytest.raises(InputError, match="exists: name another --output, or add --overwrite"):
        simulst.evaluate(evaluation, output=tmp_path / "scores")
    with pytest.raises(InputError, match="jobs must be a whole number of processes, at least 1, got '2'"):
        simulst.evaluate(evaluation, output=tmp_path / "more", jobs="2")
    with pytest.raises(InputError, match="simulst.evaluate: there is no option 'sourc': did you mean 'so"):
        simulst.evaluate({"agent": "waitk", "sourc": "x"})


def test_the_page_is_made_of_the_docstrings():
    held = (ROOT / "docs" / "API.md").read_text(encoding="utf-8")
    assert held == api_page(), "write it: python -m simulst.api_page > docs/API.md"
    for name in simulst.__all__:
        assert f"## `simulst.{name}`" in held
