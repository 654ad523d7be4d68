"""The tokenizer of audio-language models on a tiny vocabulary: prompts, texts, units."""

import pytest
import transformers
from transformers import Qwen2TokenizerFast

from foundation.errors import InputError
from models.audio_language.qwen3_omni import Qwen3Omni
from models.audio_language.tokenizer import AudioLanguageTokenizer, AudioPrompt, PromptFormat
from models.storage.tokenizer_files import read_tokenizer
from tests.models.tiny_family import VOCABULARY
from tests.models.tiny_qwen2_audio import write_tiny_tokenizer


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    return folder / "tokenizer.json", write_tiny_tokenizer(folder)


def load(file, prompt="<|audio_bos|><|AUDIO|><|audio_eos|>{source} {target}:", **settings):
    return AudioLanguageTokenizer(
        file, VOCABULARY, PromptFormat(prompt), "<|AUDIO|>", "<|endoftext|>", **settings
    )


def test_prompt_is_split_around_the_audio(tiny):
    file, ids = tiny
    tokenizer = load(file)
    after = (ids["<|audio_eos|>"], *tokenizer.encode("English German:"))
    assert tokenizer.audio_prompt("en", "de") == AudioPrompt((ids["<|audio_bos|>"],), after)
    assert tokenizer.prompt("english", "de-CH") == [ids["<|audio_bos|>"], ids["<|AUDIO|>"], *after]


def test_special_tokens_in_text_are_text(tiny):
    file, ids = tiny
    tokenizer = load(file)
    tokens = tokenizer.encode("a <|AUDIO|> b")
    assert ids["<|AUDIO|>"] not in tokens
    assert tokenizer.decode(tokens) == "a <|AUDIO|> b"


def test_special_tokens_and_parts_of_characters_leave_no_text(tiny):
    file, ids = tiny
    tokenizer = load(file)
    snowman = tokenizer.encode("\N{SNOWMAN}")
    assert [len(tokenizer.token_bytes(token)) for token in snowman] == [1, 1, 1]
    assert tokenizer.decode(snowman) == "\N{SNOWMAN}"
    assert tokenizer.decode([ids["<|im_start|>"], *tokenizer.encode("el gato"), *snowman[:-1]]) == "el gato"
    assert tokenizer.token_bytes(ids["<|endoftext|>"]) == tokenizer.token_bytes(VOCABULARY - 1) == b""


def test_words_and_characters_are_counted_where_they_begin(tiny):
    tokenizer = load(tiny[0])
    tokens = tokenizer.encode("el gato 世界")
    assert int(tokenizer.units_started(False)[tokens].sum()) == 2  # the first word has no space in front
    assert int(tokenizer.units_started(True)[tokens].sum()) == 8


def test_all_but_text_and_the_end_is_suppressed(tiny):
    file, ids = tiny
    tokenizer = load(file)
    specials = sorted(set(ids.values()) - {ids["<|endoftext|>"]})
    unused = range(max(ids.values()) + 1, VOCABULARY)
    assert tokenizer.suppressed == [*specials, *unused]


@pytest.mark.parametrize(
    "prompt, settings, message",
    [
        ("no place", {}, "has 0 places for the audio: write <.AUDIO.> in it exactly once"),
        ("<|AUDIO|><|AUDIO|>.", {}, "has 2 places"),
        ("text <|AUDIO|>", {}, "ends with the audio"),
        ("<|AUDIO|>{target}", {"maximum_prompt": 2}, "leaves no room for the audio: .* holds 2; shorten"),
    ],
)
def test_impossible_prompts_are_refused(prompt, settings, message, tiny):
    with pytest.raises(InputError, match=message):
        load(tiny[0], prompt, **settings).prompt("en", "de")


def test_vocabulary_of_another_size_is_refused(tiny):
    with pytest.raises(InputError, match="has 4.. tokens, so it is not .* of 300 tokens"):
        AudioLanguageTokenizer(tiny[0], 300, PromptFormat("<|AUDIO|>."), "<|AUDIO|>", "<|endoftext|>")


@pytest.mark.skipif(
    not transformers.__version__.startswith("4."),
    reason="the tokenizer of transformers 5 takes no such files",
)
def test_a_vocabulary_with_merges_splits_text_as_its_family_does(tmp_path):
    """Qwen3-Omni's folder has no tokenizer.json: digits stand alone, and letters are composed."""
    write_tiny_tokenizer(tmp_path)
    theirs = Qwen2TokenizerFast(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    ours = read_tokenizer(tmp_path / "vocab.json", Qwen3Omni.text_pattern)
    for text in ("the quick 1234 foxes, don't\n\n stop  ", "e\N{COMBINING ACUTE ACCENT}s 世界"):
        expected = theirs(text, add_special_tokens=False).input_ids
        assert ours.encode(text, add_special_tokens=False).ids == expected
