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

Streams that listen to the same memory (several policies over one utterance) and have written the same
text would compute the same: such rows share one row of the model, until their texts part.

Shapes: S streams, R live rows, M rows of the model, n tokens written in this chunk, V vocabulary,
T memory frames.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from models.beams import expand, in_place, is_identity, right_aligned
from models.errors import InputError
from models.hypotheses import FinishedHypotheses, Hypothesis, keep_finished
from models.repetition import RepetitionGuard
from models.token_filters import begin_new_word, block_ngrams
from models.translator import DecoderOutput, Memory, Translator, option
from models.units import units_begun


@dataclass(frozen=True)
class SearchOptions:
    """How hypotheses are searched; the same for every policy."""

    beam: int = option(1, "beams for each stream; 1 is greedy search")
    patience: float = option(1.0, "stop once more than beam * patience hypotheses are finished")
    maximum_tokens_per_chunk: int = option(32, "new tokens at most for one chunk before the audio's end")
    # Fast speech is about 6 tokens a second; loops on silence run to hundreds.
    maximum_tokens_per_second: float = option(12.0, "tokens at most for each second of audio heard")
    # Shorter n-grams do repeat in honest speech ("I don't know. I don't know.").
    blocked_ngram: int = option(6, "never write the same n tokens twice; 0 switches this off")
    # Blocked n-grams compare tokens: other capitals or punctuation let a loop through.
    repeated_phrase: int = option(
        3,
        "times that a phrase may stand in a row, in any capitals and punctuation, a single word once more; "
        "0 switches this off",
    )

    # Rows that READ while they are searched leave nothing to look ahead to, so a beam hardly helps them.
    look_ahead: bool = option(
        False,
        "ask the policy about the best hypothesis, once searched to its end; slower, and better with beams",
    )

    def __post_init__(self) -> None:
        if self.beam < 1 or self.patience <= 0:
            raise InputError(f"beam {self.beam} and patience {self.patience} must be positive")
        if self.maximum_tokens_per_chunk < 1 or self.maximum_tokens_per_second <= 0:
            raise InputError("the limits of tokens per chunk and per second must be positive")
        if self.repeated_phrase < 0:
            raise InputError(f"repeated phrase {self.repeated_phrase} must be 0 or more")
        if self.blocked_ngram < 0 or self.blocked_ngram == 1:
            raise InputError(f"blocked n-gram {self.blocked_ngram} would forbid all: give 0, or 2 and more")

    def token_limit(self, heard_ms: float, committed: int, audio_finished: bool) -> int:
        """New tokens that a stream may write after heard_ms of audio."""
        # Very short audio still deserves a sentence of a few tokens.
        limit = max(8, round(self.maximum_tokens_per_second * heard_ms / 1000)) - committed
        if not audio_finished:
            limit = min(limit, self.maximum_tokens_per_chunk)
        return max(0, limit)


@dataclass(frozen=True)
class StreamRequest:
    """What one stream brings to the search of one chunk."""

    prompt: Sequence[int]  # tokens before the text: language tags and the like
    committed: Sequence[int]  # text tokens written so far, never revised
    audio_finished: bool  # no more audio: the callable is not asked, end-of-sequence ends
    token_limit: int  # new tokens at most
    unit_limit: int | None = None  # words (characters) that may begin; None: any number
    listens_to: int | None = None  # index into the memory; None: the stream's own place


@dataclass(frozen=True)
class DecodingStep:
    """What a policy sees before the next token of each live row is chosen."""

    log_probabilities: Tensor  # (R, V) float32
    hidden: Tensor  # (R, D) last hidden state of the decoder
    attention: Tensor | None  # (R, T) cross-attention over the frames that hold audio, else zero
    frame_lengths: Tensor  # (R,) memory frames that hold audio
    frame_ms: float  # duration of one memory frame
    streams: Tensor  # (R,) which request each row belongs to
    tokens: Tensor  # (R, n) tokens written in this chunk
    policy_score: Tensor | None = None  # (R,) float32 of the model's policy network, if it has one

    def select(self, rows: Tensor) -> "DecodingStep":
        """The same step for some rows only. rows: (R',) int64."""
        return SelectedStep(self, rows, self.streams[rows])


