"""Which class reads which audio-language model. Adding a family is one file and one line here."""

from pathlib import Path

from foundation.errors import InputError
from models.audio_language.granite_speech import GraniteSpeech
from models.audio_language.model import AudioLanguageModel
from models.audio_language.phi4_multimodal import Phi4Multimodal
from models.audio_language.qwen2_audio import Qwen2Audio
from models.audio_language.qwen3_omni import Qwen3Omni
from models.audio_language.qwen_omni import Qwen25Omni
from models.audio_language.voxtral import Voxtral
from models.storage.model_files import read_json
from models.translator import TranslatorOptions

# By `model_type` of the model folder's config.json.
FAMILIES: dict[str, type[AudioLanguageModel]] = {
    kind: family
    for family in (Qwen2Audio, Voxtral, Qwen25Omni, GraniteSpeech, Qwen3Omni, Phi4Multimodal)
    for kind in family.kinds
}


def load_audio_language_model(path: Path, options: TranslatorOptions) -> AudioLanguageModel:
    """Load a model folder. Raises InputError when it holds no audio-language model that is known here."""
    config = path / "config.json"
    kind = read_json(config).get("model_type") if config.is_file() else None
    if not isinstance(kind, str) or kind not in FAMILIES:
        raise InputError(
            f"{path} holds {f'a {kind!r} model' if kind else 'no config.json'}, no audio-language model that "
            f"is known here ({', '.join(FAMILIES)}): give another model"
        )
    return FAMILIES[kind].load(path, options)
