"""Every setting is timed at every length, on a model and a larger one of its kind; the option is felt."""

import csv

import pytest

from benchmarks import audio_language_chunks
from benchmarks.audio_language_chunks import main
from tests.models.tiny_omni import write_qwen25_omni
from tests.models.tiny_qwen2_audio import write_tiny_qwen2_audio

WRITERS = {"qwen2_audio": write_tiny_qwen2_audio, "qwen2_5_omni": write_qwen25_omni}


@pytest.fixture
def small_larger_model(monkeypatch):
    """No larger than needed for a test."""
    audio = {"d_model": 32, "encoder_layers": 1, "num_hidden_layers": 1, "encoder_attention_heads": 2}
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}
    monkeypatch.setattr(audio_language_chunks, "AUDIO_SIZES", audio)
    monkeypatch.setattr(audio_language_chunks, "TEXT_SIZES", text)


@pytest.mark.parametrize("family", WRITERS)
def test_every_setting_is_timed_at_every_length(family, tmp_path, capsys, small_larger_model):
    tiny = WRITERS[family](tmp_path / "tiny")
    chosen = ["--lengths-s", "2", "4", "--repeats", "1", "--steps", "1", "--frozen-after-s", "1"]
    assert main(["--output", str(tmp_path / "out"), "--model", str(tiny), *chosen]) == 0
    with (tmp_path / "out" / "chunks.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 2 * 2 * 3
    assert {row["setting"] for row in rows} == {"exact", "frozen", "kept"}
    assert [row["ratio"] for row in rows if row["setting"] == "exact"] == ["1.00"] * 4
    assert {row["model"] for row in rows} == {"tiny", "random, width 512, 8 + 8 layers"}
    assert "kept" in capsys.readouterr().out


def test_a_folder_that_exists_is_refused(tmp_path, capsys):
    assert main(["--output", str(tmp_path)]) != 0
    assert "exists: name another --output" in capsys.readouterr().err
