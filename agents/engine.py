"""The loop that all policies share: advance any number of streams by one chunk.

One stream is a SimulEval agent, hundreds are the batched simulator, connected clients are the
server. The result for a stream does not depend on the streams beside it.

What has been shown is exactly the text of the committed tokens: a word that is not complete yet is
neither shown nor committed, and may still change when more audio has come.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.policy import Policy, StreamView
from agents.policy_scores import PolicyScores, ScoreTrace
from models.search import DecodingStep, Hypothesis, SearchOptions, StreamingSearch, StreamRequest
from models.translator import AudioStream, Memory, Translator
from models.units import complete_units, counts_characters, first_word_is_unmarked


@dataclass
class StreamState:
    """All that is remembered about one stream."""

    audio: AudioStream
    policy: Policy
    policy_memory: Any
    received_ms: float = 0.0  # source audio that has arrived
    audio_finished: bool = False
    committed: list[int] = field(default_factory=list)  # tokens written, never revised
    units_written: int = 0
    shown: str = ""  # their text
    scores: PolicyScores | None = None  # what the policy saw of the last chunk, if the engine keeps that

    def append(self, samples: np.ndarray, duration_ms: float, finished: bool) -> None:
        """samples (n,) float32 at 16 kHz; duration_ms of the source that they stand for.

        The two differ by the resampler's short delay.
        """
        if len(samples):
            self.audio.append(samples)
        self.received_ms += duration_ms
        self.audio_finished = finished


@dataclass(frozen=True)
class DueStream:
    """A stream whose policy lets it write now."""

    place: int  # among the streams that advance
    stream: StreamState
    unit_limit: int | None  # words, or characters, that it may write; None is any number


class StreamingEngine:
    """Translator x policy x search, for one language pair."""

    def __init__(
        self, translator: Translator, options: SearchOptions, source_language: str, target_language: str
    ) -> None:
        """Raises InputError when the model cannot do the language pair."""
        self.translator = translator
        self.prompt = translator.tokenizer.prompt(source_language, target_language)
        self.character_units = counts_characters(translator.tokenizer.language_code(target_language))
        self.search = StreamingSearch(translator, options, self.character_units)
        self.keeps_scores = False  # of policies: for whoever writes them down
        self._units_started = self.search.units_started.cpu()

    def open_stream(self, policy: Policy) -> StreamState:
        """A stream without audio yet. Raises InputError when the policy cannot run on this model."""
        policy = policy.for_model(self.translator)
        return StreamState(self.translator.open_stream(), policy, policy.open_memory())

    def advance(self, streams: Sequence[StreamState]) -> list[str]:
        """Decode the audio that each stream has heard so far; return the text that is new in each.

        Streams of one AudioStream object (several policies over the same audio) share its encoding.
        """
        [new_text] = advance_together([(self, streams)])
        return new_text

    def due(self, streams: Sequence[StreamState]) -> list[DueStream]:
        """Those streams that may write now, by their places. Asks each policy how much."""
        for stream in streams:
            stream.scores = None
        limits = [self._units_allowed(stream) for stream in streams]
        return [
            DueStream(place, stream, limit)
            for place, (stream, limit) in enumerate(zip(streams, limits, strict=True))
            if limit != 0 and stream.audio.duration_ms > 0
        ]

    def decode(self, due: Sequence[DueStream], memory: Memory, listens_to: Sequence[int]) -> list[str]:
        """The text that is new in each due stream, which hears row listens_to[r] of `memory`."""
        requests = [
            StreamRequest(
                prompt=self.prompt,
                committed=one.stream.committed,
                audio_finished=one.stream.audio_finished,
                token_limit=self.search.options.token_limit(
                    one.stream.received_ms, len(one.stream.committed), one.stream.audio_finished
                ),
                unit_limit=one.unit_limit,
                listens_to=heard,
            )
            for one, heard in zip(due, listens_to, strict=True)
        ]
        policies = [one.stream.policy for one in due]
        asked = [one.stream.policy for one in due if not one.stream.audio_finished]
        trace = ScoreTrace() if self.keeps_scores else None
        decisions = ScoreTrace() if self.search.options.look_ahead else None
        hypotheses = self.search.advance(
            memory,
            requests,
            read=partial(_read, policies, trace, decisions) if any(map(_decides, asked)) else None,
            with_attention=any(policy.needs_attention for policy in asked),
        )
        allowed = hypotheses
        if decisions is not None:
            allowed = [
                _until_read(hypothesis, reads)
                for hypothesis, reads in zip(hypotheses, decisions.of(hypotheses), strict=True)
            ]
        begun = [len(one.stream.committed) for one in due]
        texts = [
            self._commit(one.stream, hypothesis, one.unit_limit)
            for one, hypothesis in zip(due, allowed, strict=True)
        ]
        if trace is not None:
            for one, before, hypothesis, values in zip(
                due, begun, hypotheses, trace.of(hypotheses), strict=True
            ):
                self._keep_scores(one.stream, len(one.stream.committed) - before, hypothesis, values)
        return texts

    def _keep_scores(
        self, stream: StreamState, written: int, hypothesis: Hypothesis, values: Sequence[float | None]
    ) -> None:
        limit = stream.policy.score_limit
        if limit is not None and not stream.audio_finished:
            tokens = tuple(map(self._token_text, hypothesis.tokens))
            stream.scores = PolicyScores(float(limit), tokens, tuple(values), written)

    @cached_property
    def _token_text(self) -> Callable[[int], str]:
        return lru_cache(maxsize=None)(lambda token: self.translator.tokenizer.decode([token]))

    def _units_allowed(self, stream: StreamState) -> int | None:
        if stream.audio_finished:
            return None
        return stream.policy.units_allowed(_view(stream))

    def _commit(self, stream: StreamState, hypothesis: Hypothesis, limit: int | None) -> str:
        tokens, next_token = hypothesis.tokens, hypothesis.next_token
        if not stream.audio_finished:
            count = stream.policy.commit(hypothesis, _view(stream))
            tokens, next_token = tokens[:count], (*tokens, next_token)[count]
            if not self.character_units:
                begun = self._unmarked_words(stream, (*tokens, next_token))
                tokens = tokens[: complete_units(tokens, next_token, self._units_started, limit, begun)]
        stream.units_written += self._unmarked_words(stream, tokens)
        stream.units_written += int(self._units_started[list(tokens)].sum())
        stream.committed.extend(tokens)
        text = self.translator.tokenizer.decode(stream.committed)
        new_text = text[len(stream.shown) :]
        stream.shown = text
        return new_text

    def _unmarked_words(self, stream: StreamState, tokens: Sequence[int]) -> int:
        """1 if these tokens are a text's first and its first word has no space in front, else 0."""
        if stream.committed or self.character_units or not tokens:
            return 0
        first = torch.tensor(tokens[0])
        return int(first_word_is_unmarked(first, self._units_started, self.search.end))


