"""The engine of an agent, with its model in memory: for whoever steps streams without SimulEval."""

from agents.cascade.loading import load_agent_translator
from agents.configuration.agent_configuration import AgentConfiguration
from agents.engine import StreamingEngine
from foundation.errors import InputError


def load_engine(configuration: AgentConfiguration) -> StreamingEngine:
    """Load the model of an agent, its recogniser too, and open a first stream on it.

    Raises InputError where the model cannot be loaded, the policy cannot run on it, it cannot do the language
    pair, or the agent defines behaviour of its own.
    """
    own = configuration.agent_class.own_behaviour()
    if own:
        raise InputError(
            f"agent {configuration.agent} defines {', '.join(own)} of its own, which only SimulEval's "
            "loop calls: run it by `simulst evaluate`, or put what it does into its policy"
        )
    model = configuration.agent_options.model
    engine = StreamingEngine(
        load_agent_translator(model, configuration.translator, configuration.recogniser),
        configuration.search,
        configuration.speech,
        configuration.history,
    )
    engine.open_stream(configuration.policy, configuration.languages)  # whatever cannot work is said now
    return engine
