"""Which translator reads which model. Adding a model is one file and one line here."""

from models.errors import InputError
from models.locate import locate_model
from models.translator import Translator, TranslatorOptions
from models.whisper_translator import WhisperTranslator

TRANSLATORS: tuple[type[Translator], ...] = (WhisperTranslator,)


def load_translator(model: str, options: TranslatorOptions) -> Translator:
    """Load a model by path or name (`models.locate`). Raises InputError when that cannot be done."""
    path = locate_model(model)
    for translator in TRANSLATORS:
        if translator.accepts(path):
            return translator.from_path(path, options)
    known = ", ".join(translator.__name__.removesuffix("Translator") for translator in TRANSLATORS)
    raise InputError(f"{path} is not a model that can be read here (known: {known}): check --model")
