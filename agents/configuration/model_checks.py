"""What is wrong with an agent's models that their folders tell before torch is imported."""

from agents.configuration.agent_configuration import AgentConfiguration
from models.folder_languages import check_languages
from models.languages import LanguagePair


def check_models(configuration: AgentConfiguration) -> None:
    """Raises InputError where a model is not there, or its folder tells that it cannot do the languages."""
    languages, recogniser = configuration.languages, configuration.recogniser
    if recogniser is not None:
        check_languages(recogniser.model, LanguagePair(languages.source, languages.source))
    check_languages(configuration.agent_options.model, languages)
