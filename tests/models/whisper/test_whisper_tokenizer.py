"""The tokenizer on a tiny vocabulary with literal expectations, and on the real ones where given."""

import time

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers.models.whisper.configuration_whisper import NON_SPEECH_TOKENS, NON_SPEECH_TOKENS_MULTI

from foundation.errors import InputError
from models.whisper.tokenizer import WhisperTokenizer
from tests.models.tiny_whisper import write_tiny_tokenizer

VOCABULARY_SIZE = 640


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    path = tmp_path_factory.mktemp("multilingual") / "tokenizer.json"
    ids = write_tiny_tokenizer(path, vocabulary_size=VOCABULARY_SIZE)
    return WhisperTokenizer(path, VOCABULARY_SIZE), ids


@pytest.fixture(scope="module")
def tiny_english(tmp_path_factory):
    path = tmp_path_factory.mktemp("english") / "tokenizer.json"
    ids = write_tiny_tokenizer(path, english_only=True, vocabulary_size=VOCABULARY_SIZE)
    return WhisperTokenizer(path, VOCABULARY_SIZE), ids


def test_multilingual_vocabulary_names_its_languages(tiny):
    tokenizer, ids = tiny
    assert tokenizer.multilingual
    assert tokenizer.languages == ("de", "en", "es", "fr", "ja", "zh")
    assert tokenizer.end_of_sequence == ids["<|endoftext|>"]
    assert tokenizer.vocabulary_size == VOCABULARY_SIZE


def test_english_only_vocabulary_knows_english(tiny_english):
    tokenizer, _ = tiny_english
    assert not tokenizer.multilingual
    assert tokenizer.languages == ("en",)


@pytest.mark.parametrize(
    ("source", "target", "language", "task"),
    [
        ("es", "es", "<|es|>", "<|transcribe|>"),
        ("es", "en", "<|es|>", "<|translate|>"),
        ("en", "en", "<|en|>", "<|transcribe|>"),
        ("en-US", "en-GB", "<|en|>", "<|transcribe|>"),
        ("zh_Hant_TW", "en", "<|zh|>", "<|translate|>"),
        ("German", "english", "<|de|>", "<|translate|>"),
        ("castilian", " ES ", "<|es|>", "<|transcribe|>"),
    ],
)
def test_prompt_names_language_and_task(tiny, source, target, language, task):
    tokenizer, ids = tiny
    expected = [ids[name] for name in ("<|startoftranscript|>", language, task, "<|notimestamps|>")]
    assert tokenizer.prompt(source, target) == expected


def test_english_only_prompt_has_neither_language_nor_task(tiny_english):
    tokenizer, ids = tiny_english
    assert tokenizer.prompt("en", "en-US") == [ids["<|startoftranscript|>"], ids["<|notimestamps|>"]]


KNOWN = "It knows de, en, es, fr, ja, zh"
TASKS = "it transcribes a language into itself and translates into 'en'"


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("es", "fr", f"Whisper cannot translate 'es' into 'fr': {TASKS}"),
        ("en", "german", f"Whisper cannot translate 'en' into 'de': {TASKS}"),
        ("ita", "en", f"language 'ita' (Italian) is not known to this model. {KNOWN}"),
        ("xde", "en", f"language 'xde' is not known to this model. {KNOWN}"),
        ("en", "germann", f"language 'germann' is not known to this model; did you mean 'de'? {KNOWN}"),
        # Whisper knows Italian, this vocabulary does not.
        ("it", "en", f"language 'it' is not known to this model. {KNOWN}"),
        ("", "en", f"language '' is not known to this model. {KNOWN}"),
    ],
)
def test_impossible_pair_is_refused(tiny, source, target, message):
    with pytest.raises(InputError) as caught:
        tiny[0].prompt(source, target)
    assert str(caught.value) == message


@pytest.mark.parametrize(("source", "target", "culprit"), [("es", "en", "es"), ("en", "de", "de")])
def test_english_only_model_refuses_other_languages(tiny_english, source, target, culprit):
    with pytest.raises(InputError) as caught:
        tiny_english[0].prompt(source, target)
    assert str(caught.value) == (
        f"language '{culprit}' is not known to this English-only Whisper: it transcribes 'en' into 'en': "
        "let both languages be en, or give a model without '.en' in its name"
    )


@pytest.mark.parametrize("text", [" the cat sat", "¿qué quieres?", " 世界 ♪", "tab\tand\nline", " 😀", ""])
def test_decoding_undoes_encoding(tiny, text):
    tokenizer, _ = tiny
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_encoding_adds_no_special_tokens_and_reads_none_in_text(tiny):
    tokenizer, ids = tiny
    assert max(tokenizer.encode(" the <|en|> dog<|endoftext|>")) < ids["<|endoftext|>"]


