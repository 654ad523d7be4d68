"""A world in which all information is known: English numbers, spoken one word each half second, in German.

"twenty-one" is "einundzwanzig": the first token needs the second word. A translator that has heard the
word behind a token is nearly sure of it; before, all ones (or tens) are equally likely to it.

Shapes: B sentences, N = 3 tokens a number and the end of sequence, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from models.translator import Memory
from tests.models.scripted_translator import (
    FRAME_MS,
    ScriptedTokenizer,
    ScriptedTranslator,
    scripted_memory,
)

END, UND = 0, 1
ONES = range(2, 11)  # ein, zwei, ... neun
TENS = range(11, 19)  # zwanzig, dreissig, ... neunzig
VOCABULARY = 19
SURE = 0.98
WORD_S = 0.5
NUMBERS = 2
SPOKEN_S = 2 * NUMBERS * WORD_S


def sentences(count: int, generator: torch.Generator) -> Tensor:
    """(B, N) random numbers as German tokens."""
    ones = torch.randint(ONES.start, ONES.stop, (count, NUMBERS), generator=generator)
    tens = torch.randint(TENS.start, TENS.stop, (count, NUMBERS), generator=generator)
    tokens = torch.stack([ones, torch.full_like(ones, UND), tens], dim=-1).flatten(1)
    return torch.nn.functional.pad(tokens, (0, 1), value=END)


def known_after_s() -> Tensor:
    """(N,) seconds after which each token is known: tens are spoken first, but written last."""
    times = []
    for number in range(NUMBERS):
        start = 2 * WORD_S * number
        times += [start + 2 * WORD_S, 0.0, start + WORD_S]
    return torch.tensor([*times, SPOKEN_S])


def log_probabilities(tokens: Tensor, heard_s: Tensor) -> Tensor:
    """(B, N, V) of a translator that writes tokens (B, N) and has heard heard_s (B,) of the audio."""
    sure = torch.full((*tokens.shape, VOCABULARY), (1 - SURE) / (VOCABULARY - 1))
    sure = sure.scatter(-1, tokens[..., None], SURE)
    guess = torch.full((tokens.shape[1], VOCABULARY), (1 - SURE) / VOCABULARY)
    for place in range(tokens.shape[1]):
        last = place == tokens.shape[1] - 1
        likely = range(VOCABULARY) if last else (ONES, range(UND, UND + 1), TENS)[place % 3]
        guess[place, likely.start : likely.stop] += SURE / len(likely)
    known = known_after_s() <= heard_s[:, None]  # (B, N)
    return torch.where(known[..., None], sure, guess).log()


class NumberTokenizer(ScriptedTokenizer):
    """Every token is a word."""

    def units_started(self, character_units: bool) -> Tensor:
        return (torch.arange(self.vocabulary_size) != END).long()


class NumberTranslator(ScriptedTranslator):
    """One stream. Its hidden states are its log-probabilities, as a decoder's are but for one matrix."""

    hidden_width = VOCABULARY

    def __init__(self, sentence: Sequence[int]) -> None:
        super().__init__(self._next_token, VOCABULARY)
        self.tokenizer = NumberTokenizer(VOCABULARY)
        self.sentence = torch.tensor(sentence)

    def start(self, memory, prefixes, listens_to=None, with_attention=False):
        state, output = super().start(memory, prefixes, listens_to, with_attention)
        positions = len(prefixes[0]) + 1  # nothing is fed before the first token is predicted
        hidden = self._predictions(state.frames[0])[None, :positions]
        return state, replace(output, hidden=hidden, hidden_lengths=torch.tensor([positions]))

    def step(self, state, tokens):
        output = super().step(state, tokens)
        return replace(output, hidden=output.log_probabilities[:, None])

    def _next_token(self, frames: int, tokens: Sequence[int]) -> Tensor:
        return self._predictions(frames)[min(len(tokens), len(self.sentence) - 1)]

    def _predictions(self, frames: int) -> Tensor:
        """(N, V)"""
        return log_probabilities(self.sentence[None], torch.tensor([frames * FRAME_MS / 1000]))[0]


def heard(seconds: float) -> Memory:
    """The memory of one stream of so much audio."""
    frames = torch.tensor([round(1000 * seconds / FRAME_MS)])
    return scripted_memory(frames)
