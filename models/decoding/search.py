"""Streaming beam search: advance many streams by one chunk (METHODS of REINA, arXiv 2508.04946, 3.6).

For each stream the search starts from the committed tokens (a forced prefix) over the memory of all
audio so far. At every step a callable may let rows READ: such a row becomes a finished hypothesis
without its next token. The others expand. A stream stops when all its rows have read, or when more
than beam * patience hypotheses are finished; the finished hypothesis with the highest average
log-probability of its new tokens wins. (It also stops when no live row can reach that average any more,
which changes nothing but the time.) The search knows no policy, only that callable, so training decodes
with it too; the result for a stream does not depend on the streams beside it.

Decisions that the paper leaves open:
- End-of-sequence while audio is still to come finishes a hypothesis like a READ, but the
  probability of stopping there is evidence and counts in the average; otherwise "nothing to say
  yet" could never win over an unlikely word.
- Beam 1 is greedy search: the first finished hypothesis ends it, whatever the patience.
- The average is over new tokens only; the prefix is common to all hypotheses of a stream.
- Committed text consists of whole words, so the first new token must begin another (or end).

Rows, texts and hypotheses are kept on the host. At each step the device says what may come next in each row,
and which rows READ, and both come back in one transfer (`models.layers.transfers`).

Streams that listen to the same memory (several policies over one utterance) and have written the same
text would compute the same: such rows share one row of the model, until their texts part.

Shapes: S streams, R live rows, M rows of the model, n tokens written in this chunk, V vocabulary,
T memory frames.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from foundation.errors import InputError
from models.decoding.beams import expand, in_place, is_identity, right_aligned
from models.decoding.drafts import DraftedRows
from models.decoding.finished import FinishedHypotheses
from models.decoding.hypotheses import Hypothesis
from models.decoding.known_words import KnownWordsOnly
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.repetition import NoRepeatedPhrases
from models.decoding.step import DecodingStep, ObserveHook, ReadHook, SelectedStep
from models.decoding.token_filters import NewWordAfterCommitted, NoRepeatedNgrams, RowTexts, TokenFilter
from models.decoding.units import all_units_started
from models.layers.transfers import to_device, to_host
from models.translator import Decoder, Memory


class StreamingSearch:
    """Beam search over the live rows of many streams at once."""

    def __init__(self, decoder: Decoder, options: SearchOptions) -> None:
        self.decoder = decoder
        self.options = options
        self.end = decoder.tokenizer.end_of_sequence
        self.units_started = all_units_started(decoder.tokenizer)  # (2, V)
        self.units_started_there = to_device(self.units_started, decoder.device)
        self.filters: list[TokenFilter] = [
            NoRepeatedNgrams(options.blocked_ngram),
            NoRepeatedPhrases(decoder.tokenizer, options.repeated_phrase),
            NewWordAfterCommitted(self.units_started_there[0], self.end),
        ]
        self.known_words = KnownWordsOnly(decoder.tokenizer, 2 * options.beam)
        self.filters += [self.known_words] if options.known_words else []

    def check(self, request: StreamRequest) -> None:
        """Raises InputError for a stream whose text fills the model's context."""
        if self.room(request) < 0:
            raise InputError(
                f"the committed text has {len(request.prompt) + len(request.committed)} tokens, but the "
                f"model's context holds {self.decoder.maximum_tokens}: split the audio into shorter segments"
            )

    def room(self, request: StreamRequest) -> int:
        """New tokens that the model's context still holds; below 0 if the prefix is too long already."""
        return self.decoder.maximum_tokens - len(request.prompt) - len(request.committed)

    def find(
        self,
        memory: Memory,
        requests: Sequence[StreamRequest],
        read: ReadHook | None = None,
        with_attention: bool = False,
        observe: ObserveHook | None = None,
    ) -> list[Hypothesis]:
        """The best hypothesis of new tokens for each request.

        Raises InputError if a prefix is too long; ask `check` first where others must not suffer from it.
        """
        for request in requests:
            self.check(request)
        with self.decoder.without_gradients():
            found = _Run(self, memory, requests, read, with_attention, observe).hypotheses()
        whole = partial(self.known_words.whole, self.decoder.word_list)
        return list(map(whole, found, requests)) if self.options.known_words else found