def _view(stream: StreamState) -> StreamView:
    return StreamView(stream.received_ms, stream.units_written, stream.committed, stream.policy_memory)


def _decides(policy: Policy) -> bool:
    """Whether the policy looks at single steps at all."""
    return type(policy).read is not Policy.read


def _until_read(hypothesis: Hypothesis, reads: Sequence[float | None]) -> Hypothesis:
    """What stands before the first token that must wait: reads is 1 there, and None where nobody asked."""
    count = next((place for place, read in enumerate(reads) if read), len(hypothesis.tokens))
    if count == len(hypothesis.tokens):
        return hypothesis
    return replace(hypothesis, tokens=hypothesis.tokens[:count], next_token=hypothesis.tokens[count])


def _read(
    policies: Sequence[Policy], trace: ScoreTrace | None, decisions: ScoreTrace | None, step: DecodingStep
) -> Tensor:
    """Ask each policy about the rows of its own streams. Equal policies are asked once.

    Where decisions are kept, for later, no row READs now.
    """
    scores = torch.full(step.streams.shape, torch.nan, device=step.streams.device)
    reads = torch.zeros(len(step.streams), dtype=torch.bool, device=step.streams.device)
    rows_of: dict[Policy, list[int]] = {}
    for row, stream in enumerate(step.streams.tolist()):
        rows_of.setdefault(policies[stream], []).append(row)
    for policy, rows in rows_of.items():
        if not _decides(policy):
            continue
        places = torch.tensor(rows, device=reads.device)
        own = step if len(rows) == len(reads) else step.select(places)
        decision = policy.read(own)
        if decision is not None:
            reads[places] = decision.to(reads.device)
        if trace is not None and policy.score_limit is not None:
            scores[places] = policy.score(own).to(scores)
    if trace is not None:
        trace.add(step, scores)
    if decisions is not None:
        decisions.add(step, reads)
        return torch.zeros_like(reads)
    return reads


def advance_together(
    work: Sequence[tuple[StreamingEngine, Sequence[StreamState]]], streams_at_once: int | None = None
) -> list[list[str]]:
    """`StreamingEngine.advance` for several engines whose translators encode alike: that is done once.

    streams_at_once bounds the memory of decoding, whatever the number of streams; None is no bound.
    """
    new_text = [[""] * len(streams) for _, streams in work]
    due = [engine.due(streams) for engine, streams in work]
    audio = list({id(one.stream.audio): one.stream.audio for some in due for one in some}.values())
    if not audio:
        return new_text
    place = {id(one): at for at, one in enumerate(audio)}
    memory = work[0][0].translator.encode_streams(audio)
    for (engine, _), texts, waiting in zip(work, new_text, due, strict=True):
        size = streams_at_once or max(1, len(waiting))
        for start in range(0, len(waiting), size):
            some = waiting[start : start + size]
            listens_to = [place[id(one.stream.audio)] for one in some]
            used = sorted(set(listens_to))
            part = memory if len(used) == len(audio) else memory.select(used)
            decoded = engine.decode(some, part, [used.index(heard) for heard in listens_to])
            for one, text in zip(some, decoded, strict=True):
                texts[one.place] = text
    return new_text
