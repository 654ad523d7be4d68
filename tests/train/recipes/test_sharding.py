"""Weights divided among two processes (FSDP) learn what whole ones learn, and become one model again."""

from functools import partial

import pytest
import torch

from foundation.errors import InputError
from models.audio_language.families import load_audio_language_model
from models.translator import TranslatorOptions
from tests.foundation.run_here import run_here
from tests.train.launch import losses, trained
from tests.train.tiny_sft import LORA, build_sft, in_training
from train.commands import EXPORT
from train.simulsa_sft.model import shard
from train.simulsa_sft.start import open_trained

export = partial(run_here, EXPORT)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build_sft(tmp_path_factory.mktemp("world"))


def learn(world, name, lora=None, divided=True, steps=4):
    """The output folder of a run in one process, or divided between two."""
    configuration = world.configuration(lora)
    configuration["regime"] |= {"num_steps": steps}
    if divided:
        configuration["trainer"] |= {"data_parallelism": "fsdp"}
    file = world.write(f"{name}-{steps}", configuration)
    output = trained("train.simulsa_sft", world.folder / "runs" / name, file, processes=2 if divided else 1)
    shards = sorted(file.name for file in (output / "checkpoints" / f"step_{steps}/model").rglob("*.pt"))
    assert shards == (["sdp_00.pt", "sdp_01.pt"] if divided else ["sdp_00.pt"])
    return output


@pytest.fixture(scope="module")
def whole(world):
    return learn(world, "whole", divided=False)


@pytest.fixture(scope="module")
def divided(world):
    return learn(world, "divided")


def weights(output, step=4):
    checkpoint = output / "checkpoints" / f"step_{step}"
    return open_trained(checkpoint, TranslatorOptions()).model.network.state_dict()


def assert_same_weights(found, expected, exactly=False):
    assert found.keys() == expected.keys()
    for name, weight in expected.items():
        assert found[name].shape == weight.shape
        if exactly:
            assert torch.equal(found[name], weight), name
        else:
            torch.testing.assert_close(found[name], weight, rtol=1e-3, atol=1e-4, msg=name)


def test_two_halves_learn_what_one_process_learns(world, whole, divided):
    assert losses(divided) == pytest.approx(losses(whole), rel=1e-4)
    assert_same_weights(weights(divided), weights(whole))
    export([str(divided), str(world.folder / "exported"), "--precision", "float32"])
    exported = load_audio_language_model(world.folder / "exported", TranslatorOptions())
    assert_same_weights(exported.network.state_dict(), weights(divided), exactly=True)


def test_adapters_are_divided_too(world):
    one, two = (learn(world, f"lora-{divided}", LORA, divided) for divided in (False, True))
    assert losses(two) == pytest.approx(losses(one), rel=1e-4)
    assert_same_weights(weights(two), weights(one))


def test_divided_training_goes_on_bit_by_bit(world, divided):
    learn(world, "again", steps=2)
    again = learn(world, "again")
    assert_same_weights(weights(again), weights(divided), exactly=True)


def test_weights_are_divided_by_layers_or_as_a_whole(world):
    with pytest.raises(InputError, match="granularity must be layer or model, got 'stack'"):
        shard(in_training(world), "stack", lambda module, **_: module)


def test_a_shard_that_is_missing_is_told(divided):
    """Its rows cannot be guessed."""
    gone = next((divided / "checkpoints" / "step_2" / "model").rglob("sdp_01.pt"))
    kept = gone.rename(gone.with_name("away"))
    with pytest.raises(
        InputError, match=r"holds \d+ of the \d+ rows of .*: put the files of all processes there"
    ):
        weights(divided, step=2)
    kept.rename(gone)
