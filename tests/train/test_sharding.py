"""Weights divided among two processes (FSDP) learn what whole ones learn, and become one model again."""

import pytest
import torch

from models.audio_language_families import load_audio_language_model
from models.errors import InputError
from models.translator import TranslatorOptions
from tests.train.launch import losses, trained
from tests.train.tiny_sft import LORA, build_sft
from train.export_command import main as export
from train.simulsa_sft.start import open_trained


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build_sft(tmp_path_factory.mktemp("world"))


def learn(world, name, configuration, module, processes, steps=None, **trainer):
    configuration["trainer"] |= trainer
    if steps is not None:
        configuration["regime"] |= {"num_steps": steps}
    file = world.write(f"{name}-{steps}", configuration)
    return trained(module, world.folder / "runs" / name, file, processes)


def files(output, step):
    return sorted(file.name for file in (output / "checkpoints" / f"step_{step}" / "model").rglob("*.pt"))


def assert_same_weights(found, expected, exactly=False):
    assert found.keys() == expected.keys()
    for name, weight in expected.items():
        assert found[name].shape == weight.shape
        if exactly:
            assert torch.equal(found[name], weight), name
        else:
            torch.testing.assert_close(found[name], weight, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_fine_tuning_of_an_audio_language_model(lora, world):
    name, module = "full" if lora is None else "lora", "train.simulsa_sft"

    def configuration():
        return world.configuration(lora)

    whole = learn(world, name, configuration(), module, 1)
    divided = learn(world, f"{name}-divided", configuration(), module, 2, data_parallelism="fsdp")
    assert files(divided, 4) == ["sdp_00.pt", "sdp_01.pt"]
    assert losses(divided) == pytest.approx(losses(whole), rel=1e-4)
    expected, found = (
        open_trained(output, TranslatorOptions()).model.network.state_dict() for output in (whole, divided)
    )
    assert_same_weights(found, expected)
    if lora is None:
        export([str(divided), str(world.folder / "exported")])
        folder = load_audio_language_model(world.folder / "exported", TranslatorOptions())
        assert_same_weights(folder.network.state_dict(), found)  # float16


def test_divided_training_goes_on_bit_by_bit(world):
    def run(name, steps):
        return learn(
            world, name, world.configuration(None), "train.simulsa_sft", 2, steps, data_parallelism="fsdp"
        )

    straight = run("straight", 4)
    run("again", 2)
    again = run("again", 4)
    for output in (straight, again):
        assert files(output, 4) == ["sdp_00.pt", "sdp_01.pt"]
    expected, found = (
        open_trained(output / "checkpoints" / "step_4", TranslatorOptions()).model.network.state_dict()
        for output in (straight, again)
    )
    assert_same_weights(found, expected, exactly=True)


def test_a_shard_that_is_missing_is_told(world):
    """Its rows cannot be guessed."""
    output = world.folder / "runs" / "straight"
    shard = next((output / "checkpoints" / "step_2" / "model").rglob("sdp_01.pt"))
    shard.rename(shard.with_name("away"))
    with pytest.raises(InputError, match="weights of another model"):
        open_trained(output / "checkpoints" / "step_2", TranslatorOptions())
