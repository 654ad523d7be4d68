"""Which translator reads which model. Adding a model is one file and one line here."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from foundation.errors import InputError
from models.audio_language.families import FAMILIES
from models.audio_language.translator import load_audio_language_translator
from models.canary.translator import load_canary_translator
from models.policy.folder import StoredPolicy, has_policy, load_policy, policy_base
from models.policy.scored_translator import ScoredTranslator
from models.reina.translator import load_reina_translator
from models.speech_translator import SpeechTranslator
from models.storage.alignment_file import ALIGNMENT_HEADS
from models.storage.locate import locate_base, locate_model
from models.storage.model_files import is_file, read_json
from models.text_translation.causal_model import CAUSAL_KINDS
from models.text_translation.causal_translator import load_causal_translator
from models.text_translation.configuration import KINDS as TEXT_KINDS
from models.text_translation.translator import load_text_translator
from models.translator import Translator, TranslatorOptions
from models.whisper.translator import load_whisper_translator

logger = logging.getLogger(__name__)

SILENCE = ("silence_ms", "dense_ms", "silence_stride")  # of a hearing's description

# By `model_type` of the model folder's config.json, which every Hugging Face folder has too: a function that
# loads a folder or file, and raises InputError when it cannot be used.
TRANSLATORS: dict[str, Callable[[Path, TranslatorOptions], Translator]] = {
    "whisper": load_whisper_translator,
    "reina": load_reina_translator,
    "canary": load_canary_translator,
    **dict.fromkeys(FAMILIES, load_audio_language_translator),
    # These read text: behind a recogniser.
    **dict.fromkeys(TEXT_KINDS, load_text_translator),
    **dict.fromkeys(CAUSAL_KINDS, load_causal_translator),
}


def load_translator(model: str, options: TranslatorOptions) -> Translator:
    """Load a model by path or name (`models.storage.locate`), with its policy if there is one.

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
        path = locate_base(path, name)
    return path.resolve()


def _with_policy(path: Path, base: Translator, options: TranslatorOptions) -> Translator:
    if not has_policy(path):
        return base
    policy = load_policy(path)
    if policy.adapter != base.adapter:
        raise InputError(
            f"the policy in {path} learned on {_adapted(policy.adapter)}, and its model here has "
            f"{_adapted(base.adapter)}: copy adapter and policy from one export"
        )
    _warn_of_hearing(path, policy, base)
    dtype = options.decoder_dtype()
    return ScoredTranslator(base, policy.network, policy.threshold, dtype, policy.agreeing_chunks)


def _warn_of_hearing(path: Path, policy: StoredPolicy, base: Translator) -> None:
    """Where the policy saw hidden states under another silence; frozen frames hardly change them."""
    if policy.hearing is None or not isinstance(base, SpeechTranslator):
        return
    now = base.hearing.described()
    differs = [name for name in SILENCE if policy.hearing.get(name) != now[name]]
    if differs:
        told = ", ".join(f"{name} {policy.hearing.get(name)} (now {now[name]})" for name in differs)
        logger.warning(
            "the policy in %s learned under another silence behind the audio, and decides worse so: %s",
            path,
            told,
        )


def _adapted(fingerprint: str | None) -> str:
    return "no adapter" if fingerprint is None else f"the adapter {fingerprint[:8]}"


def _load_base(path: Path, options: TranslatorOptions) -> Translator:
    kind = _model_type(path)
    if kind not in TRANSLATORS:
        raise InputError(
            f"{path} holds a {kind!r} model, which cannot be read here "
            f"(known: {', '.join(TRANSLATORS)}): give another --model"
        )
    if options.device_map is not None and kind not in (*FAMILIES, *CAUSAL_KINDS):
        raise InputError(
            f"device_map is for language models of transformers, and {path} holds a {kind!r} model, which "
            "fits on one device: leave it out, and give --device"
        )
    return TRANSLATORS[kind](path, _with_own_heads(path, options))


def _with_own_heads(path: Path, options: TranslatorOptions) -> TranslatorOptions:
    """The options, with the file of alignment heads in the model's folder where they name no heads."""
    if options.alignment_heads is not None or options.attention_layer is not None:
        return options
    own = path / ALIGNMENT_HEADS
    return replace(options, alignment_heads=str(own)) if is_file(own) else options


def _model_type(path: Path) -> str:
    """What config.json says. OpenAI's and CTranslate2's Whisper say nothing, so Whisper is the default.

    Raises InputError where it says no name.
    """
    config = path / "config.json"
    kind = read_json(config).get("model_type", "whisper") if config.is_file() else "whisper"
    if not isinstance(kind, str):
        raise InputError(f"{config} must give model_type as a text, found {kind!r:.40}: download it again")
    return kind