def test_special_tokens_and_timestamps_decode_to_nothing(tiny):
    tokenizer, ids = tiny
    tokens = [ids["<|startoftranscript|>"], ids["<|es|>"], *tokenizer.encode(" hola")]
    assert tokenizer.decode([*tokens, ids["<|notimestamps|>"] + 3, ids["<|endoftext|>"]]) == " hola"


def test_incomplete_character_at_the_end_is_dropped(tiny):
    tokenizer, _ = tiny
    tokens = tokenizer.encode("a😀")
    assert [tokenizer.decode(tokens[:count]) for count in range(1, 6)] == ["a", "a", "a", "a", "a😀"]


def test_all_special_tokens_but_the_end_are_suppressed(tiny):
    tokenizer, ids = tiny
    assert set(range(ids["<|endoftext|>"] + 1, VOCABULARY_SIZE)) <= set(tokenizer.suppressed)
    assert tokenizer.end_of_sequence not in tokenizer.suppressed
    assert tokenizer.suppressed == sorted(set(tokenizer.suppressed))


def test_timestamps_that_the_file_lacks_are_suppressed(tmp_path):
    path = tmp_path / "tokenizer.json"
    ids = write_tiny_tokenizer(path, vocabulary_size=600, timestamps=False)
    tokenizer = WhisperTokenizer(path, 600)
    assert set(range(ids["<|notimestamps|>"], 600)) <= set(tokenizer.suppressed)
    assert tokenizer.decode([599]) == ""


def test_non_speech_signs_are_suppressed_and_punctuation_is_not(tiny):
    tokenizer, _ = tiny
    suppressed = set(tokenizer.suppressed)
    for sign in ("(", "[", '"', "/", "♪"):
        assert tokenizer.encode(sign)[0] in suppressed, sign
    for sign in (".", ",", "?", "!", "-", "'", "a"):
        assert tokenizer.encode(sign)[0] not in suppressed, sign


def test_words_begin_at_spaces(tiny):
    tokenizer, ids = tiny
    started = tokenizer.units_started(character_units=False)
    assert started.shape == (VOCABULARY_SIZE,) and started.dtype == torch.int64
    assert started[tokenizer.encode(" the cat is walking")].tolist() == [1, 1, 1, 1]
    assert started[tokenizer.encode("the cat!")].tolist() == [0, 1, 0]
    assert started[tokenizer.encode(" ")].tolist() == [1]
    assert started[list(ids.values())].sum() == 0


def test_characters_begin_at_first_bytes(tiny):
    tokenizer, ids = tiny
    started = tokenizer.units_started(character_units=True)
    assert started.shape == (VOCABULARY_SIZE,) and started.dtype == torch.int64
    assert started[tokenizer.encode("世界")].tolist() == [2]  # both characters are one token
    assert started[tokenizer.encode("😀")].tolist() == [1, 0, 0, 0]  # a token for each byte
    assert started[tokenizer.encode(" the cat")].tolist() == [3, 3]
    assert started[tokenizer.encode(" ")].tolist() == [0]
    assert started[list(ids.values())].sum() == 0


@pytest.mark.parametrize(
    ("token", "words", "characters"),
    [
        ("Ġofĉthe", 2, 5),  # " of<tab>the"
        ("in", 0, 2),
        ("Ġin", 1, 2),
        ("ĠĠ", 1, 0),
        ("ä¸ĸç", 0, 2),  # a character and the first byte of the next
        ("ãĢĢ", 1, 0),  # U+3000, the wide space
    ],
)
def test_units_that_begin_within_one_token(tmp_path, token, words, characters):
    # The byte-level alphabet is in every vocabulary, so that symbols can be encoded.
    alphabet = [*map(chr, [*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324)])]
    model = models.BPE(vocab={text: id for id, text in enumerate([*alphabet, token])}, merges=[])
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    loaded = WhisperTokenizer(tmp_path / "tokenizer.json", 300)
    assert loaded.units_started(character_units=False)[256] == words
    assert loaded.units_started(character_units=True)[256] == characters


def test_damaged_tokenizer_file_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text('{"version": "1.0", "model":')
    with pytest.raises(InputError, match=r"tokenizer.json is not a readable tokenizer \(.*\): download it"):
        WhisperTokenizer(path, 600)


def test_tokenizer_without_whispers_tokens_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    write_tiny_tokenizer(path)
    path.write_text(path.read_text().replace("<|startoftranscript|>", "<s>"))
    with pytest.raises(InputError, match=r"tokenizer.json lacks <\|startoftranscript\|>, so it is not the"):
        WhisperTokenizer(path, 640)


