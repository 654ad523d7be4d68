"""Rows that follow drafts: text that a decoder has read at once serves the steps that turn out the same.

From one chunk to the next most of a hypothesis stays. What the last one said behind the committed text is
the draft of the next: it is read together with the prefix, in one pass, which takes hardly longer than a step
where the weights must come from memory. As long as a row's tokens are those of its draft, what the model says
behind them is known. A row that has parted from its draft is computed step by step, and stays off it; the
others rest meanwhile. Results equal those of plain steps but for rounding. What says where rows are in their
drafts is on the host.

Shapes: R rows, A of them parted from their drafts, F still on them, n tokens of the longest draft, P places
in drafts, V vocabulary, D width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.decoding.beams import grouped_in_place, is_identity
from models.layers.transfers import to_device
from models.translator import Decoder, DecoderOutput, Memory, Reading, last_places

# Logits of so many places together cost what those of three cost alone: most of the time the weights take.
PLACES_AT_ONCE = 16


class DraftedRows:
    """The rows of a search, over those of a decoder."""

    output: DecoderOutput  # of the newest step

    def __init__(
        self,
        decoder: Decoder,
        memory: Memory,
        prefixes: Sequence[Sequence[int]],
        listens_to: Sequence[int],
        with_attention: bool,
        drafts: Sequence[Sequence[int]],
    ) -> None:
        """drafts: for each of R prefixes the tokens expected behind it; all else as `Decoder.start`."""
        self._decoder = decoder
        self._parted = None  # all rows have, if there were any drafts
        if not (decoder.reads_ahead and any(drafts)):
            self._state, self.output = decoder.start(memory, prefixes, listens_to, with_attention)
            return
        texts = [[*prefix, *draft] for prefix, draft in zip(prefixes, drafts, strict=True)]
        told = [len(draft) + 1 for draft in drafts]
        self._state, reading = decoder.read(memory, texts, told, listens_to, with_attention)
        self._ahead = _ReadAhead(decoder, reading, told)
        self._held = len(prefixes)  # rows of the decoder
        # Of each row: whether it has parted, its place in the decoder, its draft and the first place of that.
        self._parted = torch.zeros(len(told), dtype=torch.bool)
        self._places = torch.arange(len(told))
        self._lengths = torch.tensor(told) - 1
        self._begins = (self._lengths + 1).cumsum(0) - self._lengths - 1
        padded = [[*draft, *[-1] * (max(told) - len(draft))] for draft in drafts]
        self._drafts = torch.tensor(padded)  # (R, n + 1), -1 behind the end
        self._written = 0
        self.output = self._ahead.output(self._begins)

    def select(self, rows: Tensor) -> None:
        """Keep, reorder, drop or repeat rows: new row i continues old row rows[i] (R',), on the host."""
        if self._parted is None:
            self._state.select(rows)
            return
        # The decoder's rows are moved no sooner than some are computed.
        for of_rows in ("_parted", "_places", "_lengths", "_begins", "_drafts"):
            setattr(self, of_rows, getattr(self, of_rows)[rows])

    def step(self, tokens: Tensor) -> None:
        """Append tokens (R,) int64, on the host, one to each row."""
        if self._parted is None:
            self.output = self._decoder.step(self._state, tokens)
            return
        parting = ~self._parted & (tokens != self._drafts[:, self._written])
        self._parted |= parting
        following = (~self._parted).nonzero()[:, 0]
        if len(following) == len(tokens):
            self._written += 1
            self.output = self._ahead.output(self._begins + self._written)
            return
        by_place = self._wake(parting)
        self._written += 1
        computed = self._decoder.step(self._state, tokens[by_place])
        if len(following) == 0:
            # From now on the rows are the decoder's, in its order.
            self._parted, self.output = None, computed
            return
        known = self._ahead.output(self._begins[following] + self._written)
        self.output = _merged(computed, by_place, known, following)

    def _wake(self, parting: Tensor) -> Tensor:
        """Make the rows that have parted the decoder's first. parting (R,) bool: those that do so now.

        Returns all of them, (A,), in the decoder's order.
        """
        rows, awake = len(self._parted), int(self._parted.sum())
        if awake == rows:
            places = torch.arange(rows)
        else:
            places = grouped_in_place(self._places, self._parted)
        order = places.argsort()
        sources, by_place = self._places[order], order[:awake]
        if bool(parting.any()) or not is_identity(sources, self._held):
            # What is left of a draft is forgotten.
            dropped = torch.where(parting, self._lengths - self._written, 0)
            self._state.resume(sources, dropped[by_place])
        self._places, self._held = places, rows
        return by_place


class _ReadAhead:
    """What the decoder saw at all places of the drafts, and what it says of the next tokens there."""

    def __init__(self, decoder: Decoder, reading: Reading, told: Sequence[int]) -> None:
        self._decoder = decoder
        self._reading = reading
        counts = torch.tensor(told)
        rows, places = last_places(torch.arange(len(told)), reading.lengths, counts)
        there = (to_device(one, decoder.device) for one in (rows, places))
        self._hidden = reading.hidden[tuple(there)]  # (P, D)
        self._last = counts.cumsum(0)[rows] - 1  # (P,) of the draft that each place is in
        self._known = torch.full_like(rows, -1)  # (P,) places in the log-probabilities kept, -1 elsewhere

    def output(self, places: Tensor) -> DecoderOutput:
        """At places (F,), on the host, one of each row that is on its draft."""
        if bool((self._known[places] < 0).any()):
            ahead = torch.arange(max(1, PLACES_AT_ONCE // len(places)))
            last = self._last[places, None]
            predicted = torch.minimum(places[:, None] + ahead, last).unique()
            asked = to_device(predicted, self._decoder.device)
            self._log_probabilities = self._decoder.predict(self._hidden[asked])
            self._known.fill_(-1)
            self._known[predicted] = torch.arange(len(predicted))
        attention, score = self._reading.attention, self._reading.policy_score
        known, there = to_device(torch.stack([self._known[places], places]), self._decoder.device)
        return DecoderOutput(
            self._log_probabilities[known],
            self._hidden[there, None],
            torch.ones_like(places),
            None if attention is None else attention[there],
            None if score is None else score[there],
        )


def _merged(one: DecoderOutput, its_rows: Tensor, other: DecoderOutput, other_rows: Tensor) -> DecoderOutput:
    """All rows in order, each of which is in one of two outputs. its_rows and other_rows are on the host."""

    def both(of_one: Tensor | None, of_other: Tensor | None) -> Tensor | None:
        if of_one is None:
            return None
        merged = of_one.new_empty(len(its_rows) + len(other_rows), *of_one.shape[1:])
        merged[to_device(its_rows, merged.device)] = of_one
        merged[to_device(other_rows, merged.device)] = of_other
        return merged

    return DecoderOutput(*(both(getattr(one, name), getattr(other, name)) for name in vars(one)))
