"""Any translator with a policy network on top: each decoding step also gives the policy's score.

Shapes: R rows, N tokens.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from foundation.errors import InputError
from models.languages import LanguagePair
from models.layers.row_cache import TokenCache
from models.layers.transfers import to_device
from models.policy.network import PolicyNetwork
from models.storage.word_lists import WordList
from models.translator import (
    AudioStream,
    DecoderOutput,
    DecoderState,
    Memory,
    Reading,
    SteppedStream,
    Translator,
    at_last,
    last_places,
)


class ScoredState(DecoderState):
    """The translator's rows, and beside each what the policy network has read of it."""

    def __init__(self, translation: DecoderState, cache: TokenCache, heard_s: Tensor) -> None:
        """heard_s (R,): seconds of audio that each row has heard."""
        self.translation = translation
        self.cache = cache
        self.heard_s = heard_s

    def select(self, rows: Tensor) -> None:
        self.translation.select(rows)
        self.cache.select(rows)
        self.heard_s = self.heard_s[to_device(rows, self.heard_s.device)]

    def resume(self, rows: Tensor, dropped: Tensor) -> None:
        self.translation.resume(rows, dropped)
        self.cache.resume(rows, dropped)
        self.heard_s = self.heard_s[to_device(rows, self.heard_s.device)]


class ScoredTranslator(Translator):
    """The translator `base`, unchanged but for `policy_score` in what it returns."""

    def __init__(
        self,
        base: Translator,
        network: PolicyNetwork,
        threshold: float | None = None,
        dtype: torch.dtype = torch.float32,
        agreeing_chunks: int | None = None,
    ) -> None:
        """threshold, agreeing_chunks: what the model recommends. Raises InputError if sizes differ."""
        wanted = network.options.hidden_width
        if base.hidden_width != wanted:
            raise InputError(
                f"the policy reads hidden states of width {wanted}, but the model's have width "
                f"{base.hidden_width}: give the model that the policy was trained on"
            )
        super().__init__()
        self._dtype = dtype
        self.base = base
        self.network = network.to(base.device, dtype).eval().requires_grad_(False)
        self.threshold = threshold
        self.agreeing_chunks = agreeing_chunks
        self.tokenizer = base.tokenizer
        self.maximum_audio_ms = base.maximum_audio_ms
        self.maximum_tokens = base.maximum_tokens
        self.hidden_width = base.hidden_width
        self.device = base.device
        self.silence_ms = base.silence_ms
        self.encoded_silence_ms = base.encoded_silence_ms
        self.bytes_per_audio_s = base.bytes_per_audio_s
        self.reads_ahead = base.reads_ahead
        self.steps_in_threads = base.steps_in_threads
        self.reads_text = base.reads_text
        self.hears_in_steps = base.hears_in_steps

    def open_stream(self, whole: bool = False, *languages: LanguagePair) -> AudioStream:
        """languages: where the base `hears_in_steps`, which asks for them."""
        return self.base.open_stream(whole, *languages)

    def word_list(self, prompt: Sequence[int]) -> WordList | None:
        return self.base.word_list(prompt)

    def listen(self, streams: Sequence[SteppedStream], ended: Sequence[bool]) -> None:
        self.base.listen(streams, ended)

    def encode_streams(self, streams: Sequence[AudioStream]) -> Memory:
        return self.base.encode_streams(streams)

    @torch.inference_mode()
    def start(
        self,
        memory: Memory,
        prefixes: Sequence[Sequence[int]],
        listens_to: Sequence[int] | None = None,
        with_attention: bool = False,
    ) -> tuple[ScoredState, DecoderOutput]:
        translation, output = self.base.start(memory, prefixes, listens_to, with_attention)
        state = self._open(translation, memory, len(prefixes), listens_to)
        return state, self._score(state, output)

    @torch.inference_mode()
    def read(
        self,
        memory: Memory,
        texts: Sequence[Sequence[int]],
        told: Sequence[int],
        listens_to: Sequence[int] | None = None,
        with_attention: bool = False,
    ) -> tuple[ScoredState, Reading]:
        translation, reading = self.base.read(memory, texts, told, listens_to, with_attention)
        state = self._open(translation, memory, len(texts), listens_to)
        scores = self._scores(state, reading.hidden, reading.lengths)
        places = last_places(torch.arange(len(texts)), reading.lengths, torch.tensor(told))
        rows, places = (to_device(one, self.device) for one in places)
        return state, replace(reading, policy_score=scores[rows, places])

    def predict(self, hidden: Tensor) -> Tensor:
        return self.base.predict(hidden)

    def read_each_head(self, memory: Memory, text: Sequence[int], told: int) -> Tensor:
        return self.base.read_each_head(memory, text, told)

    @torch.inference_mode()
    def step(self, state: ScoredState, tokens: Tensor) -> DecoderOutput:
        return self._score(state, self.base.step(state.translation, tokens))

    def _open(
        self, translation: DecoderState, memory: Memory, rows: int, listens_to: Sequence[int] | None
    ) -> ScoredState:
        heard_s = memory.heard_ms / 1000
        if listens_to is not None:
            heard_s = heard_s[to_device(torch.tensor(listens_to), heard_s.device)]
        return ScoredState(translation, self.network.open_cache(rows, self.device), heard_s)

    def _scores(self, state: ScoredState, hidden: Tensor, lengths: Tensor) -> Tensor:
        """(R, N) of hidden states (R, N, D), of which lengths (R,), on the host, are real."""
        hidden = hidden.to(self._dtype)
        return self.network.score_tokens(hidden, lengths, state.heard_s[: len(hidden)], state.cache)

    def _score(self, state: ScoredState, output: DecoderOutput) -> DecoderOutput:
        scores = self._scores(state, output.hidden, output.hidden_lengths)
        return replace(output, policy_score=at_last(scores, output.hidden_lengths))
