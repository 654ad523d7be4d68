"""Which translator reads which model. Adding a model is one file and one line here."""

from pathlib import Path

from models.audio_language_families import FAMILIES
from models.audio_language_translator import AudioLanguageTranslator
from models.errors import InputError
from models.locate import locate_model
from models.policy_folder import has_policy, load_policy
from models.reina_translator import ReinaTranslator
from models.scored_translator import ScoredTranslator
from models.stored_weights import read_json
from models.translator import Translator, TranslatorOptions
from models.whisper_translator import WhisperTranslator

# By `model_type` of the model folder's config.json, which every Hugging Face folder has too.
TRANSLATORS: dict[str, type[Translator]] = {
    "whisper": WhisperTranslator,
    "reina": ReinaTranslator,
    **dict.fromkeys(FAMILIES, AudioLanguageTranslator),
}


def load_translator(model: str, options: TranslatorOptions) -> Translator:
    """Load a model by path or name (`models.locate`), with its policy if there is one.

    Raises InputError when that cannot be done.
    """
    path = locate_model(model)
    if not has_policy(path):
        return _load_base(path, options)
    policy = load_policy(path)
    base = path
    if policy.base is not None:
        base = path / policy.base if (path / policy.base).exists() else locate_model(policy.base)
    translator = _load_base(base, options)
    return ScoredTranslator(translator, policy.network, policy.threshold, options.torch_dtype())


def _load_base(path: Path, options: TranslatorOptions) -> Translator:
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
    return read_json(config).get("model_type", "whisper") if config.is_file() else "whisper"
