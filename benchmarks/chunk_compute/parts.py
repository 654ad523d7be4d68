"""What an agent's chunk is made of: how much of a figure that grows, such as time, each part adds."""

import functools
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from simuleval.agents import SpeechToTextAgent

from agents.streaming_agent import StreamingAgent
from benchmarks.chunk_compute.redecoding_alignatt import RedecodingAgent
from models.policy.scored_translator import ScoredTranslator
from models.translator import Decoder, Translator

# Intake and features; the encoder; the decoder's keys and values of the audio; the forced text; each further
# token; output layers; a policy network; SimulEval, search and texts.
PARTS = ("features", "encoder", "cross keys", "prefill", "steps", "logits", "policy", "rest")
OUTSIDE = ("features", "rest")  # what is no network


# An object, the name of its method, and the part that it is, or what tells it from the method's arguments.
Watched = tuple[Any, str, str | Callable[..., str]]


class PlainPeer(Protocol):
    """A peer around another library, which says itself what its parts are: ours load without that library."""

    def parts(self) -> Sequence[Watched]: ...


class PartsWatch:
    """Attributes a figure to the parts of an agent, each without the parts inside it.

    A library that computes behind one call (CTranslate2) has no parts but features and `steps`.
    """

    def __init__(self, agent: SpeechToTextAgent | PlainPeer, figure: Callable[[], float]) -> None:
        """figure: read before and after each part; its growth is the part's."""
        self.figure = figure
        self.parts: dict[str, float] = defaultdict(float)
        self._inner = [0.0]
        self._watch(agent, "pushpop", "rest")
        self._watch(agent.states, "update_source", "features")
        if isinstance(agent, StreamingAgent):
            self._watch_translator(agent.engine.translator)
        elif isinstance(agent, RedecodingAgent):
            self._watch_translator(agent.translator)
        else:
            for watched in agent.parts():
                self._watch(*watched)

    def lap(self) -> dict[str, float]:
        """What each part has added since the last reading."""
        reading = {part: self.parts[part] for part in PARTS}
        self.parts.clear()
        return reading

    def _watch_translator(self, translator: Translator) -> None:
        if isinstance(translator, ScoredTranslator):
            self._watch_decoding(translator, "policy", "policy", "policy")
            translator = translator.base
        self._watch(translator, "encode_streams", "encoder")
        self._watch_features(translator)
        self._watch_decoding(translator, "prefill", "steps", "logits")
        for block in translator.model.decoder.blocks:
            for module in (block.cross_attn.key, block.cross_attn.value):
                self._watch(module, "forward", "cross keys")

    def _watch_decoding(self, decoder: Decoder, prefill: str, steps: str, logits: str) -> None:
        for name, part in (("start", prefill), ("read", prefill), ("step", steps), ("predict", logits)):
            self._watch(decoder, name, part)

    def _watch_features(self, translator: Translator) -> None:
        """Of every stream that is opened from now on."""
        open_stream = translator.open_stream

        def opened(*arguments, **keywords):
            stream = open_stream(*arguments, **keywords)
            self._watch(stream, "append", "features")
            self._watch(stream.features, "features_between", "features")
            return stream

        translator.open_stream = opened

    def _watch(self, owner: Any, name: str, part: str | Callable[..., str]) -> None:
        watched = getattr(owner, name)

        @functools.wraps(watched)  # transformers looks at signatures
        def measured(*args, **kwargs):
            self._inner.append(0.0)
            start = self.figure()
            try:
                return watched(*args, **kwargs)
            finally:
                grown = self.figure() - start
                chosen = part if isinstance(part, str) else part(*args, **kwargs)
                self.parts[chosen] += grown - self._inner.pop()
                self._inner[-1] += grown

        setattr(owner, name, measured)
