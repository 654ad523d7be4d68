"""Stage 3 on a tiny Canary through fairseq2's real trainer, and what is not trained."""

import pytest
import torch

from foundation.errors import InputError
from models.policy.scored_translator import ScoredTranslator
from models.registry import load_translator
from models.translator import TranslatorOptions
from models.whisper.hearing import PLAIN
from tests.foundation.run_here import run_here
from tests.models.tiny_canary import write_tiny_canary
from tests.train.launch import losses, trained
from tests.train.tiny_training import build
from train.commands import EXPORT
from train.data.frame_encoders import load_encoder
from train.policy.alignment import spoken_seconds
from train.policy.recipe import PolicyConfig, _hearing
from train.recipes.start_model import open_model
from train.translator.family import TranslatorConfig, start_model


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = build(tmp_path_factory.mktemp("world"))
    write_tiny_canary(world.folder / "canary")
    return world


@pytest.fixture(scope="module")
def policy(world):
    """The output of two steps, with an alignment, which knows how long frames are."""
    configuration = world.stage3(world.folder / "canary", {"alignment_weight": 1.0})
    configuration["regime"] |= {"num_steps": 2}
    return trained("train.stage3", world.folder / "stage3", world.write("stage3", configuration))


def test_a_policy_is_trained(policy):
    found = losses(policy)
    assert len(found) == 2 and all(0 < loss < 100 for loss in found)


def test_it_learns_from_what_a_canary_hears(world):
    """Whisper's silence and frozen frames are not its own: nothing but the audio."""
    start, base = open_model(world.folder / "canary"), str(world.folder / "canary")
    assert _hearing(PolicyConfig(translator=base), start) == PLAIN
    for name in ("trailing_silence_ms", "dense_silence_ms", "silence_stride", "frozen_after_s"):
        with pytest.raises(InputError, match=f"{name} is for Whisper and REINA"):
            _hearing(PolicyConfig(translator=base, **{name: 2}), start)


def test_it_is_exported_with_the_name_of_its_canary(world, policy, tmp_path):
    canary = str(world.folder / "canary")
    run_here(EXPORT, [str(policy), str(tmp_path / "model"), "--threshold", "0", "--base", canary])
    translator = load_translator(str(tmp_path / "model"), TranslatorOptions())
    assert isinstance(translator, ScoredTranslator) and translator.hidden_width == 32
    with pytest.raises(InputError, match="a Canary is not copied: name it with --base"):
        run_here(EXPORT, [str(policy), str(tmp_path / "copy"), "--threshold", "0"])
    assert not (tmp_path / "copy").exists()


def test_canary_itself_is_not_trained(world):
    with pytest.raises(
        InputError, match="is a Canary, which is not trained here: stage 3 trains policies on it"
    ):
        start_model(TranslatorConfig(start=str(world.folder / "canary")))
    with pytest.raises(InputError, match="has another encoder than Whisper's"):
        load_encoder(str(world.folder / "canary"))


def test_tokens_are_spoken_at_ends_of_frames_of_80_ms(world, speech):
    start = open_model(world.folder / "canary")
    front_end = start.model.front_end
    features = front_end.features(torch.from_numpy(speech[:32_000]))[None]
    lengths = torch.tensor([features.shape[2]])
    memory = start.model.eval().hear(features, lengths).detach()
    tokens = torch.tensor([[*start.tokenizer.prompt("en", "de"), 100, 200]])
    seconds = spoken_seconds(start.model, memory, front_end.memory_frames(lengths), tokens)
    frames = seconds / 0.08
    assert torch.allclose(frames, frames.round(), atol=1e-4) and 1 <= frames.min() and frames.max() <= 25
