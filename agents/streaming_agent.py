"""SimulEval's agent interface over Translator x Policy x search.

An agent file names its policy and nothing else. SimulEval calls `pushpop` with each piece of audio;
whenever a chunk is complete the engine advances this one stream.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from simuleval.agents import SpeechToTextAgent
from simuleval.agents.actions import Action, ReadAction, WriteAction
from simuleval.agents.states import AgentStates
from simuleval.data.segments import EmptySegment, Segment

import agents.test_set.list_dataloader  # noqa: F401  takes the place of SimulEval's own
from agents.cascade.recogniser_options import RecogniserOptions
from agents.history_options import HistoryOptions
from agents.policy import Policy
from agents.stream.chunk_record import ChunkRecord
from agents.test_set.input_lists import check_lists, check_test_set
from agents.test_set.text_scoring import bleu_tokenizer, check_text_scoring, check_tokenizer, latency_unit
from foundation.command_line import add_options, read_options
from foundation.commands import load
from foundation.errors import InputError
from foundation.options import check_options, option
from models.decoding.options import SearchOptions
from models.languages import LanguagePair
from models.sound.speech_activity_options import SpeechActivityOptions
from models.translator_options import TranslatorOptions

if TYPE_CHECKING:  # options are read before torch is imported
    from agents.engine import StreamingEngine
    from agents.stream.state import StreamState


@dataclass(frozen=True)
class AgentOptions:
    """What every agent needs to know."""

    model: str = option("openai/whisper-base", "The model is this folder, checkpoint file or name.")
    source_language: str = option("en", "This language is spoken, as a code like en or de.")
    target_language: str = option("en", "This language is written; the same as spoken means transcription.")
    chunk_ms: int = option(
        500,
        "So much audio comes between two decisions; it is also SimulEval's --source-segment-size.",
        at_least=1,
        at_most=3_600_000,
    )

    def __post_init__(self) -> None:
        check_options(self)


Agent = TypeVar("Agent", bound="StreamingAgent")

# What every agent takes from the command line, besides the fields of its policy.
SHARED_OPTIONS = (
    AgentOptions,
    TranslatorOptions,
    RecogniserOptions,
    SearchOptions,
    SpeechActivityOptions,
    HistoryOptions,
)
# Of agents that run on a shipped model; it also writes French.
SHIPPED_LANGUAGES = {"source_language": "en", "target_language": "de"}


class TranslationStates(AgentStates):
    """SimulEval's states; the audio goes straight to the stream instead of into a Python list."""

    def __init__(self, engine: StreamingEngine, policy: Policy, languages: LanguagePair) -> None:
        self._engine = engine
        self._policy = policy
        self._languages = languages
        super().__init__()

    def reset(self) -> None:
        super().reset()
        self.stream: StreamState = self._engine.open_stream(self._policy, self._languages)
        self.records: list[ChunkRecord] = []
        self.intake_s = 0.0  # wall-clock time of taking audio in since the last decision

    def update_source(self, segment: Segment) -> None:
        started = time.perf_counter()
        self.source_finished = segment.finished
        if isinstance(segment, EmptySegment):
            self.stream.audio.append([], None, segment.finished)
        else:
            self.source_sample_rate = segment.sample_rate
            self.stream.audio.append(segment.content, segment.sample_rate, segment.finished)
        self.intake_s += time.perf_counter() - started


