"""Damaged model folders are used or refused in one line: no traceback, no hang.

SIMULST_FUZZ=5000 tries as many; the seeds count up from 0.
"""

import os
import random
import shutil
import signal

import numpy as np
import pytest

from foundation.errors import InputError
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.fuzz.model_folders import damage
from tests.models.tiny_canary import write_tiny_canary
from tests.models.tiny_reina import write_tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper

INPUTS = int(os.environ.get("SIMULST_FUZZ", "300")) // 2  # of each kind
LONGEST_S = 60


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_tiny_whisper(folder / "whisper", n_audio_ctx=100, alignment_heads=[[0, 1], [1, 0]])
    write_tiny_reina(folder / "reina", threshold=0.3)
    write_tiny_canary(folder / "canary")
    return folder


@pytest.fixture
def no_hang():
    def stop(*_):
        raise TimeoutError(f"not done within {LONGEST_S} s")

    before = signal.signal(signal.SIGALRM, stop)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("model", ["whisper", "reina", "canary"])
def test_a_damaged_model_folder_is_used_or_refused_in_one_line(folders, tmp_path, no_hang, model):
    noise = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    refused = 0
    for seed in range(INPUTS):
        folder = tmp_path / "damaged"
        shutil.copytree(folders / model, folder)
        what = damage(folder, random.Random(seed))
        signal.alarm(LONGEST_S)
        try:
            translator = load_translator(str(folder), TranslatorOptions(trailing_silence_ms=0))
            prompt = translator.tokenizer.prompt("en", "en")
            translator.start(translator.encode([noise]), [prompt], with_attention=True)
        except InputError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 1000, f"seed {seed}, {what}"
        except Exception as error:
            raise AssertionError(f"seed {seed}, {what}") from error
        signal.alarm(0)
        shutil.rmtree(folder)
    assert refused > INPUTS / 5
