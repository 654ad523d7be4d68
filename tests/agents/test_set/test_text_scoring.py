"""What scores count in a language."""

import pytest

from agents.test_set.text_scoring import bleu_tokenizer, check_text_scoring, latency_unit
from foundation.errors import InputError


@pytest.mark.parametrize(
    ("language", "unit", "tokenizer"),
    [
        ("zh_TW", "char", "zh"),
        ("Chinese", "char", "zh"),
        ("Cantonese", "char", "zh"),
        ("Japanese", "char", "ja-mecab"),
        ("Thai", "char", "char"),
        ("ko_KR", "word", "ko-mecab"),
        ("German", "word", "13a"),
        ("unheard-of", "word", "13a"),
    ],
)
def test_defaults_follow_the_language(language, unit, tokenizer):
    assert (latency_unit(language), bleu_tokenizer(language)) == (unit, tokenizer)
    check_text_scoring(language, unit, tokenizer)


@pytest.mark.parametrize(
    ("language", "unit", "tokenizer", "message"),
    [
        ("zh_TW", "word", "zh", "eval_latency_unit word counts a sentence of Chinese"),
        ("Thai", "word", None, "eval_latency_unit word counts a sentence of Thai"),
        ("cmn", "char", "13a", "tokenizer 13a finds no words in Chinese.*set it to zh"),
        ("ja", "char", "intl", "tokenizer intl finds no words in Japanese.*set it to ja-mecab"),
        ("de", "char", "13a", "takes the spaces out of what is written in German"),
    ],
)
def test_what_says_nothing_of_a_language_is_refused(language, unit, tokenizer, message):
    with pytest.raises(InputError, match=message):
        check_text_scoring(language, unit, tokenizer)


@pytest.mark.parametrize(
    ("language", "unit", "tokenizer"),
    [("ko", "char", "ko-mecab"), ("de", "char", "char"), ("de", "char", None)],
)
def test_characters_may_be_counted_where_that_harms_no_score(language, unit, tokenizer):
    check_text_scoring(language, unit, tokenizer)
