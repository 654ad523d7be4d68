"""Which pairs are trained on together: a plan of an epoch that depends on nothing but its seed and number.

A batch is the global batch: every process takes its share of it, so what is learned does not depend on
how many processes there are, and a run can go on from any step of the plan.

Speech and text lie in one batch, so that each step learns all tasks at once (REINA's first stage). Pairs
of similar length are put together, for padding costs time; which ones varies from epoch to epoch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from foundation.errors import InputError
from train.data.examples import Example

# Pairs are sorted by length among this many batches' worth of them.
SORTED_BATCHES = 50
LARGEST_MULTIPLE = 10_000  # 100 s of features


@dataclass(kw_only=True)
class BatchSection:
    """The size of a batch, over all processes together."""

    seconds: float = 320.0
    """A batch holds at most so much audio, padding included."""

    pairs: int = 128
    """It holds at most so many clips, without speech texts. Texts beside clips are shared out among all
    batches, however many that makes."""

    text_tokens: int = 8192
    """Without speech it holds at most so many tokens, of source and target, padding included."""

    frame_multiple: int = 1
    """Features are padded to a multiple of so many frames of 10 ms. GPU libraries plan for every new shape;
    100 lets them meet a few only."""

    token_multiple: int = 1
    """Texts are padded to a multiple of so many tokens."""

    def __post_init__(self) -> None:
        if not self.seconds > 0 or self.pairs < 1 or self.text_tokens < 1:
            raise InputError(
                f"batch: seconds, pairs and text_tokens must be above 0, got {self.seconds:g}, {self.pairs} "
                f"and {self.text_tokens}"
            )
        if not (
            1 <= self.frame_multiple <= LARGEST_MULTIPLE and 1 <= self.token_multiple <= LARGEST_MULTIPLE
        ):
            raise InputError(
                f"batch: frame_multiple and token_multiple must be from 1 to {LARGEST_MULTIPLE}, "
                f"got {self.frame_multiple} and {self.token_multiple}"
            )


@dataclass(frozen=True)
class PlannedBatch:
    """A batch, as places in the list of pairs."""

    speech: tuple[int, ...]
    text: tuple[int, ...]


@dataclass(frozen=True)
class BatchPlan:
    """A plan of any epoch over fixed pairs."""

    pairs: Sequence[Example]
    weights: Sequence[float]  # of each pair: how often it occurs in an epoch
    options: BatchSection
    seed: int
    shuffle: bool = True

    def epoch(self, number: int) -> list[PlannedBatch]:
        """All batches of epoch `number`, in their order."""
        draw = np.random.default_rng([self.seed, number])
        chosen = self._occurrences(draw)
        speech = np.array([at for at in chosen if self.pairs[at].source is None], np.int64)
        text = np.array([at for at in chosen if self.pairs[at].source is not None], np.int64)
        if not len(speech):
            batches = self._cut(text, self._tokens, self.options.text_tokens)
            return self._mixed([PlannedBatch((), batch) for batch in batches], draw)
        heard = self._cut(speech, self._seconds, self.options.seconds)
        shares = self._shares(text, len(heard), draw)
        return self._mixed([PlannedBatch(*both) for both in zip(heard, shares, strict=True)], draw)

    def _occurrences(self, draw: np.random.Generator) -> np.ndarray:
        """Each pair as often as its weight says; the fraction of a weight is drawn."""
        weights = np.asarray(self.weights)
        if self.shuffle:
            times = np.floor(weights + draw.random(len(weights))).astype(np.int64)
        else:
            times = np.ceil(weights).astype(np.int64)
        chosen = np.repeat(np.arange(len(weights)), times)
        return draw.permutation(chosen) if self.shuffle else chosen

    def _seconds(self, at: int) -> float:
        return self.pairs[at].seconds

    def _tokens(self, at: int) -> float:
        pair = self.pairs[at]
        return pair.tokens + len(pair.source if pair.source is not None else ())

    def _cut(
        self, chosen: np.ndarray, length: Callable[[int], float], budget: float
    ) -> list[tuple[int, ...]]:
        """Neighbours in length, as many as the budget holds when all are padded to the longest."""
        batches: list[tuple[int, ...]] = []
        pool = SORTED_BATCHES * self.options.pairs
        for start in range(0, len(chosen), pool):
            places = chosen[start : start + pool].tolist()
            lengths = {at: length(at) for at in places}
            current: list[int] = []
            for at in sorted(places, key=lambda at: (lengths[at], at)):
                full = len(current) == self.options.pairs or (len(current) + 1) * lengths[at] > budget
                if current and full:
                    batches.append(tuple(current))
                    current = []
                current.append(at)
            batches.append(tuple(current))
        return batches

    def _shares(self, text: np.ndarray, batches: int, draw: np.random.Generator) -> list[tuple[int, ...]]:
        """The texts in so many shares of about one size, neighbours in length together."""
        tokens = [self._tokens(at) for at in text.tolist()]
        noise = draw.random(len(text)) if self.shuffle else np.zeros(len(text))
        # The noise makes other neighbours in every epoch.
        order = np.argsort(np.asarray(tokens) + 4 * noise, kind="stable") if len(text) else text
        shares = [tuple(text[part].tolist()) for part in np.array_split(order, batches)]
        return [shares[at] for at in draw.permutation(batches)] if self.shuffle else shares

    def _mixed(self, batches: list[PlannedBatch], draw: np.random.Generator) -> list[PlannedBatch]:
        return [batches[at] for at in draw.permutation(len(batches))] if self.shuffle else batches
