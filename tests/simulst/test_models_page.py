"""docs/MODELS.md is what families say; its costs are those of their sizes."""

import json

import pytest

from models.audio_language.families import FAMILIES
from models.canary.encoder_work import encoder_work
from simulst.models_page import MODELS, Row, models_page
from tests.evaluation.tiny_evaluation import ROOT


def test_the_page_is_up_to_date():
    written = (ROOT / "docs" / "MODELS.md").read_text(encoding="utf-8")
    assert written == models_page(), "python -m simulst.models_page > docs/MODELS.md"


def test_every_family_has_published_models_and_a_place_in_the_readme():
    published = json.loads((MODELS / "audio_language" / "published.json").read_text(encoding="utf-8"))
    assert {FAMILIES[one["model_type"]] for one in published} == set(FAMILIES.values())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for family in set(FAMILIES.values()):
        assert f"| {family.family} |" in readme


def test_memory_by_precision():
    row = Row("", "", "", "", "", "", "", weights=8_397_094_912, in_layers=6_476_005_376)
    assert row.memory_gb(4) == pytest.approx(33.588, abs=1e-3)
    assert row.int8_gb == pytest.approx(14.160, abs=1e-3)  # 6.476 in 8 bits, and four times 1.921


def test_canary_costs_what_was_counted_on_an_empty_network():
    sizes = json.loads((MODELS / "canary" / "published.json").read_text(encoding="utf-8"))[0]["sizes"]
    found = [round(encoder_work(sizes, 100 * seconds) / 1e9) for seconds in (5, 10, 20, 40)]
    assert found == [108, 216, 441, 915]
