"""Model cards: what the Hugging Face Hub reads in them, and what a reader does."""

from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard as HubCard

from train.export.model_card import LICENCES, ModelCard

ROOT = Path(__file__).parents[3]
SHIPPED = sorted((ROOT / "models/weights").glob("*/README.md"))
SECTION = {"manifest": "m.tsv", "task": "s2tt", "source": "en", "targets": ["de", "fr"], "weight": 1.0}
CONFIGURATION = {"train": [SECTION], "model": {"config_overrides": {"width": 256}}}


def card(
    licence: str = "mit", agent: str = "reina", base_model: str | None = "openai/whisper-tiny.en"
) -> ModelCard:
    scores = {"multi30k-s2tt-de": {"BLEU": 32.561}}
    return ModelCard("exported/mini", licence, CONFIGURATION, scores, "It is small.", agent, base_model)


def test_head_is_what_the_hub_reads():
    assert yaml.safe_load(card().head()) == {
        "language": ["en", "de", "fr"],
        "license": "mit",
        "library_name": "simulst",
        "tags": ["simultaneous-translation", "speech-translation"],
        "base_model": "openai/whisper-tiny.en",
        "pipeline_tag": "automatic-speech-recognition",
    }
    assert (
        yaml.safe_load(card(agent="simulsa", base_model=None).head())["pipeline_tag"] == "audio-text-to-text"
    )
    for base_model in (None, "../translator", "reina-mini", "/runs/mini"):
        assert "base_model" not in yaml.safe_load(card(base_model=base_model).head())


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("MIT", {"license": "mit"}),
        ("not stated", {"license": "unknown"}),
        ("Our own terms", {"license": "other", "license_name": "our-own-terms"}),
    ],
)
def test_licences_are_identifiers_of_the_hub(said, expected):
    head = yaml.safe_load(card(said).head())
    assert {name: value for name, value in head.items() if name.startswith("license")} == expected


def test_usage_has_five_lines_for_the_models_own_agent_and_languages():
    lines = card().usage().splitlines()
    assert len(lines) == 5
    assert lines[1:3] == [
        "simuleval --agent agents/reina_agent.py --model exported/mini \\",
        "    --source-language en --target-language de \\",
    ]
    assert (ROOT / "agents/reina_agent.py").is_file()
    assert f"```bash\n{card().usage()}\n```" in card().text()
    assert "- multi30k-s2tt-de: BLEU 32.56" in card().text()


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.parent.name)
def test_shipped_cards_are_valid_on_the_hub(file):
    found = HubCard.load(file)
    # The card's class drops what it does not understand; the head must hold all of it.
    head = yaml.safe_load(file.read_text(encoding="utf-8").split("---")[1])
    assert found.data.to_dict() == head
    assert head["license"] in LICENCES
    recognises_only = "speech-recognition" in head["tags"]
    assert head["language"] == (["en"] if recognises_only else ["en", "de", "fr"])
    base = "base" if file.parent.name == "reina-whisper-base" else "tiny.en"
    assert head["base_model"] == f"openai/whisper-{base}"
    assert head["library_name"] == "simulst"
    assert head["pipeline_tag"] in ("automatic-speech-recognition", "audio-text-to-text")
    usage = found.text.split("## Use\n\n```bash\n")[1].split("\n```")[0]
    assert len(usage.splitlines()) <= 5
