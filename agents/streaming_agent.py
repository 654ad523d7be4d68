"""SimulEval's agent interface over Translator x Policy x search.

An agent file names its policy and nothing else. SimulEval calls `pushpop` with each piece of audio;
whenever a chunk is complete the engine advances this one stream.
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from simuleval.agents import SpeechToTextAgent
from simuleval.agents.actions import Action, ReadAction, WriteAction
from simuleval.agents.states import AgentStates
from simuleval.data.segments import EmptySegment, Segment

import agents.list_dataloader  # noqa: F401  takes the place of SimulEval's own
from agents.engine import StreamingEngine, StreamState
from agents.input_lists import check_test_set
from agents.options import add_options, read_options
from agents.policy import Policy
from agents.policy_scores import PolicyScores
from models.audio import AudioIntake
from models.errors import InputError
from models.registry import load_translator
from models.search import SearchOptions
from models.translator import TranslatorOptions, option


@dataclass(frozen=True)
class AgentOptions:
    """What every agent needs to know."""

    model: str = option("openai/whisper-base", "model folder, checkpoint file or name")
    source_language: str = option("en", "language spoken, as a code like en or de")
    target_language: str = option("en", "language written; the same as spoken means transcription")
    chunk_ms: int = option(500, "audio between two decisions; also SimulEval's --source-segment-size")

    def __post_init__(self) -> None:
        if self.chunk_ms < 1:
            raise InputError(f"chunk must be 1 ms or more, got {self.chunk_ms}")


# What every agent takes from the command line, besides the fields of its policy.
SHARED_OPTIONS = (AgentOptions, TranslatorOptions, SearchOptions)
# Of agents that run on a shipped model; it also writes French.
SHIPPED_LANGUAGES = {"source_language": "en", "target_language": "de"}


@dataclass(frozen=True)
class ChunkRecord:
    """One decision about one chunk of audio. Times are in ms."""

    arrival_ms: float  # end of the chunk in the source
    compute_ms: float | None  # wall-clock time of taking the audio in and of decoding; None: not known
    text: str  # what was written
    scores: PolicyScores | None = None  # what the policy saw, if it goes by scores


class TranslationStates(AgentStates):
    """SimulEval's states; the audio goes straight to the stream instead of into a Python list."""

    def __init__(self, engine: StreamingEngine, policy: Policy) -> None:
        self._engine = engine
        self._policy = policy
        super().__init__()

    def reset(self) -> None:
        super().reset()
        self.intake = AudioIntake()
        self.stream: StreamState = self._engine.open_stream(self._policy)
        self.decoded_ms = 0.0
        self.records: list[ChunkRecord] = []
        self.intake_s = 0.0  # wall-clock time of taking audio in since the last decision

    def update_source(self, segment: Segment) -> None:
        started = time.perf_counter()
        self._take_in(segment)
        self.intake_s += time.perf_counter() - started

    def _take_in(self, segment: Segment) -> None:
        self.source_finished = segment.finished
        if isinstance(segment, EmptySegment):
            self.stream.audio_finished = segment.finished
            return
        self.source_sample_rate = segment.sample_rate
        samples = self.intake.push(segment.content, segment.sample_rate, segment.finished)
        duration_ms = 1000 * len(segment.content) / segment.sample_rate
        self.stream.append(samples, duration_ms, segment.finished)


class StreamingAgent(SpeechToTextAgent):
    """Base of all agents: subclass, name a `policy_class`, and decorate with @entrypoint."""

    policy_class: ClassVar[type[Policy]]
    # The decisions of each finished utterance; kept only for whoever puts a list here.
    utterance_records: list[list[ChunkRecord]] | None = None
    # What an agent prefers to the defaults of AgentOptions, TranslatorOptions and SearchOptions, by name.
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, args: Namespace) -> None:
        options = read_options(args, AgentOptions)
        # The attributes come first: SimulEval's constructor builds and resets the states.
        self.chunk_ms = options.chunk_ms
        self.read_write_policy = read_options(args, self.policy_class)
        translator = load_translator(options.model, _translator_options(args))
        self.engine = StreamingEngine(
            translator, read_options(args, SearchOptions), options.source_language, options.target_language
        )
        super().__init__(args)

    @classmethod
    def add_args(cls, parser: ArgumentParser) -> None:
        for options_class in (*SHARED_OPTIONS, cls.policy_class):
            add_options(parser, options_class, cls.defaults)
        # SimulEval's own default of 1 ms would call the agent a thousand times a second.
        chosen, _ = parser.parse_known_args()
        parser.set_defaults(source_segment_size=chosen.chunk_ms)

    @classmethod
    def from_args(cls, args: Namespace) -> "StreamingAgent":
        """Build the agent; bad input ends the program with one line instead of a traceback.

        SimulEval builds the agent before it opens an output folder, so the test set is checked here.
        """
        try:
            agent = cls(args)
            if getattr(args, "source", None) is not None:
                check_test_set(args.source, args.target, agent.engine.translator.maximum_audio_ms)
        except InputError as error:
            sys.exit(f"error: {error}")
        return agent

    def to(self, device: str, *args, **kwargs) -> None:
        """The model was loaded to --device in --dtype already; SimulEval asks once more."""

    def build_states(self) -> TranslationStates:
        return TranslationStates(self.engine, self.read_write_policy)

    def policy(self, states: TranslationStates | None = None) -> Action:
        states = self.states if states is None else states
        stream = states.stream
        if states.source_finished:
            text = self._decide(states)
            if self.utterance_records is not None:
                self.utterance_records.append(states.records)
            return WriteAction(text, finished=True)
        # The tolerance is for sample rates of which a chunk is no whole number of samples.
        if stream.received_ms - states.decoded_ms < self.chunk_ms - 0.5:
            return ReadAction()
        states.decoded_ms = stream.received_ms
        text = self._decide(states)
        return WriteAction(text, finished=False) if text.strip() else ReadAction()

    def _decide(self, states: TranslationStates) -> str:
        """The text that is new after this chunk. Decoding returns text, so no device work is left over."""
        self.engine.keeps_scores = self.utterance_records is not None
        started = time.perf_counter()
        [text] = self.engine.advance([states.stream])
        compute_ms = 1000 * (time.perf_counter() - started + states.intake_s)
        states.intake_s = 0.0
        stream = states.stream
        states.records.append(ChunkRecord(stream.received_ms, compute_ms, text, stream.scores))
        return text


def _translator_options(args: Namespace) -> TranslatorOptions:
    options = read_options(args, TranslatorOptions)
    # SimulEval has half-precision flags of its own, which know neither bfloat16 nor a default.
    half = getattr(args, "fp16", False) or getattr(args, "dtype", None) == "fp16"
    return replace(options, precision="float16") if half else options
