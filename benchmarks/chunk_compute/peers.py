"""What ours is measured against, by name: the same policy as others do it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from simuleval.agents import SpeechToTextAgent

from agents.configuration.agent_configuration import AgentConfiguration
from foundation.errors import InputError
from foundation.options import unknown_name
from models.languages import LanguagePair
from models.registry import load_translator
from models.whisper.translator import WhisperTranslator

TRANSFORMERS, REDECODING, INT8 = "transformers", "re-decoding", "CTranslate2 int8"
SIMULSTREAMING = "SimulStreaming"
SILENCE_MS = 5000  # in place of the window, in peers that say so
# The first peer of each policy is what ratios refer to.
PEERS: Mapping[str, tuple[str, ...]] = {
    "holdn": (
        TRANSFORMERS,
        "CTranslate2 float32",
        INT8,
        "CTranslate2 float32, 5 s of silence",
        "CTranslate2 int8, 5 s of silence",
    ),
    "alignatt": (SIMULSTREAMING, REDECODING),
}


def peer_names(
    policy: str, chosen: Sequence[str] = (), simulstreaming: Path | None = None
) -> tuple[tuple[str, ...], str | None]:
    """The peers of a policy, or those chosen of them, and a line about those that are left out here.

    simulstreaming: a checkout of it, without which it is no peer.

    Raises InputError for a name that no policy's peer has.
    """
    from benchmarks.chunk_compute.ctranslate2_holdn import has_ctranslate2

    known = [name for names in PEERS.values() for name in names]
    for name in chosen:
        if name not in known:
            raise unknown_name("peer", name, known)
    names = tuple(name for name in PEERS.get(policy, ()) if not chosen or name in chosen)
    if simulstreaming is None:
        names = tuple(name for name in names if name != SIMULSTREAMING)
    if has_ctranslate2():
        return names, None
    there = tuple(name for name in names if not name.startswith("CTranslate2"))
    left_out = None if there == names else "CTranslate2 is left out: the package ctranslate2 is not installed"
    return there, left_out


class Peers:
    """Builds the peers of one policy over one model's weights."""

    def __init__(self, common: AgentConfiguration, simulstreaming: Path | None = None) -> None:
        """common: options that ours has in every setting. simulstreaming: a checkout of that peer.

        Raises InputError for a model that is no Whisper, or cannot be used.
        """
        agent = common.agent_options
        window = replace(common.translator, trailing_silence_ms=30_000, frozen_after_s=30.0)
        self._common = common
        self._simulstreaming = simulstreaming
        self._converted: dict[str, Any] = {}  # models of CTranslate2 by the type they compute in
        self._languages = LanguagePair(agent.source_language, agent.target_language)
        self._translator = load_translator(agent.model, window)
        if not isinstance(self._translator, WhisperTranslator):
            raise InputError(f"the peers run Whisper only, and {agent.model} is none: give another --model")

    def build(self, name: str) -> SpeechToTextAgent:
        if name == REDECODING:
            from benchmarks.chunk_compute.redecoding_alignatt import RedecodingAgent

            return RedecodingAgent(self._translator, self._languages, self._common.policy.recent_frames)
        if name == SIMULSTREAMING:
            from benchmarks.chunk_compute.simulstreaming import simulstreaming_agent

            frames = self._common.policy.recent_frames
            return simulstreaming_agent(self._simulstreaming, self._translator, self._languages, frames)
        if name == TRANSFORMERS:
            from benchmarks.chunk_compute.plain_holdn import TransformersHoldNAgent

            return self._holdn(TransformersHoldNAgent, self._plain_model, None)
        from benchmarks.chunk_compute.ctranslate2_holdn import CTranslate2HoldNAgent

        compute_type, *silence = name.removeprefix("CTranslate2 ").split(", ")
        if compute_type not in self._converted:
            self._converted[compute_type] = self._converter.load(compute_type)
        model = self._converted[compute_type]
        return self._holdn(CTranslate2HoldNAgent, model, SILENCE_MS if silence else None)

    def _holdn(self, agent_class: Callable, model, silence_ms: int | None) -> SpeechToTextAgent:
        held_tokens = self._common.policy.held_tokens
        return agent_class(
            model, self._translator, self._languages, self._common.search, held_tokens, silence_ms
        )

    @cached_property
    def _plain_model(self):
        import transformers

        from benchmarks.chunk_compute.plain_holdn import plain_model

        transformers.logging.set_verbosity_error()
        tokenizer = self._translator.tokenizer
        start = tokenizer.prompt(self._languages.source, self._languages.target)[0]
        agent, precision = self._common.agent_options, self._common.translator.precision
        return plain_model(agent.model, precision, tokenizer.end_of_sequence, start)

    @cached_property
    def _converter(self):
        from benchmarks.chunk_compute.ctranslate2_holdn import ConvertedWhisper

        return ConvertedWhisper(self._plain_model, self._translator.tokenizer)
