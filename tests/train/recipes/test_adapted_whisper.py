"""An adapter for a Whisper, and a policy on it, through fairseq2's real trainer."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from foundation.errors import InputError
from models.policy.scored_translator import ScoredTranslator
from models.registry import load_translator
from models.translator import TranslatorOptions
from models.whisper.adapter import has_adapter, read_adapter, save_adapter
from models.whisper.checkpoint import load_whisper_checkpoint
from tests.foundation.run_here import run_here
from tests.train.launch import losses, stored, trained
from tests.train.tiny_training import TinyWorld, build
from train.commands import EXPORT
from train.recipes.adapter_run import AdapterRun
from train.recipes.lora import LoraSection
from train.recipes.start_model import open_model
from train.translator.family import TranslatorConfig, create

export = partial(run_here, EXPORT)
LORA = {"rank": 2, "alpha": 4.0}


def adapted(world: TinyWorld, steps: int = 4, **lora: Any) -> dict[str, Any]:
    """Stage 2 on transcription, and on translation into English of the same clips."""
    configuration = world.stage2(world.whisper)
    configuration["model"]["config_overrides"]["lora"] = LORA | lora
    section = {"manifest": str(world.manifest)}
    configuration["train"] = [
        {**section, "task": "asr"},
        {**section, "task": "s2tt", "source": "de", "targets": ["en"], "weight": 0.5},
    ]
    configuration["validation"] = [{**section, "task": "asr", "limit": 4}]
    configuration["regime"]["num_steps"] = steps
    return configuration


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> TinyWorld:
    return build(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def second(world) -> Path:
    """Output folder of stage 2."""
    return trained("train.stage2", world.folder / "two", world.write("two", adapted(world)))


@pytest.fixture(scope="module")
def adapter(world, second) -> Path:
    """The exported adapter."""
    export([str(second), str(world.folder / "adapter"), "--base", str(world.whisper)])
    return world.folder / "adapter"


@pytest.fixture(scope="module")
def third(world, second) -> Path:
    """Output folder of stage 3 on transcription, on the last checkpoint of stage 2."""
    section = {"manifest": str(world.manifest), "task": "asr"}
    configuration = world.stage3(second)
    configuration |= {"train": [section], "validation": [{**section, "limit": 4}]}
    configuration["regime"]["num_steps"] = 2
    return trained("train.stage3", world.folder / "three", world.write("three", configuration))


def test_checkpoints_hold_adapters_alone(world, second):
    names = set(stored(second, 4))
    # Encoder layer: 4 + 2 matrices, decoder layer: 8 + 2, each with A and B.
    assert len(names) == 32 and all(".lora_A." in name or ".lora_B." in name for name in names)
    assert len(losses(second)) == 4
    note = json.loads((second / "lora.json").read_text())
    assert note["base"] == str(world.whisper) and note["lora"]["rank"] == 2


def test_resumed_training_gives_the_same_adapters(world, second, tmp_path):
    half = world.write("half", adapted(world, steps=2))
    again = trained("train.stage2", tmp_path / "again", half)
    trained("train.stage2", again, world.folder / "two.yaml")
    straight, resumed = stored(second, 4), stored(again, 4)
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(resumed[name], value) for name, value in straight.items())


def test_adapter_and_merged_model_are_what_was_trained(world, second, adapter, tmp_path):
    export([str(second), str(tmp_path / "merged"), "--precision", "float32"])
    expected = open_model(second).model.state_dict()
    changed = 0
    for path, tolerance in ((tmp_path / "merged", 0), (adapter, 1e-4)):
        checkpoint = load_whisper_checkpoint(path)
        assert checkpoint.trailing_silence_ms == 0
        for name, weight in expected.items():
            assert torch.allclose(checkpoint.weights[name], weight, atol=tolerance, rtol=0), name
    for name, weight in load_whisper_checkpoint(world.whisper).weights.items():
        changed += not torch.equal(weight, expected[name])
    assert changed == 16
    assert read_adapter(adapter).base == str(world.whisper)
    assert not has_adapter(tmp_path / "merged")


def test_a_policy_is_exported_with_its_adapter(world, third, tmp_path):
    settings = ["--threshold", "0.5", "--agreeing-chunks", "2"]
    export([str(third), str(tmp_path / "both"), "--base", str(world.whisper), *settings])
    files = {file.name for file in (tmp_path / "both").iterdir()}
    assert files == {
        *("adapter.json", "adapter_config.json", "adapter_model.safetensors"),
        *("policy.json", "policy.safetensors", "README.md"),
    }
    translator = load_translator(str(tmp_path / "both"), TranslatorOptions())
    assert isinstance(translator, ScoredTranslator) and translator.threshold == 0.5
    assert translator.agreeing_chunks == 2
    assert translator.base.adapter is not None and translator.silence_ms == 0


def test_a_policy_may_name_its_adapter_or_come_with_the_merged_model(world, third, adapter, tmp_path):
    export([str(third), str(tmp_path / "alone"), "--base", str(adapter)])
    alone = load_translator(str(tmp_path / "alone"), TranslatorOptions())
    assert not has_adapter(tmp_path / "alone") and alone.base.adapter is not None
    export([str(third), str(tmp_path / "merged"), "--precision", "float32"])
    merged = load_translator(str(tmp_path / "merged"), TranslatorOptions())
    assert merged.base.adapter is None and merged.silence_ms == 0


def test_a_policy_is_not_exported_for_another_adapter(world, third, adapter, tmp_path):
    (tmp_path / "other").mkdir()
    own = read_adapter(adapter)
    doubled = {name: (2 * first, second) for name, (first, second) in own.matrices.items()}
    save_adapter(tmp_path / "other", replace(own, matrices=doubled))
    with pytest.raises(InputError, match="is another adapter: give as --base an export of that one"):
        export([str(third), str(tmp_path / "model"), "--base", str(tmp_path / "other")])
    assert not (tmp_path / "model").exists()


def test_a_run_does_not_go_on_with_other_adapters(second):
    note = AdapterRun.read(second)
    note.write(second, begun=True)
    with pytest.raises(
        InputError, match="holds checkpoints of a run with another lora: go on with the first"
    ):
        replace(note, lora=LoraSection(rank=3)).write(second, begun=True)


@pytest.mark.parametrize(
    ("start", "lora", "message"),
    [
        ("adapter", {}, "has an adapter: start from "),
        ("reina", {}, "lora is for Whisper, and "),
        ("whisper", {"modules": ["qurey"]}, "the model has no modules qurey: see query, key"),
    ],
)
def test_what_cannot_be_adapted_gets_one_line(world, adapter, start, lora, message):
    path = {"adapter": str(adapter), "reina": "reina-mini", "whisper": str(world.whisper)}[start]
    with pytest.raises(InputError, match=message):
        create(TranslatorConfig(start=path, lora=LoraSection(**LORA | lora)))
