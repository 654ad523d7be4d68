"""One client's stream between its inbox and the engine: what it asked for, and what it has been shown."""

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from agents.policy import Policy
from agents.stream.decision import Decision
from agents.stream.state import StreamState
from foundation.errors import InputError
from serve.asked_languages import AskedLanguages
from serve.served_agent import ServedAgent
from serve.web.answers import answer
from serve.web.client_message import ClientOptions
from serve.web.inbox import Chunk
from serve.web.policy_catalog import PolicyCatalog
from serve.web.shown_text import ShownText, unwritten_text


@dataclass(frozen=True)
class Wishes:
    """What stays from one stream of a client to its next."""

    policy: str
    knob: float | None = None
    stability: str = "append"
    catch_up: bool = False
    report: tuple[str, ...] = ()


class ClientStream:
    """From the first audio to the end. Its calls come from one task, one after the other."""

    def __init__(self, agent: ServedAgent, catalog: PolicyCatalog, wishes: Wishes) -> None:
        self.wishes = wishes
        self.shown = ShownText()
        self.new_words = 0  # final ones of the newest answer
        self._agent = agent
        self._catalog = catalog
        self._languages = AskedLanguages(agent)
        self._glossary: tuple[int, ...] | None = None  # None: the agent's
        self._stream: StreamState | None = None

    @property
    def has_begun(self) -> bool:
        return self._stream is not None

    @property
    def heard_s(self) -> float:
        return 0.0 if self._stream is None else self._stream.audio.heard_ms / 1000

    @property
    def in_characters(self) -> bool:
        """Whether what it writes has no spaces."""
        return self._stream is not None and self._stream.character_units

    def set(self, options: ClientOptions) -> None:
        """Change what a message speaks of; the policy from the next chunk on.

        Raises InputError for what cannot be, and then changes nothing but languages in front of it.
        """
        if options.source_lang is not None:
            self._languages.ask("source", options.source_lang, self.has_begun)
        if options.target_lang is not None:
            self._languages.ask("target", options.target_lang, self.has_begun)
        glossary = self._glossary
        if options.context is not None:
            if self.has_begun:
                raise InputError(
                    "a stream keeps the context that it began with: tell another before its audio"
                )
            glossary = self._agent.glossary(options.context)
        wishes = self._wishes_with(options)
        if (wishes.policy, wishes.knob) != (self.wishes.policy, self.wishes.knob):
            self._set_policy(self._catalog.choose(wishes.policy, wishes.knob))
        self.wishes, self._glossary = wishes, glossary

    def _wishes_with(self, options: ClientOptions) -> Wishes:
        """Raises InputError for a policy that is not there, and a preview where there can be none."""
        wishes = self.wishes
        if options.policy is not None or options.knob is not None:
            name = wishes.policy if options.policy is None else options.policy
            wishes = replace(wishes, policy=name, knob=options.knob)
        for name in ("stability", "catch_up", "report"):
            if getattr(options, name) is not None:
                wishes = replace(wishes, **{name: getattr(options, name)})
        if self._catalog.choose(wishes.policy, wishes.knob).hears_whole and wishes.stability == "preview":
            raise InputError(
                f"policy {wishes.policy} hears everything before its first word, so that there is nothing to "
                "preview: ask for the stability append, or for another policy"
            )
        return wishes

    async def hear(self, chunk: Chunk) -> dict[str, Any]:
        """The answer to a chunk. Raises InputError where the stream cannot go on."""
        if self._stream is None:
            self._languages.check()
            policy = self._catalog.choose(self.wishes.policy, self.wishes.knob)
            self._stream = self._agent.open_stream(self._languages.pair, policy, self._glossary)
        return await self._step(chunk.samples, chunk.sample_rate, False)

    async def end(self) -> dict[str, Any]:
        """The rest of the text."""
        self.new_words = 0
        if self._stream is None:
            return {"new": "", "deleted": ""}
        return await self._step(np.zeros(0, np.int16), None, True)

    async def _step(self, samples: np.ndarray, sample_rate: int | None, ends: bool) -> dict[str, Any]:
        stream, report = self._stream, self.wishes.report
        previews = self.wishes.stability == "preview" and not ends
        stream.previews = previews
        future: Future[Decision] = self._agent.engine.submit(
            stream,
            partial(stream.audio.append, samples, sample_rate, ends),
            with_scores="scores" in report,
            with_times="times" in report,
            with_attention="attention" in report,
        )
        decision = await asyncio.wrap_future(future)
        if decision.error is not None:
            raise InputError(f"this stream has stopped: {decision.error}") from decision.error
        tokenizer = self._agent.engine.engine.translator.tokenizer
        preview = unwritten_text(stream, tokenizer) if previews else ""
        change = self.shown.write(decision.text, preview)
        self.new_words = len(decision.text.split())
        told = answer(decision, change, self.shown.final_text, report, tokenizer.decode)
        if self.wishes.stability == "preview":
            told["preview"] = self.shown.preview
        return told

    def _set_policy(self, policy: Policy) -> None:
        """The stream goes on by this policy, which remembers nothing of what came before."""
        stream = self._stream
        if stream is None or stream.policy == policy:
            return
        if stream.policy.hears_whole != policy.hears_whole:
            raise InputError("a stream that hears everything first, or does not, stays so: begin a new one")
        stream.policy = policy
        stream.policy_memory = policy.open_memory()
