"""Which translator reads which model. Adding a model is one file and one line here."""

import json
from pathlib import Path

from models.errors import InputError
from models.locate import locate_model
from models.translator import Translator, TranslatorOptions
from models.whisper_translator import WhisperTranslator

# By `model_type` of the model folder's config.json, which every Hugging Face folder has too.
TRANSLATORS: dict[str, type[Translator]] = {"whisper": WhisperTranslator}


def load_translator(model: str, options: TranslatorOptions) -> Translator:
    """Load a model by path or name (`models.locate`). Raises InputError when that cannot be done."""
    path = locate_model(model)
    kind = _model_type(path)
    if kind not in TRANSLATORS:
        raise InputError(
            f"{path} holds a {kind!r} model, which cannot be read here "
            f"(known: {', '.join(TRANSLATORS)}): give another --model"
        )
    return TRANSLATORS[kind].from_path(path, options)


def _model_type(path: Path) -> str:
    """What config.json says. OpenAI's and CTranslate2's Whisper say nothing, so Whisper is the default."""
    config = path / "config.json"
    if not config.is_file():
        return "whisper"
    try:
        return json.loads(config.read_text(encoding="utf-8")).get("model_type", "whisper")
    except (ValueError, AttributeError):
        raise InputError(f"{config} is not a JSON object: download the model again") from None
