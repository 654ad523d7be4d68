"""All three stages on a tiny world, through fairseq2's real trainer."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch

from foundation.errors import InputError
from models.folder_languages import folder_languages
from models.language_pairs import ListedPairs
from models.policy.scored_translator import ScoredTranslator
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.foundation.run_here import run_here
from tests.train.launch import losses, stored, trained
from tests.train.tiny_training import TinyWorld, build
from train.commands import EXPORT
from train.recipes.start_model import best_checkpoint, open_model

export = partial(run_here, EXPORT)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> TinyWorld:
    return build(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def stages(world) -> dict[int, Path]:
    """Output folders of the three stages, each on the one before."""
    outputs = {stage: world.folder / f"stage{stage}" for stage in (1, 2, 3)}
    trained("train.stage1", outputs[1], world.write("stage1", world.stage1()))
    trained("train.stage2", outputs[2], world.write("stage2", world.stage2(outputs[1])))
    trained("train.stage3", outputs[3], world.write("stage3", world.stage3(outputs[2])))
    return outputs


def test_each_stage_trains_and_validates(stages):
    for stage, score in ((1, "BLEU"), (2, "chrF++"), (3, "Goal Correlation")):
        assert len(losses(stages[stage])) == 4
        [file] = (stages[stage] / "metrics" / "valid").glob("*.jsonl")
        validations = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert [one["Step"] for one in validations] == [2, 4] and score in validations[0]


def test_stage_two_goes_on_from_stage_one(stages):
    """Its first loss is one that stage 1 has come to, not that of a new model."""
    assert losses(stages[2])[0] < losses(stages[1])[0] - 0.2


def test_an_exported_policy_makes_an_agent(stages, tmp_path):
    export([str(stages[3]), str(tmp_path / "model"), "--threshold", "0.25", "--licence", "MIT"])
    translator = load_translator(str(tmp_path / "model"), TranslatorOptions())
    assert isinstance(translator, ScoredTranslator) and translator.threshold == 0.25
    assert "license: mit" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")


def test_an_exported_translator_is_the_trained_one(stages, tmp_path):
    export([str(stages[2]), str(tmp_path / "model"), "--precision", "float32", "--with-text-encoder"])
    # Of two languages with a tag it was taught one.
    assert folder_languages(tmp_path / "model") == ListedPairs(("de",), ("en",))
    exported = open_model(tmp_path / "model").model.state_dict()
    for name, value in open_model(stages[2]).model.state_dict().items():
        assert torch.equal(exported[name], value), name


@pytest.mark.parametrize("option", [["--threshold", "0"], ["--agreeing-chunks", "2"]])
def test_what_only_a_policy_has_is_refused_for_a_translator(stages, tmp_path, option):
    with pytest.raises(InputError, match=f"trained a translator, not a policy: leave {option[0]} out"):
        export([str(stages[2]), str(tmp_path / "model"), *option])
    assert not (tmp_path / "model").exists()


def test_resumed_training_gives_the_same_weights(world, stages, tmp_path):
    """Stage 1 again, cut off after step 2."""
    again = tmp_path / "again"
    configuration = world.stage1()
    configuration["regime"] |= {"num_steps": 2}
    trained("train.stage1", again, world.write("half", configuration))
    trained("train.stage1", again, world.write("whole", world.stage1()))
    straight = stored(stages[1], 4)
    resumed = stored(again, 4)
    assert all(torch.equal(resumed[name], value) for name, value in straight.items())


@pytest.mark.parametrize("stage", [1, 3])
def test_two_processes_see_the_losses_of_one(world, stages, tmp_path, stage):
    configuration = world.folder / f"stage{stage}.yaml"
    two = losses(trained(f"train.stage{stage}", tmp_path / "two", configuration, processes=2))
    assert two == pytest.approx(losses(stages[stage]), abs=2e-5)


def test_whisper_itself_may_be_trained_and_exported(world, tmp_path):
    """Stage 2 on Whisper's own decoder, X -> en, then a policy for it."""
    section = {"manifest": str(world.manifest), "task": "s2tt", "source": "de", "targets": ["en"]}
    data = {"train": [section], "validation": []}
    quick = {"num_steps": 1, "publish_metrics_every_n_steps": 1}
    second = trained(
        "train.stage2",
        tmp_path / "two",
        world.write("w2", {**world.stage2(world.whisper), **data, "regime": quick}),
    )
    third = trained(
        "train.stage3",
        tmp_path / "three",
        world.write("w3", {**world.stage3(second), **data, "regime": quick}),
    )
    export([str(third), str(tmp_path / "model"), "--threshold", "0"])
    translator = load_translator(str(tmp_path / "model"), TranslatorOptions(trailing_silence_ms=500))
    assert translator.tokenizer.prompt("de", "en")
    assert best_checkpoint(second).name == "step_1"


@pytest.mark.parametrize(
    "policy",
    [
        {"objective": "divergence"},
        {"score": "probability", "monotonicity_weight": 0.0},
        {"hears_duration": True},
        {"alignment_weight": 1.0},
    ],
)
def test_every_kind_of_policy_trains(world, stages, tmp_path, policy):
    configuration = world.stage3(stages[2], policy)
    configuration["regime"]["num_steps"] = 2
    output = trained("train.stage3", tmp_path / "policy", world.write("policy", configuration))
    assert len(losses(output)) == 2
