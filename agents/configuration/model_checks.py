"""What is wrong with an agent's models that their folders tell before torch is imported."""

from agents.configuration.agent_configuration import AgentConfiguration
from models.folder_languages import check_languages
from models.storage.locate import locate_model


def check_models(configuration: AgentConfiguration) -> None:
    """Raises InputError where a model is not there, or its folder tells that it cannot do the languages.

    Of a cascade's, which have to agree, languages are looked at when both have been loaded.
    """
    model, recogniser = configuration.agent_options.model, configuration.recogniser
    if recogniser is None:
        check_languages(model, configuration.languages)
        return
    locate_model(model)
    locate_model(recogniser.model)
