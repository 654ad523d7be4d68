"""A tiny random Whisper on disk."""

import shutil
from pathlib import Path

import pytest

from tests.models.tiny_whisper import write_tiny_whisper


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    return write_tiny_whisper(
        tmp_path_factory.mktemp("tiny"), n_audio_ctx=60, alignment_heads=[[0, 1], [1, 0]]
    )


@pytest.fixture
def folder(original, tmp_path) -> Path:
    """A copy that a test may damage."""
    return shutil.copytree(original, tmp_path / "model")