class _Run:
    """One search: the live rows of all streams, from their prefixes to the last finished hypothesis."""

    def __init__(
        self,
        search: StreamingSearch,
        memory: Memory,
        requests: Sequence[StreamRequest],
        read: ReadHook | None,
        with_attention: bool,
        observe: ObserveHook | None,
    ) -> None:
        self.search = search
        self.options = search.options
        self.memory = memory
        self.read = read
        self.observe = observe
        self.device = search.decoder.device
        unlimited = torch.iinfo(torch.int64).max
        listens_to = [
            at if request.listens_to is None else request.listens_to for at, request in enumerate(requests)
        ]
        # Of each request, (S,):
        self.heard = torch.tensor(listens_to)
        self.token_limits = torch.tensor(
            [min(search.room(request), request.token_limit) for request in requests]
        )
        self.unit_limits = torch.tensor(
            [unlimited if request.unit_limit is None else request.unit_limit for request in requests]
        )
        self.audio_finished = torch.tensor([request.audio_finished for request in requests])
        enough = 0 if self.options.beam == 1 else self.options.beam * self.options.patience
        self.finished = FinishedHypotheses(len(requests), enough)
        # Of each live row, (R,): its stream, the model's row behind it, the sum of its new log-probabilities.
        self.streams = torch.arange(len(requests))
        self.scores = torch.zeros(len(requests))
        self.node = self._start(requests, listens_to, with_attention)

    def _start(
        self, requests: Sequence[StreamRequest], listens_to: Sequence[int], with_attention: bool
    ) -> Tensor:
        """Prefill the model's rows. Returns the row (S,) of each request; equal ones share it."""
        places: dict[tuple, int] = {}
        node = [
            places.setdefault(
                (heard, (*request.prompt,), (*request.committed,), request.character_units), len(places)
            )
            for heard, request in zip(listens_to, requests, strict=True)
        ]
        starts = [[*prompt, *text] for _, prompt, text, _ in places]
        heard = [heard for heard, *_ in places]
        drafts = self._drafts(requests, node)
        self.rows = DraftedRows(self.search.decoder, self.memory, starts, heard, with_attention, drafts)
        tokens = right_aligned([text for _, _, text, _ in places])
        characters = torch.tensor([characters for *_, characters in places])
        words = map(self.search.decoder.word_list, [prompt for _, prompt, *_ in places])
        lists = torch.tensor([*map(self.search.known_words.place, words)])
        self.texts = RowTexts(tokens, tokens.shape[1], characters, lists)
        return torch.tensor(node)

    def _drafts(self, requests: Sequence[StreamRequest], node: Sequence[int]) -> list[Sequence[int]]:
        """The longest draft of the requests that share each of the model's rows; none for wider beams."""
        drafts: list[Sequence[int]] = [()] * (max(node) + 1)
        if self.options.drafts and self.options.beam == 1:
            for row, request, limit in zip(node, requests, self.token_limits.tolist(), strict=True):
                drafts[row] = max(drafts[row], request.draft[:limit], key=len)
        return drafts

    def hypotheses(self) -> list[Hypothesis]:
        """Search to the end."""
        while len(self.streams):
            candidates = self._filter()
            live = self._finish(self._ask(*candidates))
            self._expand(live)
        return self.finished.best()

    def _filter(self) -> tuple[Tensor, Tensor]:
        """The likeliest that may come next in each row of the model: log-probabilities and tokens (M, W)."""
        log_probabilities = self.rows.output.log_probabilities
        for token_filter in self.search.filters:
            log_probabilities = token_filter(log_probabilities, self.texts)
        self.log_probabilities = log_probabilities
        # One end-of-sequence a row at most: 2 * beam candidates leave `beam` that go on.
        return log_probabilities.topk(min(2 * self.options.beam, log_probabilities.shape[1]))

    def _ask(self, values: Tensor, indices: Tensor) -> Tensor:
        """(R,) bool: rows that stop without their next token, at a limit or because they READ.

        values, indices (M, W): of `_filter`. This is where the host waits for the device.
        """
        stop = self.texts.written >= self.token_limits[self.streams]
        limited = self._limited(indices[:, 0])
        asked = (~stop & ~self.audio_finished[self.streams]).nonzero()[:, 0] if self.read else ()
        if self.observe or len(asked):
            step = self._decoding_step()
        if self.observe:
            self.observe(SelectedStep(step, self.node, self.streams, limited))
        answers = ()
        if len(asked):
            own = SelectedStep(step, self.node, self.streams, limited)
            own = own if len(asked) == len(stop) else own.select(asked)
            answers = (self.read(own).to(self.device),)
        values, indices, limited, *answers = to_host(values, indices, limited, *answers)
        self.candidates, self.likeliest = (values, indices), indices[:, 0]
        stop = stop | limited
        if answers:
            stop[asked] |= answers[0]
        return stop

    def _limited(self, likeliest: Tensor) -> Tensor:
        """(R,) bool, on the device: rows that stop at their limit of words or characters.

        likeliest (M,), on the device: the next token of each row of the model, with which may begin the word
        that is one too many.
        """
        texts, kinds = self.texts, self.texts.character_units.long()
        started = self.search.units_started[kinds[:, None], texts.new]  # (M, n)
        begun = started.sum(1)
        # A text's first word may begin without a space, which no token shows.
        unmarked = ~texts.has_committed & ~texts.character_units
        if texts.written:
            begun += unmarked & (started[:, 0] == 0) & (texts.new[:, 0] != self.search.end)
            unmarked = torch.zeros_like(unmarked)
        left = self.unit_limits[self.streams] - begun[self.node]
        known = torch.stack([left, self.node, kinds[self.node], unmarked[self.node].long()])
        left, node, kind, first = to_device(known, self.device)
        token = likeliest[node]
        starts = self.search.units_started_there[kind, token]
        return starts + (first * (starts == 0) * (token != self.search.end)) > left

    def _finish(self, stop: Tensor) -> Tensor:
        """Give the rows that stop to their streams; return the rows that go on, (R',)."""
        stopped = stop.nonzero()[:, 0]
        averages = self.scores[stopped] / max(self.texts.written, 1)
        node = self.node[stopped]
        self.finished.keep(self.streams[stopped], self.texts.new[node], averages, self.likeliest[node])
        return (~stop & ~self.finished.over[self.streams]).nonzero()[:, 0]

    def _expand(self, live: Tensor) -> None:
        """Continue rows live (R',) by a token each, as far as that may still win; none may be left."""
        if len(live) == 0:
            self.streams = live
            return
        parents, next_tokens, next_scores, ended = expand(
            self.scores[live],
            *(one[self.node[live]] for one in self.candidates),
            self.streams[live],
            self.options.beam,
            self.search.end,
        )
        parents = live[parents]
        ends = parents[ended]
        averages = next_scores[ended] / (self.texts.written + 1)
        new = self.texts.new[self.node[ends]]
        self.finished.keep(self.streams[ends], new, averages, next_tokens[ended])

        keep = self._promising(self.streams[parents], next_scores, ended)
        parents, next_tokens, self.scores = parents[keep], next_tokens[keep], next_scores[keep]
        self.streams = self.streams[parents]
        if len(keep):
            self._step(self.node[parents], next_tokens)

    def _promising(self, streams: Tensor, scores: Tensor, ended: Tensor) -> Tensor:
        """(R',) continuations that go on: in streams that are not over and can still find a better one."""
        over = self.finished.over
        # A sum only falls: the best average that a row can reach is its sum over the most tokens.
        reached = self.finished.average_log_probabilities
        hopes = ~ended & (scores / self.token_limits[streams] >= reached[streams])
        hopeful = torch.zeros_like(over).index_put((streams[hopes],), over.new_ones(()))
        return (~ended & ~over[streams] & hopeful[streams]).nonzero()[:, 0]

    def _step(self, parents: Tensor, next_tokens: Tensor) -> None:
        """Feed a token to each row: next_tokens (R,) behind the model's rows parents (R,)."""
        vocabulary = self.log_probabilities.shape[1]
        children, node = (parents * vocabulary + next_tokens).unique(return_inverse=True)
        parents, next_tokens, places = in_place(children // vocabulary, children % vocabulary)
        self.node = places[node]
        if not is_identity(parents, len(self.texts.tokens)):
            self.rows.select(parents)
        self.texts = self.texts.grown(parents, next_tokens)
        self.rows.step(next_tokens)

    def _decoding_step(self) -> DecodingStep:
        """Of the model's rows; several streams may share one, so that it names no streams."""
        rows = len(self.texts.tokens)
        listens_to = torch.empty(rows, dtype=torch.int64)
        listens_to[self.node] = self.heard[self.streams]
        frame_lengths = self.memory.heard_frames[to_device(listens_to, self.device)]
        attention = self.rows.output.attention
        if attention is not None:
            silent = torch.arange(attention.shape[1], device=self.device) >= frame_lengths[:, None]
            attention = attention.masked_fill(silent, 0.0)
        return DecodingStep(
            self.log_probabilities,
            self.rows.output.last_hidden,
            attention,
            frame_lengths,
            listens_to.new_empty(0),
            self.texts.new,
            self.rows.output.policy_score,
        )
