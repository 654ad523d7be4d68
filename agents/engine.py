"""The loop that all policies share: advance any number of streams by one chunk.

One stream is a SimulEval agent, hundreds are the batched simulator, connected clients are the
server. The result for a stream does not depend on the streams beside it.

What has been shown is exactly the text of the committed tokens: a word that is not complete yet is
neither shown nor committed, and may still change when more audio has come.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.policy import Policy, StreamView
from models.search import DecodingStep, Hypothesis, SearchOptions, StreamingSearch, StreamRequest
from models.translator import AudioStream, Translator
from models.units import CHARACTER_LANGUAGES, complete_units


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

    def append(self, samples: np.ndarray, duration_ms: float, finished: bool) -> None:
        """samples (n,) float32 at 16 kHz; duration_ms of the source that they stand for.

        The two differ by the resampler's short delay.
        """
        if len(samples):
            self.audio.append(samples)
        self.received_ms += duration_ms
        self.audio_finished = finished


class StreamingEngine:
    """Translator x policy x search, for one language pair."""

    def __init__(
        self, translator: Translator, options: SearchOptions, source_language: str, target_language: str
    ) -> None:
        """Raises InputError when the model cannot do the language pair."""
        self.translator = translator
        self.prompt = translator.tokenizer.prompt(source_language, target_language)
        self.character_units = translator.tokenizer.language_code(target_language) in CHARACTER_LANGUAGES
        self.search = StreamingSearch(translator, options, self.character_units)
        self._units_started = self.search.units_started.cpu()

    def open_stream(self, policy: Policy) -> StreamState:
        """A stream without audio yet. Raises InputError when the policy cannot run on this model."""
        policy = policy.for_model(self.translator)
        return StreamState(self.translator.open_stream(), policy, policy.open_memory())

    def advance(self, streams: Sequence[StreamState]) -> list[str]:
        """Decode the audio that each stream has heard so far; return the text that is new in each.

        Streams of one AudioStream object (several policies over the same audio) share its encoding.
        """
        limits = [self._units_allowed(stream) for stream in streams]
        active = [at for at, limit in enumerate(limits) if limit != 0 and streams[at].audio.duration_ms > 0]
        new_text = [""] * len(streams)
        if not active:
            return new_text
        hypotheses = self._decode([streams[at] for at in active], [limits[at] for at in active])
        for at, hypothesis in zip(active, hypotheses, strict=True):
            new_text[at] = self._commit(streams[at], hypothesis, limits[at])
        return new_text

    def _units_allowed(self, stream: StreamState) -> int | None:
        if stream.audio_finished:
            return None
        return stream.policy.units_allowed(_view(stream))

    def _decode(self, streams: Sequence[StreamState], limits: Sequence[int | None]) -> list[Hypothesis]:
        audio = list({id(stream.audio): stream.audio for stream in streams}.values())
        place = {id(one): at for at, one in enumerate(audio)}
        requests = [
            StreamRequest(
                prompt=self.prompt,
                committed=stream.committed,
                audio_finished=stream.audio_finished,
                token_limit=self.search.options.token_limit(
                    stream.received_ms, len(stream.committed), stream.audio_finished
                ),
                unit_limit=limit,
                listens_to=place[id(stream.audio)],
            )
            for stream, limit in zip(streams, limits, strict=True)
        ]
        policies = [stream.policy for stream in streams]
        return self.search.advance(
            self.translator.encode_streams(audio),
            requests,
            read=lambda step: _read(policies, step),
            with_attention=any(
                stream.policy.needs_attention and not stream.audio_finished for stream in streams
            ),
        )

    def _commit(self, stream: StreamState, hypothesis: Hypothesis, limit: int | None) -> str:
        tokens, next_token = hypothesis.tokens, hypothesis.next_token
        if not stream.audio_finished:
            count = stream.policy.commit(hypothesis, _view(stream))
            tokens, next_token = tokens[:count], (*tokens, next_token)[count]
            if not self.character_units:
                tokens = tokens[: complete_units(tokens, next_token, self._units_started, limit)]
        stream.committed.extend(tokens)
        stream.units_written += int(self._units_started[list(tokens)].sum())
        text = self.translator.tokenizer.decode(stream.committed)
        new_text = text[len(stream.shown) :]
        stream.shown = text
        return new_text


def _view(stream: StreamState) -> StreamView:
    return StreamView(stream.received_ms, stream.units_written, stream.committed, stream.policy_memory)


def _read(policies: Sequence[Policy], step: DecodingStep) -> Tensor:
    """Ask each policy about the rows of its own streams. Equal policies are asked once."""
    reads = torch.zeros(len(step.streams), dtype=torch.bool, device=step.streams.device)
    owner = [policies[stream] for stream in step.streams.tolist()]
    for policy in dict.fromkeys(owner):
        rows = torch.tensor([at for at, one in enumerate(owner) if one == policy], device=reads.device)
        decision = policy.read(step if len(rows) == len(owner) else step.select(rows))
        if decision is not None:
            reads[rows] = decision.to(reads.device)
    return reads
