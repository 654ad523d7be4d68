"""An agent in memory, ready for any number of clients. Equal configurations share one, and so one model."""

import logging
import threading
import time
from dataclasses import dataclass

import torch

from agents.configuration.agent_configuration import AgentConfiguration
from agents.configuration.agent_engine import load_engine
from agents.glossary import told_tokens
from agents.policy import Policy
from agents.stream.state import StreamState
from foundation.errors import InputError
from models.languages import LanguagePair
from models.translator import Translator
from serve.shared_engine import SharedEngine


@dataclass(frozen=True)
class ServedAgent:
    """What clients need of an agent."""

    engine: SharedEngine
    policy: Policy
    languages: LanguagePair  # of clients that ask for no others
    chunk_ms: int  # so much audio comes between two decisions

    def open_stream(
        self,
        languages: LanguagePair,
        policy: Policy | None = None,
        glossary: tuple[int, ...] | None = None,
    ) -> StreamState:
        """A stream of its own, by the agent's policy or another, and with its glossary or another.

        Raises InputError for a pair that the model cannot do, and a policy that cannot run on it.
        """
        policy = self.policy if policy is None else policy
        return self.engine.engine.open_stream(policy, languages, glossary=glossary)

    def glossary(self, text: str) -> tuple[int, ...]:
        """Tokens of the words that a client expects; none for an empty text.

        Raises InputError where the model knows no prompts, or has not so much room.
        """
        return told_tokens(self.engine.engine.translator, text)

    def language_code(self, language: str) -> str:
        """The model's code of a language. Raises InputError for one that it does not know."""
        return self.engine.engine.translator.tokenizer.language_code(language)


logger = logging.getLogger(__name__)

# More of them get in each other's way in Python; a large model has more of a core in each multiplication.
USUAL_WORKERS = 2

_agents: dict[AgentConfiguration, ServedAgent] = {}
_loading = threading.Lock()


def served_agent(configuration: AgentConfiguration, workers: int | None = None) -> ServedAgent:
    """The agent of a configuration, loaded when it is asked for first, and kept until the program ends.

    workers: threads that step, if it is loaded now; None: as many as suit the model and the machine.

    Raises InputError when the model cannot be loaded, the policy cannot run on it, it cannot do the language
    pair, or it takes one step at a time.
    """
    with _loading:
        if configuration not in _agents:
            _agents[configuration] = _load(configuration, workers)
        return _agents[configuration]


def _load(configuration: AgentConfiguration, workers: int | None) -> ServedAgent:
    options = configuration.agent_options
    logger.info("loading %s for the agent %s ...", options.model, configuration.agent)
    started = time.perf_counter()
    engine = load_engine(configuration)
    logger.info("loaded %s in %.1f s", options.model, time.perf_counter() - started)
    shared = SharedEngine(engine, workers=worker_count(engine.translator, workers))
    return ServedAgent(shared, configuration.policy, configuration.languages, options.chunk_ms)


def worker_count(translator: Translator, asked: int | None) -> int:
    """Threads that step. Raises InputError for more than one where the model takes one step at a time."""
    several = translator.steps_in_threads and translator.device.type == "cpu"
    if asked is None:
        return min(USUAL_WORKERS, torch.get_num_threads()) if several else 1
    if asked > 1 and not several:
        raise InputError(
            f"this model takes one step at a time, so that {asked} workers would wait for one another: "
            "leave --workers out"
        )
    return asked
