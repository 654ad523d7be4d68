"""Languages as folders tell them are those that the loaded model has, and are told without torch."""

import json

import pytest

from foundation.errors import InputError
from models.folder_languages import check_languages, folder_languages
from models.language_pairs import ListedPairs, WhisperPairs
from models.languages import LanguagePair
from models.storage.locate import SHIPPED
from models.whisper.tokenizer import WhisperTokenizer
from tests.models.tiny_canary import write_tiny_tokenizer as write_canary_tokenizer
from tests.models.tiny_whisper import write_tiny_tokenizer


def write(folder, config, name="config.json"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(config))
    return folder


def test_shipped_models_tell_theirs():
    expected = ListedPairs(("de", "en", "fr"), ("en",))
    assert folder_languages(SHIPPED / "reina-mini") == ListedPairs(("de", "fr"), ("en",))
    assert folder_languages(SHIPPED / "simulsa-mini") == expected


@pytest.mark.parametrize(("english_only", "size"), [(False, 640), (True, 640), (False, 51_864)])
def test_a_whispers_folder_tells_what_its_tokenizer_knows(english_only, size, tmp_path):
    write(tmp_path, {"model_type": "whisper", "vocab_size": size})
    write_tiny_tokenizer(tmp_path / "tokenizer.json", english_only=english_only)
    told = folder_languages(tmp_path)
    if size == 640:
        assert told == WhisperTokenizer(tmp_path / "tokenizer.json", size).pairs
    assert told.multilingual == (size == 640 and not english_only)


@pytest.mark.parametrize("named", [None, ["ja", "en"]])
def test_a_canarys_folder_tells_those_of_its_training_that_have_a_token(named, tmp_path):
    config = {"model_type": "canary"} | ({} if named is None else {"languages": named})
    write_canary_tokenizer(write(tmp_path, config) / "tokenizer.json")
    told = folder_languages(tmp_path)
    assert sorted(told.codes) == (["de", "en", "es", "fr"] if named is None else ["en", "ja"])
    with pytest.raises(InputError, match="Canary cannot translate|language 'de' is not known"):
        check_languages(str(tmp_path), LanguagePair("de", "fr"))


def test_policies_and_adapters_know_what_their_model_knows(tmp_path):
    config = {"model_type": "whisper", "vocab_size": 51_864}
    write(tmp_path / "whisper", config)
    adapter = {"base_model_name_or_path": "../whisper"}
    write(tmp_path / "adapter", adapter, "adapter_config.json")
    write(tmp_path / "policy", {"base": "../adapter"}, "policy.json")
    english = WhisperPairs(("en",), False)
    for name in ("whisper", "adapter", "policy"):
        assert folder_languages(tmp_path / name) == english
        with pytest.raises(InputError, match="language 'de' is not known to this English-only Whisper"):
            check_languages(str(tmp_path / name), LanguagePair("en", "de"))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"model_type": "whisper"},
        {"model_type": "whisper", "vocab_size": 640},
        {"model_type": "reina", "languages": "de", "source_languages": ["en"]},
        {"model_type": "qwen2_audio", "translation": {"languages": ["de"]}},
        {"model_type": "marian"},
    ],
)
def test_what_tells_nothing_is_left_to_its_loader(config, tmp_path):
    assert folder_languages(write(tmp_path, config)) is None
    check_languages(str(tmp_path), LanguagePair("en", "tlh"))


def test_damaged_files_and_endless_bases_are_left_to_the_loader(tmp_path):
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "config.json").write_text("{")
    assert folder_languages(tmp_path / "damaged") is None
    for one, other in (("a", "b"), ("b", "a")):
        write(tmp_path / one, {"base": f"../{other}"}, "policy.json")
    assert folder_languages(tmp_path / "a") is None


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (("en", "sw"), "language 'sw' is not known to this model. It knows de, fr, en"),
        (("de", "fr"), "the model writes 'de' but does not understand it: it understands en"),
    ],
)
def test_a_pair_that_cannot_be_is_refused(pair, said):
    with pytest.raises(InputError, match=said):
        check_languages("reina-mini", LanguagePair(*pair))
