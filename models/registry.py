"""Which translator reads which model. Adding a model is one file and one line here."""

from collections.abc import Iterable
from pathlib import Path

from models.audio_language_families import FAMILIES
from models.audio_language_translator import AudioLanguageTranslator
from models.errors import InputError
from models.locate import locate_model
from models.policy_folder import has_policy, load_policy, policy_base
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
    return load_translators([model], options)[model]


def load_translators(models: Iterable[str], options: TranslatorOptions) -> dict[str, Translator]:
    """Several models, as `load_translator`. Policies for one model share it in memory, too."""
    bases: dict[Path, Translator] = {}
    translators = {}
    for model in models:
        base = base_model(model)
        if base not in bases:
            bases[base] = _load_base(base, options)
        translators[model] = _with_policy(locate_model(model), bases[base], options)
    return translators


def base_model(model: str) -> Path:
    """Folder or file of the network that a model translates with: a policy's is that of its base.

    Raises InputError when it cannot be found.
    """
    path = locate_model(model)
    name = policy_base(path) if has_policy(path) else None
    if name is not None:
        path = path / name if (path / name).exists() else locate_model(name)
    return path.resolve()


def _with_policy(path: Path, base: Translator, options: TranslatorOptions) -> Translator:
    if not has_policy(path):
        return base
    policy = load_policy(path)
    return ScoredTranslator(base, policy.network, policy.threshold, options.torch_dtype())


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
