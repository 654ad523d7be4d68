"""Scores of validation, in languages with spaces between words and without."""

import pytest
import torch
from fairseq2.metrics import MetricBag

from train.recipes.validation_unit import ValidationUnit, bleu_tokenizer


class Unit(ValidationUnit):
    def process_batch(self, batch, metric_bag):
        self.count_translations(metric_bag, *batch)


def scores(references, hypotheses):
    unit = Unit("held out", {f"folder/{at}/s2tt/{code}": text for at, (code, text) in enumerate(references)})
    bag = MetricBag(torch.device("cpu"))
    unit.prepare_metric_bag(bag)
    unit.process_batch(([*unit._references], hypotheses), bag)
    return {name: float(bag.metrics[name].compute()) for name in ("bleu", "chrf")}


def test_a_chinese_sentence_is_more_than_one_word():
    """It differs in two characters of ten, and is no whole sentence of the reference's."""
    assert scores([("zh", "今天的天气非常好吗?")], ["今天的天气真的好吗?"])["bleu"] > 40


def test_other_languages_are_scored_in_words():
    assert scores([("de", "Heute ist es sehr warm.")], ["Heute ist es sehr warm."])["bleu"] == pytest.approx(
        100
    )
    assert scores([("de", "Heute ist es sehr warm.")], ["Gestern war es kalt."])["bleu"] < 10


@pytest.mark.parametrize(
    ("languages", "tokenizer"),
    [
        (["de", "fr"], "13a"),
        (["zh"], "zh"),
        (["zh-Hant", "yue"], "zh"),
        (["ja"], "char"),
        (["ja", "zh"], "char"),
        (["de", "zh"], "zh"),
    ],
)
def test_the_tokenizer_is_that_of_the_languages(languages, tokenizer):
    assert bleu_tokenizer(languages) == tokenizer
