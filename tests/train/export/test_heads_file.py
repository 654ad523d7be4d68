"""Exported models keep the file of alignment heads that `simulst heads` wrote beside theirs."""

import pytest

from models.registry import load_translator
from models.storage.alignment_file import ALIGNMENT_HEADS
from models.translator import TranslatorOptions
from tests.models.tiny_qwen2_audio import write_tiny_qwen2_audio
from tests.models.tiny_reina import write_tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper
from train.export.command import _save_translator
from train.export.options import ExportOptions
from train.recipes.start_model import open_model

HEADS = '{"alignment_heads": [[1, 0]]}\n'


@pytest.mark.parametrize("write", [write_tiny_whisper, write_tiny_reina])
def test_a_translator_keeps_it(write, tmp_path):
    model, exported = write(tmp_path / "model"), tmp_path / "exported"
    exported.mkdir()
    _save_translator(open_model(model), exported, ExportOptions(run=tmp_path, folder=exported), ["de"])
    assert not (exported / ALIGNMENT_HEADS).exists()
    (model / ALIGNMENT_HEADS).write_text(HEADS, encoding="utf-8")
    again = tmp_path / "again"
    again.mkdir()
    _save_translator(open_model(model), again, ExportOptions(run=tmp_path, folder=again), ["de"])
    assert (again / ALIGNMENT_HEADS).read_text(encoding="utf-8") == HEADS
    assert tuple(load_translator(str(again), TranslatorOptions()).attention_heads) == ((1, 0),)


def test_an_audio_language_model_keeps_it(tmp_path):
    folder = write_tiny_qwen2_audio(tmp_path / "model")
    (folder / ALIGNMENT_HEADS).write_text(HEADS, encoding="utf-8")
    model = load_translator(str(folder), TranslatorOptions()).model
    model.save(tmp_path / "saved")
    assert (tmp_path / "saved" / ALIGNMENT_HEADS).read_text(encoding="utf-8") == HEADS
