"""Any translator with a policy network on top: each decoding step also gives the policy's score.

Shapes: R rows, N tokens.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from foundation.errors import InputError
from models.layers.row_cache import TokenCache
from models.policy.network import PolicyNetwork
from models.translator import AudioStream, DecoderOutput, DecoderState, Memory, Translator


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
        self.heard_s = self.heard_s[rows]


class ScoredTranslator(Translator):
    """The translator `base`, unchanged but for `policy_score` in what it returns."""

    def __init__(
        self,
        base: Translator,
        network: PolicyNetwork,
        threshold: float | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """threshold: the one that the policy's authors recommend. Raises InputError if sizes differ."""
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
        self.tokenizer = base.tokenizer
        self.maximum_audio_ms = base.maximum_audio_ms
        self.maximum_tokens = base.maximum_tokens
        self.hidden_width = base.hidden_width
        self.device = base.device
        self.usual_silence_ms = base.usual_silence_ms
        self.silence_ms = base.silence_ms

    def open_stream(self) -> AudioStream:
        return self.base.open_stream()

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
        heard_s = memory.heard_ms / 1000
        if listens_to is not None:
            heard_s = heard_s[torch.tensor(listens_to, device=heard_s.device)]
        cache = self.network.open_cache(len(prefixes), self.device)
        state = ScoredState(translation, cache, heard_s)
        return state, self._score(state, output)

    @torch.inference_mode()
    def step(self, state: ScoredState, tokens: Tensor) -> DecoderOutput:
        return self._score(state, self.base.step(state.translation, tokens))

    def _score(self, state: ScoredState, output: DecoderOutput) -> DecoderOutput:
        hidden = output.hidden.to(self._dtype)
        # (R, N)
        scores = self.network.score_tokens(hidden, output.hidden_lengths, state.heard_s, state.cache)
        rows = torch.arange(len(scores), device=scores.device)
        return replace(output, policy_score=scores[rows, output.hidden_lengths - 1])