class StreamingAgent(SpeechToTextAgent):
    """Base of all agents: subclass, name a `policy_class`, and decorate with @entrypoint."""

    policy_class: ClassVar[type[Policy]]
    # The decisions of each finished utterance; kept only for whoever puts a list here.
    utterance_records: list[list[ChunkRecord]] | None = None
    # What an agent prefers to the defaults of SHARED_OPTIONS, by name.
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, args: Namespace) -> None:
        options = read_options(args, AgentOptions)
        # The attributes come first: SimulEval's constructor builds and resets the states.
        self.chunk_ms = options.chunk_ms
        self.read_write_policy = read_options(args, self.policy_class)
        self.languages = LanguagePair(options.source_language, options.target_language)
        translator_options, search, speech, history = (
            _translator_options(args),
            read_options(args, SearchOptions),
            read_options(args, SpeechActivityOptions),
            read_options(args, HistoryOptions),
        )
        # It knows all agents, which begin with this file.
        configure_recogniser = load("agents.configuration.agent_configuration:configure_recogniser")
        recogniser = configure_recogniser(read_options(args, RecogniserOptions), options, translator_options)
        # These bring torch, which nobody waits for whose arguments are refused.
        from agents.cascade.loading import load_agent_translator
        from agents.engine import StreamingEngine

        translator = load_agent_translator(options.model, translator_options, recogniser)
        self.engine = StreamingEngine(translator, search, speech, history)
        super().__init__(args)

    @classmethod
    def add_args(cls, parser: ArgumentParser) -> None:
        for options_class in (*SHARED_OPTIONS, cls.policy_class):
            add_options(parser, options_class, cls.defaults)
        chosen, _ = parser.parse_known_args()
        parser.set_defaults(
            # SimulEval's own default of 1 ms would call the agent a thousand times a second.
            source_segment_size=chosen.chunk_ms,
            eval_latency_unit=latency_unit(chosen.target_language),
            sacrebleu_tokenizer=bleu_tokenizer(chosen.target_language),
        )
        # In place of SimulEval's, which would make a folder called "~".
        parser.add_argument("--output", type=os.path.expanduser, help="Output directory.")

    @classmethod
    def from_args(cls, args: Namespace) -> StreamingAgent:
        """Build the agent; bad input ends the program with one line instead of a traceback.

        SimulEval builds the agent before it opens an output folder, so the test set is checked here, and
        whether what is to be counted fits the language.
        """
        try:
            _check_scoring(args)
            has_test_set = getattr(args, "source", None) is not None
            if has_test_set:
                check_lists(args.source, args.target)
            agent = cls(args)
            if has_test_set:
                check_test_set(args.source, args.target, agent.engine.longest_audio_ms)
        except InputError as error:
            sys.exit(f"error: {error}")
        return agent

    @classmethod
    def own_behaviour(cls) -> list[str]:
        """Names of the functions that subclasses define: such an agent is more than its policy."""
        derived = cls.__mro__[: cls.__mro__.index(StreamingAgent)]
        kinds = (FunctionType, classmethod, staticmethod, property)
        found = [(name, value) for one in derived for name, value in vars(one).items()]
        return sorted(name for name, value in found if isinstance(value, kinds))

    def to(self, device: str, *args, **kwargs) -> None:
        """The model was loaded to --device in --dtype already; SimulEval asks once more."""

    def build_states(self) -> TranslationStates:
        return TranslationStates(self.engine, self.read_write_policy, self.languages)

    def policy(self, states: TranslationStates | None = None) -> Action:
        states = self.states if states is None else states
        if not states.stream.audio.is_due(self.chunk_ms):
            return ReadAction()
        text = self._decide(states)
        if states.source_finished:
            if self.utterance_records is not None:
                self.utterance_records.append(states.records)
            return WriteAction(text, finished=True)
        return WriteAction(text, finished=False) if text.strip() else ReadAction()

    def _decide(self, states: TranslationStates) -> str:
        """The text that is new after this chunk. Decoding returns text, so no device work is left over."""
        started = time.perf_counter()
        [decision] = self.engine.step([states.stream], with_scores=self.utterance_records is not None)
        if decision.error is not None:
            raise decision.error
        compute_ms = 1000 * (time.perf_counter() - started + states.intake_s)
        states.intake_s = 0.0
        states.records.append(ChunkRecord(decision.heard_ms, compute_ms, decision.text, decision.scores))
        return decision.text


def entrypoint(agent_class: type[Agent]) -> type[Agent]:
    """Make SimulEval find the agent in its file, as SimulEval's own decorator of this name does.

    That one imports all scorers. Where SimulEval runs it is there already; else nobody asks for the agent.
    """
    if "simuleval.utils" in sys.modules:
        sys.modules["simuleval.utils"].EVALUATION_SYSTEM_LIST.append(agent_class)
    return agent_class


def _check_scoring(args: Namespace) -> None:
    """Raises InputError where SimulEval would score text of the target language by what it does not have."""
    if getattr(args, "quality_metrics", None) is None:
        return  # a program of its own, or SimulEval's --system-dir: nothing is said of scores
    has_bleu = not args.no_scoring and "BLEU" in args.quality_metrics
    tokenizer = args.sacrebleu_tokenizer if has_bleu else None
    check_text_scoring(args.target_language, args.eval_latency_unit, tokenizer)
    if tokenizer is not None:
        check_tokenizer(tokenizer)


def _translator_options(args: Namespace) -> TranslatorOptions:
    options = read_options(args, TranslatorOptions)
    # SimulEval has half-precision flags of its own, which know neither bfloat16 nor a default.
    half = getattr(args, "fp16", False) or getattr(args, "dtype", None) == "fp16"
    return replace(options, precision="float16") if half else options
