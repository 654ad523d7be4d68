"""Loads what an agent translates with: a model, or a recogniser and a model that reads its text."""

from collections.abc import Iterable

from agents.cascade.configuration import Recogniser
from agents.cascade.translator import CascadeTranslator
from agents.engine import StreamingEngine
from agents.history_options import HistoryOptions
from foundation.errors import InputError
from models.policy.scored_translator import ScoredTranslator
from models.registry import load_translator, load_translators
from models.translator import Translator, TranslatorOptions


def load_agent_translators(
    models: Iterable[str], options: TranslatorOptions, recogniser: Recogniser | None
) -> dict[str, Translator]:
    """The translators of agents that share a recogniser, by their models' names; see `load_translators`.

    recogniser: None where the models hear themselves. Raises InputError where a model cannot be loaded, or
    reads text and has no recogniser, or hears and has one.
    """
    found = load_translators(models, options)
    if recogniser is None:
        for name, translator in found.items():
            if translator.reads_text:
                raise InputError(
                    f"the model {name!r} translates text and hears nothing: add a recogniser, such as "
                    "--recogniser openai/whisper-base"
                )
        return found
    hearing = StreamingEngine(
        load_translator(recogniser.model, recogniser.translator),
        recogniser.search,
        history=HistoryOptions(history="none"),  # the cascade's own says what both forget
    )
    return {name: _cascade(translator, hearing, recogniser, options) for name, translator in found.items()}


def load_agent_translator(
    model: str, options: TranslatorOptions, recogniser: Recogniser | None
) -> Translator:
    """The translator of one agent, as `load_agent_translators`."""
    return load_agent_translators([model], options, recogniser)[model]


def _cascade(
    text: Translator, hearing: StreamingEngine, recogniser: Recogniser, options: TranslatorOptions
) -> Translator:
    if not isinstance(text, ScoredTranslator):
        return CascadeTranslator(text, hearing, recogniser.policy)
    # The policy network scores what the cascade decodes.
    cascade = CascadeTranslator(text.base, hearing, recogniser.policy)
    dtype = options.decoder_dtype()
    return ScoredTranslator(cascade, text.network, text.threshold, dtype, text.agreeing_chunks)
