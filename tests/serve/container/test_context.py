"""What goes into the folder that an image is built in, for models and agents of every kind."""

import json
import os
from pathlib import Path

import pytest
import yaml

from agents.streaming_agent import SHARED_OPTIONS
from evaluation.configuration.evaluation_file import configure
from foundation.errors import InputError
from foundation.options import options_of
from models.policy.folder import StoredPolicy, save_policy
from models.registry import base_model, load_translator
from models.translator import TranslatorOptions
from serve.container.image import NAMED, check_image, write_image
from tests.models.tiny_reina import tiny_policy, write_tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper


def configuration(model, agent="waitk", **further):
    files = {"source": "source.txt", "target": "target.txt"}
    return configure({"agent": str(agent), "model": str(model), **files, **further}, "test.yaml")


def written(folder: Path, *words, **further) -> tuple[Path, dict]:
    """submission/ and what its processor.yaml says."""
    folder.mkdir()
    write_image(folder, configuration(*words, **further))
    submission = folder / "submission"
    return submission, yaml.safe_load((submission / "processor.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "mine"
    write_tiny_whisper(folder)
    return folder


def test_only_the_files_of_a_model_are_copied_and_everybody_may_read_them(model, tmp_path):
    (model / "checkpoint-500").mkdir()
    (model / "checkpoint-500" / "optimizer.pt").write_bytes(b"large")
    (model / ".cache").mkdir()
    for file in model.glob("*.*"):
        if file.is_file():
            file.chmod(0o600)
    submission, values = written(tmp_path / "image", model)
    files = {file.name for file in (submission / "model").iterdir()}
    assert "model.safetensors" in files and not {"checkpoint-500", ".cache"} & files
    assert {file.stat().st_mode & 0o444 for file in (submission / "model").iterdir()} == {0o444}
    assert values["model"] == "model"


def test_links_of_a_model_become_files(model, tmp_path):
    """Folders that the Hub's client downloads hold links into its cache."""
    linked = tmp_path / "linked"
    linked.mkdir()
    for file in model.iterdir():
        (linked / file.name).symlink_to(file)
    submission, _ = written(tmp_path / "image", linked)
    assert not any(file.is_symlink() for file in (submission / "model").iterdir())


def test_a_policy_brings_the_model_that_it_is_for(tmp_path):
    base, policy = write_tiny_reina(tmp_path / "base"), tmp_path / "policies" / "one"
    save_policy(policy, StoredPolicy(tiny_policy(), 0.25, "../../base"))
    submission, values = written(tmp_path / "image", policy, "reina")
    config = json.loads((submission / "model" / "policy.json").read_text(encoding="utf-8"))
    assert config["base"] == "base"
    assert base_model(str(submission / "model")) == submission / "model" / "base"
    assert load_translator(str(submission / values["model"]), TranslatorOptions()).threshold == 0.25
    assert sorted(os.listdir(base)) == sorted(os.listdir(submission / "model" / "base"))


def test_an_agent_of_the_user_is_copied(model, tmp_path):
    agent = tmp_path / "confidence_agent.py"
    shipped = Path(__file__).parents[3] / "agents" / "holdn_agent.py"
    agent.write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    submission, values = written(tmp_path / "image", model, agent)
    assert values["agent"] == "agent.py" and values["held_tokens"] == 4
    assert (submission / "agent.py").read_text(encoding="utf-8") == agent.read_text(encoding="utf-8")


def test_files_that_options_name_are_copied(model, tmp_path):
    """Without them the image does not start."""
    (tmp_path / "names").write_text("Foster\nReich\n")
    (tmp_path / "my_heads.json").write_text("[[0, 1]]")
    files = {"context": str(tmp_path / "names"), "alignment_heads": str(tmp_path / "my_heads.json")}
    submission, values = written(tmp_path / "image", model, **files)
    assert (submission / values["context"]).read_text() == "Foster\nReich\n"
    assert (submission / values["alignment_heads"]).read_text() == "[[0, 1]]"
    assert not any(Path(values[name]).is_absolute() for name in files)


def test_all_files_that_options_may_name_are_known():
    options = [one for part in SHARED_OPTIONS for one in options_of(part).values()]
    assert {one.name for one in options if one.is_path or one.type.value is Path} == set(NAMED)


def test_adapters_are_refused_before_anything_is_written(model):
    (model / "adapter_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(
        InputError, match="mine holds adapters without the model .* merge them by `simulst export`"
    ):
        check_image(configuration(model))


def test_what_a_cascade_or_an_option_brings_is_checked_before_anything_is_written(model, tmp_path):
    adapters = tmp_path / "recogniser"
    adapters.mkdir()
    (adapters / "adapter_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="recogniser holds adapters without the model"):
        check_image(configuration(model, recogniser=str(adapters)))
    for name in ("context", "alignment_heads"):
        with pytest.raises(InputError, match=f"{name} none does not exist, or is no file"):
            check_image(configuration(model, **{name: "none"}))


def test_a_toolkit_that_was_installed_as_a_package_is_refused(model, monkeypatch, tmp_path):
    monkeypatch.setattr("serve.container.image.ROOT", tmp_path)
    with pytest.raises(InputError, match="lacks pyproject.toml, setup.py, .* run this from a checkout"):
        check_image(configuration(model))
