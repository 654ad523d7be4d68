"""Languages as users spell them: one code each, the same for models and for scores."""

import pytest

from agents.test_set.text_scoring import bleu_tokenizer, latency_unit
from foundation.errors import InputError
from models.languages import (
    ENGLISH_NAMES,
    LANGUAGE_NAMES,
    THREE_LETTERS,
    canonical_language,
    find_language,
    language_code,
)

SPELLINGS = {
    "zh": "zh ZH zh_TW zh-Hant zh-Hant-TW zh_CN.UTF-8 zho_Hans cmn cmn_hans_cn chi Chinese CHINESE mandarin",
    "yue": "yue zh-yue Cantonese yue_Hant",
    "ja": "ja ja_JP jpn jpn_Jpan Japanese japanese",
    "th": "th th_TH tha Thai",
    "ko": "ko ko_KR kor kor_Hang Korean",
    "de": "de de-CH DE_de deu ger deu_Latn German german de@euro",
    "id": "id ind id_ID Indonesian",
    "hi": "hi hin hi_IND Hindi",
    "fa": "fa fas per pes_Arab Farsi Persian",
    "no": "no nb nob nor nb_NO Norwegian",
    "sr": "sr srp sr-Latn Serbian",
    "pt": "pt pt_BR pt-PT por Portuguese",
    "my": "my mya bur Burmese Myanmar",
}


@pytest.mark.parametrize(
    ("spelling", "code"), [(one, code) for code, words in SPELLINGS.items() for one in words.split()]
)
def test_all_spellings_of_a_language_have_one_code(spelling, code):
    assert canonical_language(spelling) == code
    # Models and scores agree.
    assert language_code(spelling, tuple(ENGLISH_NAMES)) == code
    assert (latency_unit(spelling), bleu_tokenizer(spelling)) == (latency_unit(code), bleu_tokenizer(code))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Traditional Chinese", "zh"),
        ("Chinese (Simplified)", "zh"),
        (" Brazilian Portuguese ", "pt"),
        ("Serbian (Latin)", "sr"),
        ("Norwegian Nynorsk", "nn"),
        ("Haitian Creole", "ht"),
        # Nothing is guessed: a model refuses these.
        ("Latin American Spanish", "latin american spanish"),
        ("Klingon", "klingon"),
        ("ga-IE", "ga"),
        ("", ""),
    ],
)
def test_names_may_have_several_words(name, code):
    assert canonical_language(name) == code


def test_every_name_and_long_code_leads_to_one_of_whispers_languages():
    assert len(ENGLISH_NAMES) == 100
    assert {*LANGUAGE_NAMES.values()} == {*ENGLISH_NAMES}
    assert {*THREE_LETTERS.values()} == {*ENGLISH_NAMES} - {"haw", "yue"}
    assert not THREE_LETTERS.keys() & ENGLISH_NAMES.keys()
    assert (ENGLISH_NAMES["zh"], ENGLISH_NAMES["no"], ENGLISH_NAMES["sl"]) == (
        "Chinese",
        "Norwegian",
        "Slovenian",
    )


@pytest.mark.parametrize(
    ("language", "known", "code"),
    [
        ("zh_TW", ("zh-CN", "zh-TW"), "zh-TW"),
        ("pt", ("pt-BR", "en"), "pt-BR"),
        ("Chinese", ("cmn", "eng"), "cmn"),
        ("en", ("cmn", "eng"), "eng"),
        ("jav", ("jv", "jw"), "jw"),
        ("zh", ("zh-CN", "zh-TW"), None),
        ("zh-yue", ("zh",), None),
    ],
)
def test_a_model_keeps_its_own_spelling(language, known, code):
    assert find_language(language, known) == code


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("cmn", "language 'cmn' (Chinese) is not known to this model. It knows en, eu, mn"),
        ("deu", "language 'deu' (German) is not known to this model. It knows en, eu, mn"),
        ("de", "language 'de' is not known to this model. It knows en, eu, mn"),
        ("xmn", "language 'xmn' is not known to this model. It knows en, eu, mn"),
        (
            "mongolain",
            "language 'mongolain' is not known to this model; did you mean 'mn'? It knows en, eu, mn",
        ),
    ],
)
def test_hints_do_not_go_by_the_letters_of_codes(language, message):
    with pytest.raises(InputError) as caught:
        language_code(language, ("en", "eu", "mn"))
    assert str(caught.value) == message
