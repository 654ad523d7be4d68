"""A Whisper that is written here is what transformers reads, and what we read again."""

import json

import pytest
import torch
from transformers import WhisperForConditionalGeneration

from foundation.errors import InputError
from models.whisper.checkpoint import load_whisper_checkpoint
from models.whisper.folder import save_whisper
from models.whisper.network import Whisper
from models.whisper.tokenizer import WhisperTokenizer
from tests.models.tiny_whisper import write_tiny_whisper


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A model as transformers wrote it, and the same one as we do."""
    folder = tmp_path_factory.mktemp("whisper")
    theirs = write_tiny_whisper(folder / "theirs", alignment_heads=[[0, 1], [1, 0]])
    checkpoint = load_whisper_checkpoint(theirs)
    model = Whisper(checkpoint.dimensions)
    model.load_state_dict(checkpoint.weights)
    tokenizer = WhisperTokenizer(checkpoint.tokenizer_file, checkpoint.dimensions.n_vocab)
    save_whisper(folder / "ours", model, tokenizer, checkpoint.alignment_heads, torch.float32)
    return theirs, folder / "ours"


def test_transformers_reads_the_same_network(folders):
    theirs, ours = (WhisperForConditionalGeneration.from_pretrained(folder).eval() for folder in folders)
    features = torch.randn(1, 80, 3000, generator=torch.Generator().manual_seed(0))
    tokens = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        expected, found = (m(features, decoder_input_ids=tokens).logits for m in (theirs, ours))
    assert torch.equal(expected, found)


def test_we_read_the_same_network_and_tokenizer(folders):
    theirs, ours = map(load_whisper_checkpoint, folders)
    assert ours.dimensions == theirs.dimensions and ours.alignment_heads == theirs.alignment_heads
    assert all(torch.equal(ours.weights[name], weight) for name, weight in theirs.weights.items())
    assert ours.tokenizer_file.read_bytes() == theirs.tokenizer_file.read_bytes()


def test_a_model_is_never_overwritten(folders):
    checkpoint = load_whisper_checkpoint(folders[0])
    tokenizer = WhisperTokenizer(checkpoint.tokenizer_file, checkpoint.dimensions.n_vocab)
    with pytest.raises(InputError, match="exists"):
        save_whisper(folders[1], Whisper(checkpoint.dimensions), tokenizer, None)


def read(folder) -> tuple[Whisper, WhisperTokenizer]:
    checkpoint = load_whisper_checkpoint(folder)
    model = Whisper(checkpoint.dimensions)
    model.load_state_dict(checkpoint.weights)
    return model, WhisperTokenizer(checkpoint.tokenizer_file, checkpoint.dimensions.n_vocab)


@pytest.mark.parametrize("value", [float("nan"), 1e6])
def test_weights_that_are_not_finite_in_the_stored_format_are_not_exported(folders, tmp_path, value):
    model, tokenizer = read(folders[0])
    model.decoder.ln.bias.data[0] = value  # 1e6 is beyond float16
    with pytest.raises(InputError, match="model.decoder.layer_norm.bias has 1 numbers that are NaN"):
        save_whisper(tmp_path / "new", model, tokenizer, None)
    assert not list(tmp_path.iterdir())


def test_what_a_model_was_trained_with_is_written_down(folders, tmp_path):
    model, tokenizer = read(folders[0])
    save_whisper(tmp_path / "new", model, tokenizer, ((0, 1), (25, 6)), trailing_silence_ms=0)
    saved = load_whisper_checkpoint(tmp_path / "new")
    assert saved.trailing_silence_ms == 0 and saved.alignment_heads == ((0, 1),)
    assert load_whisper_checkpoint(folders[1]).trailing_silence_ms is None
    assert "trailing_silence_ms" not in json.loads((folders[1] / "config.json").read_text())