def _gathered(name: str) -> cached_property:
    def gather(step: "SelectedStep") -> Tensor | None:
        value = getattr(step.whole, name)
        return None if value is None else value[step.rows]

    return cached_property(gather)


class SelectedStep(DecodingStep):
    """Rows of another step. What no policy looks at is never copied: log-probabilities are the most of it."""

    def __init__(self, whole: DecodingStep, rows: Tensor, streams: Tensor) -> None:
        """rows (R,) of `whole`, and the streams (R,) that they belong to."""
        vars(self).update(whole=whole, rows=rows, frame_ms=whole.frame_ms, streams=streams)

    log_probabilities = _gathered("log_probabilities")
    hidden = _gathered("hidden")
    attention = _gathered("attention")
    frame_lengths = _gathered("frame_lengths")
    tokens = _gathered("tokens")
    policy_score = _gathered("policy_score")


# (R,) bool: rows that must hear more before they write their next token.
ReadHook = Callable[[DecodingStep], Tensor]


class StreamingSearch:
    """Beam search over the live rows of many streams at once."""

    def __init__(self, translator: Translator, options: SearchOptions, character_units: bool = False) -> None:
        """character_units: unit limits count characters (zh, ja) instead of words."""
        self.translator = translator
        self.options = options
        self.character_units = character_units
        self.repetition_guard = RepetitionGuard(translator.tokenizer, options.repeated_phrase)
        self.end = translator.tokenizer.end_of_sequence
        self.units_started = translator.tokenizer.units_started(character_units).to(translator.device)

    @torch.inference_mode()
    def advance(
        self,
        memory: Memory,
        requests: Sequence[StreamRequest],
        read: ReadHook | None = None,
        with_attention: bool = False,
    ) -> list[Hypothesis]:
        """The best hypothesis of new tokens for each request. Raises InputError if a prefix is too long."""
        device = self.translator.device
        listens_to = [
            at if request.listens_to is None else request.listens_to for at, request in enumerate(requests)
        ]
        token_limits = torch.tensor([self._token_limit(request) for request in requests], device=device)
        unlimited = torch.iinfo(torch.int64).max
        unit_limits = torch.tensor(
            [unlimited if request.unit_limit is None else request.unit_limit for request in requests],
            device=device,
        )
        audio_finished = torch.tensor([request.audio_finished for request in requests], device=device)
        heard = torch.tensor(listens_to, device=device)
        enough = 0 if self.options.beam == 1 else self.options.beam * self.options.patience
        finished = [FinishedHypotheses(enough) for _ in requests]

        places: dict[tuple, int] = {}
        node = torch.tensor(  # (R,) the model's row behind each row
            [
                places.setdefault((heard, (*request.prompt,), (*request.committed,)), len(places))
                for heard, request in zip(listens_to, requests, strict=True)
            ],
            device=device,
        )
        starts = [[*prompt, *text] for _, prompt, text in places]
        state, output = self.translator.start(memory, starts, [heard for heard, *_ in places], with_attention)
        streams = torch.arange(len(requests), device=device)  # (R,)
        scores = torch.zeros(len(requests), device=device)  # (R,) sum of new tokens' log-probabilities
        history = right_aligned([text for *_, text in places]).to(device)  # (M, L + n)
        committed = history.shape[1]
        while True:
            written = history.shape[1] - committed
            has_text = (history[:, :committed] >= 0).any(1)  # (M,)
            log_probabilities = block_ngrams(output.log_probabilities, history, self.options.blocked_ngram)
            log_probabilities = self.repetition_guard(log_probabilities, history)
            if written == 0 and not self.character_units:
                log_probabilities = begin_new_word(log_probabilities, self.units_started, self.end, has_text)
            # One end-of-sequence a row at most: 2 * beam candidates leave `beam` that go on.
            candidates = log_probabilities.topk(min(2 * self.options.beam, log_probabilities.shape[1]))
            likeliest = candidates.indices[:, 0]

            # Rows that stop here without their next token: at a limit, or because they READ.
            tokens = history[:, committed:]
            begun = units_begun(
                tokens, likeliest, self.units_started, self.end, has_text | self.character_units
            )
            stop = (written >= token_limits[streams]) | (begun[node] > unit_limits[streams])
            if read is not None:
                asked = (~stop & ~audio_finished[streams]).nonzero()[:, 0]
                if len(asked):
                    memories = torch.empty(len(tokens), dtype=torch.int64, device=device)
                    memories[node] = heard[streams]
                    step = self._decoding_step(output, log_probabilities, tokens, memory, memories)
                    stop[asked] = read(SelectedStep(step, node[asked], streams[asked])).to(device)
            stopped = stop.nonzero()[:, 0]
            averages = scores[stopped] / max(written, 1)
            keep_finished(
                finished, streams[stopped], tokens[node[stopped]], averages, likeliest[node[stopped]]
            )

            over = torch.tensor([stream.over for stream in finished], device=device)
            live = (~stop & ~over[streams]).nonzero()[:, 0]
            if len(live) == 0:
                break
            parents, next_tokens, next_scores, ended = expand(
                scores[live],
                candidates.values[node[live]],
                candidates.indices[node[live]],
                streams[live],
                self.options.beam,
                self.end,
            )
            parents = live[parents]
            ends = parents[ended]
            averages = next_scores[ended] / (written + 1)
            keep_finished(finished, streams[ends], tokens[node[ends]], averages, next_tokens[ended])

            over = torch.tensor([stream.over for stream in finished], device=device)
            # A sum only falls: the best average that a row can reach is its sum over the most tokens.
            reached = torch.tensor([stream.average_log_probability for stream in finished], device=device)
            of = streams[parents]
            hopes = ~ended & (next_scores / token_limits[of] >= reached[of])
            hopeful = torch.zeros_like(over).index_put((of[hopes],), over.new_ones(()))
            keep = (~ended & ~over[of] & hopeful[of]).nonzero()[:, 0]
            if len(keep) == 0:
                break
            parents, next_tokens, scores = parents[keep], next_tokens[keep], next_scores[keep]
            streams = streams[parents]
            vocabulary = log_probabilities.shape[1]
            children, node = (node[parents] * vocabulary + next_tokens).unique(return_inverse=True)
            parents, next_tokens, places = in_place(children // vocabulary, children % vocabulary)
            node = places[node]
            if not is_identity(parents, len(history)):
                state.select(parents)
            history = torch.cat([history[parents], next_tokens[:, None]], dim=1)
            output = self.translator.step(state, next_tokens)
        return [stream.best() for stream in finished]

    def _token_limit(self, request: StreamRequest) -> int:
        length = len(request.prompt) + len(request.committed)
        room = self.translator.maximum_tokens - length
        if room < 0:
            raise InputError(
                f"the committed text has {length} tokens, but the model's context holds "
                f"{self.translator.maximum_tokens}: split the audio into shorter segments"
            )
        return min(room, request.token_limit)

    def _decoding_step(
        self,
        output: DecoderOutput,
        log_probabilities: Tensor,
        tokens: Tensor,
        memory: Memory,
        listens_to: Tensor,
    ) -> DecodingStep:
        """Of the model's rows, which hear memories listens_to (M,). Several streams may share one."""
        frame_lengths = memory.heard_frames[listens_to]
        attention = output.attention
        if attention is not None:
            silent = torch.arange(attention.shape[1], device=listens_to.device) >= frame_lengths[:, None]
            attention = attention.masked_fill(silent, 0.0)
        last = torch.arange(len(tokens), device=listens_to.device), output.hidden_lengths - 1
        return DecodingStep(
            log_probabilities,
            output.hidden[last],
            attention,
            frame_lengths,
            memory.frame_ms,
            listens_to.new_empty(0),
            tokens,
            output.policy_score,
        )
