"""Fixtures for all tests."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.sound.audio import read_audio


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz",
        type=int,
        metavar="N",
        help="damaged inputs of each kind in tests/fuzz; default: SIMULST_FUZZ, or 300",
    )


def pytest_configure(config: pytest.Config) -> None:
    if sys.dont_write_bytecode and hasattr(config, "cache"):
        # Every process that a test starts would compile torch anew: three seconds of CPU.
        sys.dont_write_bytecode = False
        sys.pycache_prefix = str(config.cache.mkdir("bytecode"))
        os.environ |= {"PYTHONPYCACHEPREFIX": sys.pycache_prefix, "PYTHONDONTWRITEBYTECODE": ""}
    count = config.getoption("--fuzz")
    if count is not None:
        if count < 1:
            raise pytest.UsageError(f"--fuzz must be at least 1, got {count}")
        # Before collection: test modules read it when they are imported.
        os.environ["SIMULST_FUZZ"] = str(count)


@pytest.fixture
def whisper_folder() -> Callable[[str], Path]:
    """Finds real Whisper weights: whisper_folder("tiny.en") is a folder, or the test is skipped.

    SIMULST_TEST_WHISPER names a folder with sub-folders such as tiny.en and base, which may also be
    called whisper-tiny.en and whisper-base.
    """

    def find(name: str) -> Path:
        root = os.environ.get("SIMULST_TEST_WHISPER")
        if not root:
            pytest.skip("SIMULST_TEST_WHISPER names no folder of real Whisper weights")
        size = name.removeprefix("openai/").removeprefix("whisper-")
        for folder in (Path(root, size), Path(root, f"whisper-{size}")):
            if folder.is_dir():
                return folder
        pytest.skip(f"no {size} in {root} (SIMULST_TEST_WHISPER)")

    return find


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    """(n,) float32 at 16 kHz: eight seconds of human speech."""
    return read_audio(Path(__file__).parents[1] / "eval_configs/quickstart/audio/bass_5_0001.flac")
