import os
from pathlib import Path

import pytest
import torch

from models.decoding.beams import right_aligned
from models.decoding.repetition import NoRepeatedPhrases, normalised_words, said_too_often
from models.decoding.token_filters import RowTexts
from models.whisper.tokenizer import WhisperTokenizer
from tests.models.scripted_translator import ScriptedTokenizer


def texts_of(tokens):
    rows = len(tokens)
    return RowTexts(tokens, tokens.shape[1], torch.zeros(rows, dtype=torch.bool), torch.full((rows,), -1))


def test_words_are_compared_without_case_and_punctuation():
    assert normalised_words("Hello? Yes, what's UP... hello-hello!") == [
        "hello",
        "yes",
        "whats",
        "up",
        "hello",
        "hello",
    ]


def test_each_character_of_a_script_without_spaces_is_a_word():
    assert normalised_words("你好。OK 你好") == ["你", "好", "ok", "你", "好"]


def test_combining_marks_are_part_of_their_word():
    assert normalised_words("हिन्दी, हिन्दी") == ["हिन्दी", "हिन्दी"]


@pytest.mark.parametrize(
    "text, loops",
    [
        ("No, no, no!", False),
        ("No, no, no, no!", False),
        ("No, no, no, no, no!", True),
        ("Hello Hello? hello HELLO, hello...", True),
        ("I don't know. I don't know.", False),
        ("I don't know. I don't know. I don't know.", False),
        ("I don't know. I don't know! i dont know, I DON'T KNOW", True),
        ("I don't know. I don't know. I don't know. I don't care.", False),
        ("Hello? hi. Hello hi? hello, HI hello hi", True),
        ("The king and the queen and the king and the queen.", False),
        ("", False),
    ],
)
def test_a_phrase_may_stand_three_times_in_a_row_and_a_single_word_four(text, loops):
    assert said_too_often(normalised_words(text), most=3) == loops


# Letters of ScriptedTokenizer: upper-case ones begin a word.
A, b, C, d = 1, 2, 3, 4


def allowed(texts: list[list[int]], most: int = 2) -> list[list[bool]]:
    """Which of the tokens A, b, C, d may follow each text."""
    guard = NoRepeatedPhrases(ScriptedTokenizer(5), most)
    filtered = guard(torch.zeros(len(texts), 5), texts_of(right_aligned(texts)))
    return filtered[:, 1:].isfinite().tolist()


def test_the_token_that_would_complete_one_repetition_too_many_is_forbidden():
    loop, honest = [A, C, A, C, A], [A, C, A, A, C]
    assert allowed([loop, honest]) == [[True, True, False, True], [True] * 4]


def test_a_word_of_several_tokens_is_forbidden_at_the_token_that_completes_it():
    assert allowed([[A, b, A, b, A, b, A]]) == [[True, False, True, True]]


def test_a_word_that_goes_on_is_another_word():
    # "A A A" is as often as a word may stand; "Ab" is no "A".
    assert allowed([[A, A, A]]) == [[False, True, True, True]]


def test_a_row_does_not_depend_on_its_neighbours():
    loop = [A, A, A]
    assert allowed([loop, [C, d, C, b, A, d, C]])[0] == allowed([loop])[0] == [False, True, True, True]


def test_the_probabilities_given_are_not_changed():
    given = torch.zeros(1, 5)
    NoRepeatedPhrases(ScriptedTokenizer(5), 2)(given, texts_of(torch.tensor([[A, A, A]])))
    assert given.tolist() == [[0.0] * 5]


def test_nothing_is_forbidden_when_it_is_switched_off_or_there_is_no_text():
    assert allowed([[A, A, A, A, A]], most=0) == [[True] * 4]
    assert allowed([[]], most=2) == [[True] * 4]


def whisper_tokenizer() -> WhisperTokenizer:
    file = Path(os.environ.get("SIMULST_TEST_WHISPER", ""), "tiny.en", "tokenizer.json")
    if not file.is_file():
        pytest.skip("SIMULST_TEST_WHISPER names no folder with tiny.en")
    return WhisperTokenizer(file, 51_864)


@pytest.mark.parametrize(
    "text, next_word, may_follow",
    [
        (" Hello Hello? hello Hello", " hello", False),
        (" Hello Hello? hello", " Hello", True),
        (" Hello Hello? hello Hello", ",", True),
        (" I don't know. I don't know. I don't", " know", True),
        (" I don't know. I don't know! I don't know. i don't", " know", False),
        (" I don't know. I don't know! I don't know. i don't", " care", True),
        (" Hello? hi. Hello hi? hello, HI hello", " Hi", False),
    ],
)
def test_capitals_and_punctuation_let_no_loop_through_whispers_tokens(text, next_word, may_follow):
    tokenizer = whisper_tokenizer()
    log_probabilities = torch.full((1, 51_864), -20.0)
    [following] = tokenizer.encode(next_word)
    log_probabilities[0, following] = -0.1
    guard = NoRepeatedPhrases(tokenizer, 3)
    filtered = guard(log_probabilities, texts_of(torch.tensor([tokenizer.encode(text)])))
    assert filtered[0, following].isfinite() == may_follow
