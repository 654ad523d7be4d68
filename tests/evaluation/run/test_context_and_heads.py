"""Files of contexts and of heads in an evaluation: they change what is written, and are written down."""

import json

import pytest
import yaml

from simulst import main
from tests.evaluation.tiny_evaluation import write_tiny_evaluation


@pytest.mark.parametrize("engine", ["simuleval", "batched"])
def test_a_run_is_told_a_context_and_heads_and_writes_down_which(tmp_path, engine):
    evaluation = write_tiny_evaluation(tmp_path)
    (tmp_path / "context.txt").write_text("the cat\nthe dog\n", encoding="utf-8")
    (tmp_path / "heads.json").write_text('{"alignment_heads": [[0, 1]]}', encoding="utf-8")
    files = {
        "context": str(tmp_path / "context.txt"),
        "alignment_heads": str(tmp_path / "heads.json"),
    }

    def texts(name, *words):
        output = tmp_path / name
        arguments = ["evaluate", str(evaluation), "--engine", engine, "--output", str(output), *words]
        assert main(arguments) == 0
        log = (output / "instances.log").read_text(encoding="utf-8")
        return [json.loads(line)["prediction"] for line in log.splitlines()]

    words = [word for name, file in files.items() for word in (f"--{name.replace('_', '-')}", file)]
    assert texts("with", *words) != texts("without")
    written = tmp_path / "with/evaluation.yaml"
    assert files.items() <= yaml.safe_load(written.read_text(encoding="utf-8")).items()
