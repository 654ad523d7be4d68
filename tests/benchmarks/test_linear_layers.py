"""All forms are of one layer, and every size, number of rows and precision is measured."""

import csv

import pytest
import torch

from benchmarks.linear_layers import layer_forms, main
from tests.models.tiny_whisper import write_tiny_whisper


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_all_forms_are_the_same_layer():
    torch.manual_seed(1)
    x = torch.randn(3, 64)
    results = {name: form(x) for name, form in layer_forms(64, 30).items()}
    for name, result in results.items():
        # Without VNNI instructions a processor quantises to 7 bits: twice the error.
        assert torch.allclose(result, results["plain"], atol=0.1 if name == "int8" else 1e-5)
    assert {"plain", "by columns", "int8"} <= results.keys()


def test_layers_and_steps_are_measured(tmp_path, capsys):
    tiny = write_tiny_whisper(tmp_path / "tiny", vocabulary_size=1600)
    sizes = ["--sizes", "16x8", "8x24", "--rows", "1", "2", "--turns", "1"]
    main(["--output", str(tmp_path / "out"), "--models", str(tiny), *sizes])
    layers, steps = (read(tmp_path / "out" / f"{name}.tsv") for name in ("layers", "steps"))
    forms = len(layer_forms(16, 8))
    assert len(layers) == 2 * 2 * forms
    assert {row["layer"] for row in layers} == {"16 -> 8", "8 -> 24"}
    assert [row["ratio"] for row in layers if row["form"] == "plain"] == ["1.00"] * 4
    assert len(steps) == 4 * (1 + 2)
    assert {row["part"] for row in steps} == {"encode", "step, 1 rows", "step, 2 rows"}
    assert "int8, encoder bfloat16" in capsys.readouterr().out


def test_bad_arguments_leave_nothing(tmp_path):
    with pytest.raises(SystemExit, match="exists: name another output"):
        main(["--output", str(tmp_path)])
    with pytest.raises(SystemExit, match="1 or more"):
        main(["--output", str(tmp_path / "out"), "--rows", "0"])
    assert not (tmp_path / "out").exists()
