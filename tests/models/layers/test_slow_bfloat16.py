"""The warning of a processor that is slow in bfloat16; what is slow is pretended, since processors differ."""

import logging

import pytest
import torch

from models.layers import slow_bfloat16
from models.layers.slow_bfloat16 import bfloat16_slowdown, warn_of_slow_bfloat16
from models.translator_options import TranslatorOptions


@pytest.fixture
def slowdown(monkeypatch):
    """Sets how slow the processor is; warnings are due again."""

    def pretend(times):
        monkeypatch.setattr(slow_bfloat16, "bfloat16_slowdown", lambda: times)

    warn_of_slow_bfloat16.cache_clear()
    yield pretend
    warn_of_slow_bfloat16.cache_clear()


def test_one_warning_names_factor_and_remedy(slowdown, caplog):
    slowdown(35.8)
    with caplog.at_level(logging.WARNING):
        warn_of_slow_bfloat16("cpu", "give --precision float32")
        warn_of_slow_bfloat16("cpu", "give --precision float32")
    assert [record.getMessage() for record in caplog.records] == [
        "this processor has no instructions for bfloat16: products take about 36 times as long as in "
        "float32; give --precision float32"
    ]


def test_no_warning_where_it_is_fast_or_for_a_gpu(slowdown, caplog):
    slowdown(0.4)
    warn_of_slow_bfloat16("cpu", "nothing")
    slowdown(35.8)
    warn_of_slow_bfloat16(torch.device("cuda", 1), "nothing")
    assert not caplog.records


def test_an_agents_precision_is_warned_of(slowdown, caplog):
    slowdown(35.8)
    assert TranslatorOptions(encoder_precision="float32").encoder_dtype() is torch.float32
    assert not caplog.records
    assert TranslatorOptions(precision="bfloat16").encoder_dtype() is torch.bfloat16
    assert "leave bfloat16 out of --precision" in caplog.text


def test_the_factor_is_measured():
    bfloat16_slowdown.cache_clear()
    assert 0.01 < bfloat16_slowdown() < 1000
