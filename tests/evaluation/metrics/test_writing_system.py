"""Texts without spaces between words, told by their characters."""

import pytest

from evaluation.metrics.writing_system import spaceless_tokenizer


@pytest.mark.parametrize(
    ("texts", "tokenizer"),
    [
        (["我爱你们大家", "今天天气很好。"], "zh"),
        (["𠀀𠮷野家 OK"], "zh"),
        (["私はみんなが大好き"], "ja-mecab"),
        (["東京都庁と国会議事堂", "テスト"], "ja-mecab"),
        (["ผมรักทุกคน"], "char"),
        (["ຂ້ອຍຮັກທຸກຄົນ", "ខ្ញុំស្រឡាញ់", "ချစ်တယ်", "ང་ཚོས"], "char"),
        (["나는 모두를 사랑해"], None),
        (["I love 北京 and Tokyo"], None),
        (["Größe", "ёлка", "مرحبا"], None),
        (["", "123 !"], None),
        ([], None),
    ],
)
def test_the_script_says_how_bleu_finds_words(texts, tokenizer):
    assert spaceless_tokenizer(texts) == tokenizer
