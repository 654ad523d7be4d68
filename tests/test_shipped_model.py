"""The models that ship: small enough, complete, and good at what they were trained for."""

import json
from pathlib import Path

import pytest

from models.storage.locate import shipped_models
from tests.evaluation.tiny_evaluation import ROOT, run_command

MEGABYTE = 1_000_000


def test_shipped_weights_stay_small():
    sizes = {
        name: sum(file.stat().st_size for file in folder.iterdir())
        for name, folder in shipped_models().items()
    }
    beside_whisper = {name for name in sizes if "whisper" in name}
    assert beside_whisper == {"reina-whisper-base", "reina-whisper-tiny.en"}
    assert sum(sizes[name] for name in beside_whisper) < 20 * MEGABYTE
    assert sum(sizes[name] for name in sizes.keys() - beside_whisper) < 64 * MEGABYTE


@pytest.mark.parametrize("agent", ["reina", "simulsa"])
def test_simuleval_runs_the_shipped_model_without_naming_it(agent, tmp_path):
    """A caption that training did not have, by a voice that it did not have."""
    source, target = (ROOT / "eval_configs/quickstart_de" / name for name in ("source.txt", "target.de.txt"))
    run = run_command(
        *("simuleval", "--agent", f"agents/{agent}_agent.py", "--source", source, "--target", target),
        *("--start-index", "1", "--end-index", "2", "--output", tmp_path),
    )
    assert run.returncode == 0, run.stderr
    log = (tmp_path / "instances.log").read_text(encoding="utf-8")
    assert "Zwei Kinder spielen" in log.encode().decode("unicode_escape")


@pytest.mark.parametrize("size", ["tiny.en", "base"])
def test_the_shipped_policies_of_whisper_write_human_speech_early(
    size, whisper_folder, tmp_path, monkeypatch
):
    """A line of an actor that training did not have; SIMULST_MODELS says where the base is."""
    monkeypatch.setenv("SIMULST_MODELS", str(Path(whisper_folder(size)).parent))
    run = run_command(
        *(
            "simulst",
            "evaluate",
            "eval_configs/reina_whisper.yaml",
            "--model",
            f"reina-whisper-{size}",
            "--end-index",
            "1",
            "--output",
            tmp_path / "o",
        ),
    )
    assert run.returncode == 0, run.stderr
    [line] = [json.loads(text) for text in (tmp_path / "o" / "instances.log").read_text().splitlines()]
    assert line["prediction"].startswith("I think you need a new name")
    assert line["delays"][0] < line["source_length"] / 2