def test_tokenizer_of_a_larger_model_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    write_tiny_tokenizer(path, vocabulary_size=640)
    message = "has 640 tokens, so it is not the tokenizer of this Whisper of 600 tokens: copy the tokenizer"
    with pytest.raises(InputError, match=message):
        WhisperTokenizer(path, 600)


@pytest.mark.parametrize(
    ("name", "vocabulary_size", "end", "non_speech", "empty"),
    [
        ("tiny.en", 51_864, 50_256, NON_SPEECH_TOKENS, set()),
        ("base", 51_865, 50_257, NON_SPEECH_TOKENS_MULTI, {50_256}),
    ],
)
def test_real_suppression_is_openais(whisper_folder, name, vocabulary_size, end, non_speech, empty):
    tokenizer = WhisperTokenizer(whisper_folder(name) / "tokenizer.json", vocabulary_size)
    signs = {token for token in non_speech if token < end}
    assert tokenizer.suppressed == sorted(signs | empty | set(range(end + 1, vocabulary_size)))


def test_real_prompts(whisper_folder):
    base = WhisperTokenizer(whisper_folder("base") / "tokenizer.json", 51_865)
    assert base.multilingual and len(base.languages) == 99
    assert base.prompt("en", "en") == [50258, 50259, 50359, 50363]
    assert base.prompt("german", "en-US") == [50258, 50261, 50358, 50363]
    assert base.end_of_sequence == 50257
    tiny = WhisperTokenizer(whisper_folder("tiny.en") / "tokenizer.json", 51_864)
    assert not tiny.multilingual and tiny.languages == ("en",)
    assert tiny.prompt("en", "en") == [50257, 50362]


def test_real_text_and_units(whisper_folder):
    tokenizer = WhisperTokenizer(whisper_folder("base") / "tokenizer.json", 51_865)
    assert tokenizer.encode(" hello world") == [7751, 1002]
    tokens = tokenizer.encode(" ¿qué quieres? niño")
    assert tokenizer.decode(tokens) == " ¿qué quieres? niño"
    assert tokenizer.units_started(False)[tokens].tolist() == [1, 0, 1, 0, 1]
    tokens = tokenizer.encode("世界、你好")
    assert tokenizer.units_started(True)[tokens].tolist() == [2, 1, 2]


def test_real_tables_are_computed_within_a_second(whisper_folder):
    tokenizer = WhisperTokenizer(whisper_folder("base") / "tokenizer.json", 51_865)
    start = time.perf_counter()
    assert len(tokenizer.suppressed) == 1690
    tokenizer.units_started(character_units=False)
    tokenizer.units_started(character_units=True)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"<|endoftext|>": 100}, r"has <\|endoftext\|> at \d+, the model's configuration at 100"),
        ({"<|notimestamps|>": 600}, r"has <\|notimestamps\|> at \d+, the model's configuration at 600"),
    ],
)
def test_a_tokenizer_whose_special_tokens_stand_elsewhere_is_refused(tmp_path, declared, message):
    ids = write_tiny_tokenizer(tmp_path / "tokenizer.json")
    WhisperTokenizer(tmp_path / "tokenizer.json", 640, ids)
    with pytest.raises(InputError, match=message + ", so it is not the tokenizer of this Whisper of 640"):
        WhisperTokenizer(tmp_path / "tokenizer.json", 640, declared)


@pytest.mark.parametrize(("of", "size"), [("tiny.en", 51_865), ("tiny.en", 51_866), ("base", 51_866)])
def test_a_published_tokenizer_is_refused_for_a_larger_published_vocabulary(whisper_folder, of, size):
    # Every id fits in, and the text would be garbage.
    with pytest.raises(InputError, match=r"has <\|notimestamps\|> at 5036\d instead of 5036\d"):
        WhisperTokenizer(whisper_folder(of) / "tokenizer.json", size)


def test_a_tokenizer_without_bytes_is_refused(tmp_path):
    tokenizer = Tokenizer(models.WordLevel({"hello": 0, "世界": 1}, unk_token="hello"))
    tokenizer.add_special_tokens(["<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(InputError, match="is not written in bytes as GPT-2's are, so it is not"):
        WhisperTokenizer(tmp_path / "tokenizer.json", 300)


def test_a_tokenizer_that_cannot_write_all_text_is_refused(tmp_path):
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "b": 1}, merges=[]))
    tokenizer.add_special_tokens(["<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(InputError, match="does not give back the text .*, so it is not the tokenizer"):
        WhisperTokenizer(tmp_path / "tokenizer.json", 300)
