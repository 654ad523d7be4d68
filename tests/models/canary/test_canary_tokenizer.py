"""Canary's tokenizer: prompts, pairs, text of pieces, and files of other models."""

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from foundation.errors import InputError
from models.canary.tokenizer import NEEDED, CanaryTokenizer
from tests.models.tiny_canary import END, SPECIALS, START, VOCABULARY, write_tiny_tokenizer
from tests.models.tiny_whisper import CORPUS
from tests.models.tiny_whisper import write_tiny_tokenizer as write_whisper_tokenizer


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    write_tiny_tokenizer(file)
    return file


@pytest.fixture(scope="module")
def tokenizer(file):
    return CanaryTokenizer(file, VOCABULARY, {"<|endoftext|>": END, "<|startofcontext|>": START})


def test_prompt(tokenizer):
    written = [SPECIALS[token] for token in tokenizer.prompt("english", "de-CH")]
    assert written == [
        *("<|startofcontext|>", "<|startoftranscript|>", "<|emo:undefined|>", "<|en|>", "<|de|>", "<|pnc|>"),
        *("<|noitn|>", "<|notimestamp|>", "<|nodiarize|>"),
    ]


def test_prompt_without_punctuation(file, tokenizer):
    plain = CanaryTokenizer(file, VOCABULARY, punctuation=False)
    differing = [
        (SPECIALS[one], SPECIALS[other])
        for one, other in zip(tokenizer.prompt("fr", "fr"), plain.prompt("fr", "fr"), strict=True)
        if one != other
    ]
    assert differing == [("<|pnc|>", "<|nopnc|>")]


def test_languages_are_those_of_the_training_that_have_a_token(file, tokenizer):
    assert sorted(tokenizer.languages) == ["de", "en", "es", "fr"]  # <|ja|> is a token, too
    assert CanaryTokenizer(file, VOCABULARY, languages=["ja", "en"]).languages == ("ja", "en")


@pytest.mark.parametrize(
    "pair, message",
    [
        (("de", "fr"), "Canary cannot translate 'de' into 'fr'"),
        (("ja", "en"), "language 'ja' is not known to this model"),
        (("en", "klingon"), "'klingon' is not known"),
    ],
)
def test_pairs_that_it_lacks(tokenizer, pair, message):
    with pytest.raises(InputError, match=message):
        tokenizer.prompt(*pair)


@pytest.mark.parametrize("text", CORPUS[:4])
def test_text_comes_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_text_that_spells_a_control_token_is_text(tokenizer):
    assert SPECIALS.index("<|en|>") not in tokenizer.encode("the <|en|> cat")


def test_words_begin_at_pieces_with_a_space(tokenizer):
    text = "the cat sat on the mat"
    words, characters = (
        tokenizer.units_started(units)[tokenizer.encode(text)].sum() for units in (False, True)
    )
    assert (int(words), int(characters)) == (6, 17)


def test_nothing_but_text_and_the_end_is_generated(tokenizer):
    assert set(range(len(SPECIALS))) - {END} <= set(tokenizer.suppressed)
    assert END not in tokenizer.suppressed and tokenizer.encode("the")[0] not in tokenizer.suppressed
    assert tokenizer.decode([START, *tokenizer.encode("the"), END]) == "the"


def test_bytes_of_a_character_join(tmp_path):
    pieces = [*NEEDED, "<|en|>", "<unk>", "<0xC3>", "<0xA9>", *"▁thesa"]
    tokenizer = Tokenizer(models.BPE({piece: id for id, piece in enumerate(pieces)}, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    own = CanaryTokenizer(tmp_path / "tokenizer.json", len(pieces))
    first = pieces.index("<0xC3>")
    assert own.decode([*own.encode("s"), first, first + 1]) == "sé"
    assert own.decode([*own.encode("s"), first]) == "s"
    assert own.units_started(True)[[first, first + 1]].tolist() == [1, 0]


@pytest.mark.parametrize("token", ["<|nodiarize|>", "<|endoftext|>"])
def test_a_needed_token_is_missing(tmp_path, token):
    write_tiny_tokenizer(tmp_path / "tokenizer.json", leave_out=token)
    with pytest.raises(InputError, match=r"lacks <.*copy the tokenizer.json of the same model"):
        CanaryTokenizer(tmp_path / "tokenizer.json", VOCABULARY)


def test_tokenizers_of_other_models(file, tmp_path):
    with pytest.raises(InputError, match="has 365 tokens.*this Canary of 300 tokens"):
        CanaryTokenizer(file, 300)
    with pytest.raises(InputError, match="has <.endoftext.> at 3, the model's configuration at 4"):
        CanaryTokenizer(file, VOCABULARY, {"<|endoftext|>": 4})
    with pytest.raises(InputError, match="lacks a token of any language"):
        CanaryTokenizer(file, VOCABULARY, languages=["sv"])
    write_whisper_tokenizer(tmp_path / "tokenizer.json")
    with pytest.raises(InputError, match=r"lacks <\|startofcontext"):
        CanaryTokenizer(tmp_path / "tokenizer.json", 640)
