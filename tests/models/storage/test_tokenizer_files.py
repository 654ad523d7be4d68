"""vocab.json with merges.txt, which fine-tuning tutorials leave, is read as the model's tokenizer.json."""

import json

import pytest

from foundation.errors import InputError
from models.storage.tokenizer_files import tokenizer_file
from models.whisper.tokenizer import WhisperTokenizer
from tests.models.tiny_whisper import write_tiny_tokenizer

TEXTS = (
    "Hello world! It's 10 o'clock - isn't it?",
    "  two spaces\n\tand a tab, <|en|> and <|0.00|> spelled out",
    "Ça va? Grüße, señor: ¿qué tal? ñandú œuvre",
    "世界 你好。音楽を聞く ♪♪♪ 한국어 עברית हिन्दी",
    "🙂 👩‍👩‍👧 \u200b \u00a0 e\u0301",
)


def write_separate_files(source, folder, added="added_tokens.json"):
    """What transformers' older classes write of a tokenizer.json; returns the vocab.json."""
    folder.mkdir()
    content = json.loads(source.read_text())
    entries = {token["content"]: token for token in content["added_tokens"]}
    vocabulary = {text: id for text, id in content["model"]["vocab"].items() if text not in entries}
    end = entries.pop("<|endoftext|>")  # which transformers puts in vocab.json
    vocabulary["<|endoftext|>"] = end["id"]
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in content["model"]["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    if added == "added_tokens.json":
        ids = {text: token["id"] for text, token in entries.items()}
        (folder / added).write_text(json.dumps(ids))
    else:
        described = {token["id"]: {"content": text, "special": True} for text, token in entries.items()}
        (folder / added).write_text(json.dumps({"added_tokens_decoder": described}))
    (folder / "special_tokens_map.json").write_text(json.dumps({"eos_token": "<|endoftext|>"}))
    return folder / "vocab.json"


def assert_same(one: WhisperTokenizer, other: WhisperTokenizer) -> None:
    assert one.languages == other.languages and one.multilingual == other.multilingual
    assert one.prompt("en", "en") == other.prompt("en", "en")
    assert one.end_of_sequence == other.end_of_sequence
    assert one.suppressed == other.suppressed
    for text in TEXTS:
        assert one.encode(text) == other.encode(text)
        assert one.encode_sentence(text) == other.encode_sentence(text)
        assert one.decode(one.encode(text)) == other.decode(other.encode(text))
    assert one.units_started(False).tolist() == other.units_started(False).tolist()
    assert all(one.decode([token]) == other.decode([token]) for token in range(one.vocabulary_size))


@pytest.mark.parametrize(("name", "size"), [("tiny.en", 51_864), ("base", 51_865)])
def test_separate_files_of_a_real_whisper_are_its_tokenizer(whisper_folder, tmp_path, name, size):
    source = whisper_folder(name) / "tokenizer.json"
    vocabulary = write_separate_files(source, tmp_path / "tuned")
    assert_same(WhisperTokenizer(vocabulary, size), WhisperTokenizer(source, size))


@pytest.mark.parametrize("added", ["added_tokens.json", "tokenizer_config.json"])
@pytest.mark.parametrize("english_only", [True, False])
def test_separate_files_are_read_and_saved_as_one(tmp_path, added, english_only):
    write_tiny_tokenizer(tmp_path / "tokenizer.json", english_only=english_only)
    vocabulary = write_separate_files(tmp_path / "tokenizer.json", tmp_path / "tuned", added)
    whole, separate = WhisperTokenizer(tmp_path / "tokenizer.json", 640), WhisperTokenizer(vocabulary, 640)
    assert_same(separate, whole)
    (tmp_path / "saved").mkdir()
    separate.save(tmp_path / "saved" / "tokenizer.json")
    assert_same(WhisperTokenizer(tmp_path / "saved" / "tokenizer.json", 640), whole)


def test_which_file_is_a_folders_tokenizer(tmp_path):
    assert tokenizer_file(tmp_path) is None
    (tmp_path / "vocab.json").touch()
    assert tokenizer_file(tmp_path) is None  # without merges.txt it tells nothing
    (tmp_path / "merges.txt").touch()
    assert tokenizer_file(tmp_path) == tmp_path / "vocab.json"
    (tmp_path / "tokenizer.json").touch()
    assert tokenizer_file(tmp_path) == tmp_path / "tokenizer.json"


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("vocab.json", "{", "vocab.json is not valid JSON"),
        ("vocab.json", '{"a": "0"}', "vocab.json gives 'a' no id"),
        ("vocab.json", '{"a": -1}', "vocab.json gives 'a' no id"),
        ("merges.txt", "#version: 0.2\nonly-one\n", "no readable tokenizer"),
        ("merges.txt", "#version: 0.2\nxyz xyz\n", "no readable tokenizer"),
        ("merges.txt", "version https://git-lfs.github.com/spec/v1\n", "merges.txt is a Git LFS pointer"),
        ("added_tokens.json", '{"<|en|>": null}', "added_tokens.json gives '<|en|>' no id"),
        ("added_tokens.json", '{"<|en|>": 5}', "one id to several tokens or several to one"),
        ("added_tokens.json", "{}", "lacks <|startoftranscript|>, <|notimestamps|>, so it is not"),
        ("tokenizer_config.json", '{"added_tokens_decoder": [1]}', "damaged added_tokens_decoder"),
        ("tokenizer_config.json", '{"added_tokens_decoder": {"x": {}}}', "damaged added_tokens_decoder"),
    ],
)
def test_damaged_separate_files_are_refused(tmp_path, file, text, message):
    write_tiny_tokenizer(tmp_path / "tokenizer.json")
    vocabulary = write_separate_files(tmp_path / "tokenizer.json", tmp_path / "tuned")
    (tmp_path / "tuned" / file).write_text(text)
    with pytest.raises(InputError) as refused:
        WhisperTokenizer(vocabulary, 640)
    assert message in str(refused.value) and "\n" not in str(refused.value)
