"""Our agents as a speech processor of simulstream, which the shared task runs.

A YAML file tells simulstream's servers and `simulstream_inference` what to load:

    type: serve.processor.StreamingProcessor
    agent: reina
    model: reina-mini
    target_language: de

Its keys are those of an evaluation file's agent (OPTIONS.md), and those of SimulstreamOptions. The servers
keep a pool of processors, one for each client: all of one configuration share one model, and their streams,
whatever their languages, are decoded in one batch.

What simulstream 1.0.0 does with errors. Its WebSocket server closes the connection of a client whose audio
is refused. It logs what goes wrong with a message of text (languages, the end), and the client waits for an
answer in vain: so that nobody gets a translation into a language not asked for, the audio behind a language
that the model lacks is refused, too. Its HTTP processor server drops the request; `simulstream_inference`
ends.
"""

import sys
from types import SimpleNamespace

import numpy as np
from simulstream.server.speech_processors import SAMPLE_RATE, SpeechProcessor
from simulstream.server.speech_processors.incremental_output import IncrementalOutput

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.configuration.agent_configuration import configure_agent
from foundation.errors import InputError
from serve.live_stream import LiveStream
from serve.served_agent import ServedAgent, served_agent
from serve.simulstream_options import SimulstreamOptions
from serve.tokens import tokens

PLACE = "the speech processor's file"


class StreamingProcessor(SpeechProcessor):
    """One client's place. Nothing that was written is ever deleted.

    `clear` forgets everything, the languages that the client asked for too, and waits for nobody: what a step
    still in progress finds goes to whoever asked for it.
    """

    @classmethod
    def load_model(cls, config: SimpleNamespace) -> None:
        """Load the model, or find it loaded: simulstream asks once for each place.

        Servers call this when they start: bad input ends the program with one line instead of a traceback.
        """
        try:
            _agent(config)
        except InputError as error:
            sys.exit(f"error: {error}")

    def __init__(self, config: SimpleNamespace) -> None:
        """Raises InputError where an agent cannot be made of the configuration."""
        super().__init__(config)
        self._agent = _agent(config)
        self._stream = LiveStream(self._agent)

    @property
    def speech_chunk_size(self) -> float:
        """Seconds of audio that simulstream collects for a chunk: `chunk_ms`.

        It cuts int(rate * size) samples, and takes them for a chunk if they last at least `size`. Where that
        product is rounded down it would wait for a second chunk: the size is a sample shorter then.
        """
        samples = self._agent.chunk_ms * SAMPLE_RATE // 1000
        while int(SAMPLE_RATE * (samples / SAMPLE_RATE)) < samples:
            samples -= 1
        return samples / SAMPLE_RATE

    def set_source_language(self, language: str) -> None:
        """What is spoken from the next stream on; see `LiveStream.set_language` for what is refused."""
        self._stream.set_language("source", language)

    def set_target_language(self, language: str) -> None:
        """What is written from the next stream on; see `LiveStream.set_language` for what is refused."""
        self._stream.set_language("target", language)

    def process_chunk(self, waveform: np.ndarray) -> IncrementalOutput:
        """waveform (n,) float32 at 16 kHz, of any length: a decision is made once a chunk is there."""
        return _output(self._stream.hear(waveform))

    def end_of_stream(self) -> IncrementalOutput:
        """The rest of the text. Audio after it is refused until `clear`, with which servers begin anew."""
        return _output(self._stream.end())

    def tokens_to_string(self, tokens: list[str]) -> str:
        """Tokens hold their spaces."""
        return "".join(tokens)

    def clear(self) -> None:
        self._stream = LiveStream(self._agent)


def _agent(config: SimpleNamespace) -> ServedAgent:
    values = vars(config)
    if "speech_chunk_size" in values:
        raise InputError(f"{PLACE}: the agent's chunk_ms, in ms, takes the place of speech_chunk_size")
    configuration, _ = configure_agent(values, PLACE, others=(SimulstreamOptions,))
    return served_agent(configuration)


def _output(text: str) -> IncrementalOutput:
    return IncrementalOutput(tokens(text), text, [], "")
