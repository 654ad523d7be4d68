"""Text that is decoded piece by piece against text that is decoded whole, with real kinds of tokenizers."""

import random

import pytest

from agents.stream.text_window import CONTEXT_TOKENS, TextWindow
from models.reina.sentencepiece_tokenizer import SentencePieceTokenizer
from models.whisper.tokenizer import WhisperTokenizer
from tests.models.tiny_reina import write_tiny_pieces
from tests.models.tiny_whisper import write_tiny_whisper


@pytest.fixture(scope="module", params=["sentencepiece", "byte-level"])
def tokenizer(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    if request.param == "sentencepiece":
        return SentencePieceTokenizer(write_tiny_pieces(folder / "pieces"), ["en", "de"], ["en"])
    write_tiny_whisper(folder / "whisper")
    return WhisperTokenizer(folder / "whisper" / "tokenizer.json", 640)


@pytest.mark.parametrize("seed", range(20))
def test_pieces_add_up_to_the_whole_text(tokenizer, seed):
    """Random tokens: spaces of their own, halves of characters, special tokens."""
    draw = random.Random(seed)
    window, shown, whole = TextWindow(), "", []
    for _ in range(40):
        tokens = [draw.randrange(min(tokenizer.vocabulary_size, 300)) for _ in range(draw.randrange(4))]
        shown += window.write(tokens, [0.0] * len(tokens), tokenizer.decode)
        whole += tokens
        assert shown == tokenizer.decode(whole)
        if draw.random() < 0.2:
            window.forget(draw.randrange(len(window.committed) + 1))
    assert window.context + window.committed == whole[-len(window.context + window.committed) :]


def test_context_is_bounded():
    window = TextWindow()
    for token in range(1000):
        window.write([token], [10.0 * token], lambda tokens: "x" * len(tokens))
        window.forget(len(window.committed) - 3 if len(window.committed) > 3 else 0)
    assert len(window.context) == CONTEXT_TOKENS
    assert (window.committed, window.times_ms) == ([997, 998, 999], [9970.0, 9980.0, 9990.0])


def test_each_token_needs_a_time():
    with pytest.raises(ValueError, match="2 tokens need as many times, got 1"):
        TextWindow().write([1, 2], [0.0], str)


def test_an_utterance_begins_a_new_text_with_a_space_between():
    """Token 1 spells "Ab", 2 "cd" and 3 " Ef": only some words have a space of their own."""

    def decode(tokens):
        return "".join({1: "Ab", 2: "cd", 3: " Ef"}[token] for token in tokens)

    window = TextWindow()
    texts = [window.write([1], [0.0], decode), window.write([2, 3], [0.0, 0.0], decode)]
    window.begin_anew()
    assert (window.context, window.committed) == ([1, 2, 3], [])
    texts += [
        window.write([], [], decode),
        window.write([1], [0.0], decode),
        window.write([2], [0.0], decode),
    ]
    window.begin_anew()
    texts += [window.write([3], [0.0], decode)]
    assert texts == ["Ab", "cd Ef", "", " Ab", "cd", " Ef"]
    unspaced = TextWindow(separator="")
    texts = []
    for _ in range(2):
        texts.append(unspaced.write([3], [0.0], decode))
        unspaced.begin_anew()
    assert texts == [" Ef", "Ef"]
