"""Stages 1 and 2 on frames that are frozen as when the model runs: from caches that were heard so."""

import pytest

from foundation.errors import InputError
from models.whisper.hearing import PLAIN, Hearing
from tests.foundation.run_here import run_here
from tests.train.launch import trained
from tests.train.tiny_training import build
from train.commands import PREPARE
from train.data.examples import DataSection
from train.translator.recipe import TranslationConfig, asked_hearing_of


def test_a_cache_that_was_heard_so_is_trained_on(tmp_path):
    world = build(tmp_path)
    words = ["--manifest", world.manifest, "--whisper", world.whisper, "--truncations", 1, "--jobs", 1]
    cache = tmp_path / "frozen"
    run_here(PREPARE["encode"], [str(word) for word in [*words, "--frozen-after-s", 3, "--output", cache]])
    stage = world.stage1(frozen_after_s=3.0)
    stage["model"]["config_overrides"]["freeze_encoder"] = True
    for section in [*stage["train"], *stage["validation"]]:
        if section["task"] != "nmt":
            section["encoder_cache"] = str(cache)
    run = trained("train.stage1", tmp_path / "run", world.write("stage1", stage))
    assert (run / "checkpoints" / "step_4").is_dir()


def test_clips_without_a_cache_are_refused(tmp_path):
    heard = DataSection(manifest=tmp_path / "spoken.tsv", targets=["de"])
    read = DataSection(manifest=tmp_path / "texts.tsv", task="nmt", targets=["de"])
    stored = DataSection(manifest=tmp_path / "a.tsv", targets=["de"], encoder_cache=tmp_path / "cache")
    frozen = Hearing(frozen_after_ms=3000.0)
    assert asked_hearing_of(TranslationConfig(train=[heard])) == PLAIN
    assert asked_hearing_of(TranslationConfig(train=[read, stored], frozen_after_s=3.0)) == frozen
    for lists in ({"train": [read, heard]}, {"train": [stored], "validation": [heard]}):
        with pytest.raises(InputError, match="spoken.tsv has none: make it with .* --frozen-after-s 3"):
            asked_hearing_of(TranslationConfig(**lists, frozen_after_s=3.0))
