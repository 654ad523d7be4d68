"""The tiny world that tests of data share, and the tokenizer of its Whisper."""

import pytest

from tests.train.tiny_training import build
from train.recipes.start_model import open_model


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def tokenizer(world):
    return open_model(world.whisper).tokenizer
