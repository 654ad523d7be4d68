"""The one interface between models and everything else: many audio streams in, next tokens out.

A translator is a batch of independent streams from the start. Audio becomes a `Memory`; a set of
*rows* (the beams of all streams, each tied to one stream's memory) is decoded step by step over a
key/value cache that lives in an explicit `DecoderState`, never in the modules.

Shapes: B streams, R rows, N tokens, F feature frames, T memory frames, D width, V vocabulary.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from models.layers.transfers import to_device
from models.precisions import PRECISION_NAMES
from models.storage.word_lists import WordList
from models.translator_options import TranslatorOptions as TranslatorOptions  # belongs to the interface

PRECISIONS = {name: getattr(torch, name) for name in PRECISION_NAMES}


@dataclass(frozen=True)
class FinalFrames:
    """The first frames of one stream's memory, which never change however much more is heard.

    A causal decoder need not read them again: what it has made of them it keeps in `kept`, which belongs to
    the stream (its AudioStream holds it), under a key of its own. When the stream forgets audio, its frames
    are others, and it begins with an empty `kept`.
    """

    count: int  # of this memory; of later memories of the stream perhaps more
    kept: dict[Hashable, Any]


@dataclass(frozen=True)
class Memory:
    """Encoded audio of B streams, what the decoder cross-attends to."""

    frames: Tensor  # (B, T, D), rows padded to the longest
    lengths: Tensor  # (B,) frames that may be attended to
    heard_frames: Tensor  # (B,) frames that hold audio; fewer than lengths where silence follows
    end_ms: Tensor  # (B, T) float32: when each frame ends, counted from the start of the stream's audio
    # For each decoder layer cross-attention keys and values (B, H, T, d), where the model has prepared them.
    cross: tuple[tuple[Tensor, Tensor], ...] | None = None
    # (B, T) float32, added to attention logits: log of how many frames each stands for; None: one each.
    log_counts: Tensor | None = None
    final: tuple[FinalFrames, ...] | None = None  # of each of the B streams; None: none is said to be

    @property
    def heard_ms(self) -> Tensor:
        """(B,) float32: when the last frame that holds audio ends."""
        last = (self.heard_frames - 1).clamp(min=0)
        return self.end_ms.gather(1, last[:, None])[:, 0]

    def select(self, streams: Sequence[int]) -> "Memory":
        """The memory of some streams only, with no more padding than they need."""
        places = torch.tensor(streams, device=self.frames.device)
        lengths = self.lengths[places]
        longest = int(lengths.max())
        cross = None
        if self.cross is not None:
            cross = tuple(tuple(one[places, :, :longest] for one in layer) for layer in self.cross)
        return Memory(
            self.frames[places, :longest],
            lengths,
            self.heard_frames[places],
            self.end_ms[places, :longest],
            cross,
            None if self.log_counts is None else self.log_counts[places, :longest],
            None if self.final is None else tuple(self.final[stream] for stream in streams),
        )


def frame_ends(streams: int, frames: int, frame_ms: float, device: torch.device) -> Tensor:
    """(B, T) float32: when the frames of B streams end, for a model whose frames are all frame_ms long."""
    ends = frame_ms * torch.arange(1, frames + 1, device=device, dtype=torch.float32)
    return ends.expand(streams, frames)


@dataclass(frozen=True)
class DecoderOutput:
    """What one decoding step says about the token that would come next in each row."""

    log_probabilities: Tensor  # (R, V) float32, tokens that are never generated at -inf
    hidden: Tensor  # (R, N, D) last hidden states of the N positions fed in this step
    hidden_lengths: Tensor  # (R,) on the host: how many of the N are real; the last predicts the next token
    attention: Tensor | None  # (R, T) float32 cross-attention of the last real position, on request
    policy_score: Tensor | None = None  # (R,) float32 of the model's policy network, if it has one

    @property
    def last_hidden(self) -> Tensor:
        """(R, D) at the last real position of each row."""
        return at_last(self.hidden, self.hidden_lengths)


def at_last(values: Tensor, lengths: Tensor) -> Tensor:
    """The last of lengths (R,), on the host, of values (R, N, ...) -> (R, ...)"""
    if values.shape[1] == 1:
        return values[:, 0]
    return values[torch.arange(len(values), device=values.device), to_device(lengths - 1, values.device)]


@dataclass(frozen=True)
class Reading:
    """What a decoder saw of texts that it has read: at each of their last places, row after row."""

    hidden: Tensor  # (R, N, D) last hidden states of all places
    lengths: Tensor  # (R,) on the host: how many of the N are real
    attention: Tensor | None  # (P, T) float32 cross-attention at the P places asked for, on request
    policy_score: Tensor | None = None  # (P,) float32 of the model's policy network, if it has one


def last_places(rows: Tensor, lengths: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and places, (P,) each: the last told (R,) of lengths (R,) places in rows (R,), row after row.

    All of them are on the host.
    """
    ends = told.cumsum(0)
    behind = ends.repeat_interleave(told) - torch.arange(int(told.sum()))
    return rows.repeat_interleave(told), lengths.repeat_interleave(told) - behind


class DecoderState(ABC):
    """What a batch of rows carries from step to step: caches and which memory each row listens to.

    Numbers of rows are given on the host, which chooses among them.
    """

    @abstractmethod
    def select(self, rows: Tensor) -> None:
        """Keep, reorder, drop or repeat rows: new row i continues old row rows[i]. rows: (R',) int64."""

    def resume(self, rows: Tensor, dropped: Tensor) -> None:
        """Go on with some rows from earlier tokens, while others rest; for decoders that read ahead.

        New row i continues old row rows[i] (R',) int64, the first A of them without their last dropped[i]
        tokens (A,) int64. Steps are of these from now on; the others are kept as they are.
        """
        raise NotImplementedError


class AudioStream(Protocol):
    """One stream's audio so far, in the form that its translator needs (explicit per-stream state)."""

    def append(self, samples: np.ndarray) -> None:
        """samples: (n,) float32, mono, 16 kHz."""

    @property
    def duration_ms(self) -> float:
        """How long the audio is that the stream remembers."""

    def drop_before(self, ms: float) -> float:
        """Forget the oldest audio, at most `ms` of it. Returns how much was forgotten, in ms.

        The stream is then equal to a fresh one that has heard the rest.
        """


class SteppedStream(AudioStream, Protocol):
    """An AudioStream that is asked, step by step, what it has understood (`Translator.listen`)."""

    changes: int  # of what would be encoded; 0: there is nothing yet
    error: Exception | None  # why it cannot go on


class Tokenizer(Protocol):
    """Text in tokens. `units_started` tells where words (or characters) begin."""

    vocabulary_size: int
    end_of_sequence: int

    def language_code(self, language: str) -> str:
        """Code of a language given by code, region or name. Raises InputError for an unknown one."""

    def prompt(self, source_language: str, target_language: str) -> list[int]:
        """Tokens that every hypothesis starts with. Raises InputError for a pair the model cannot do."""

    def context_prompt(self, context: Sequence[int]) -> list[int]:
        """Tokens in front of the prompt that say what was written before; none where there is no place."""

    # Tokens of words that a user expects which the prompt has room for; 0: the model knows no prompts, and
    # need have neither `encode_sentence` nor `glossary_prompt`.
    glossary_room: int

    def glossary_prompt(
        self, source_language: str, target_language: str, glossary: Sequence[int], written: Sequence[int]
    ) -> list[int]:
        """`prompt` with words that the user expects, and behind them the newest of what was written before,
        as far as there is a place for it."""

    def decode(self, tokens: Sequence[int]) -> str: ...

    def units_started(self, character_units: bool) -> Tensor:
        """(V,) int64: words, or characters, that begin with each token."""


class Decoder(ABC):
    """What a search needs of a model: rows of text that grow over a memory, token by token."""

    tokenizer: Tokenizer
    maximum_tokens: int  # prompt, committed and new tokens together
    device: torch.device
    reads_ahead: bool = False  # `read` and `predict` are there, and `resume` of its states

    def __init__(self, in_training: bool = False) -> None:
        """in_training: the weights go on being trained, so that they must stay out of inference mode."""
        self.without_gradients = torch.no_grad if in_training else torch.inference_mode

    def word_list(self, prompt: Sequence[int]) -> WordList | None:
        """The only words that texts behind `prompt` are made of; None where any are."""
        return None

    @abstractmethod
    def start(
        self,
        memory: Memory,
        prefixes: Sequence[Sequence[int]],
        listens_to: Sequence[int] | None = None,
        with_attention: bool = False,
    ) -> tuple[DecoderState, DecoderOutput]:
        """Prefill R rows with their forced prefixes (prompt included) in one pass.

        Row r hears stream listens_to[r] of `memory`; by default there is one row for each stream.
        """

    @abstractmethod
    def step(self, state: DecoderState, tokens: Tensor) -> DecoderOutput:
        """Append tokens (R,) int64, on the host, one to each row of `state`, and predict the next.

        What it returns is valid until the next step.
        """

    def read(
        self,
        memory: Memory,
        texts: Sequence[Sequence[int]],
        told: Sequence[int],
        listens_to: Sequence[int] | None = None,
        with_attention: bool = False,
    ) -> tuple[DecoderState, Reading]:
        """Read R texts in one pass, as `start` reads prefixes; tell of the last told[r] places of each."""
        raise NotImplementedError

    def predict(self, hidden: Tensor) -> Tensor:
        """(..., V) float32 log-probabilities of the tokens behind hidden states (..., D)."""
        raise NotImplementedError

    def read_each_head(self, memory: Memory, text: Sequence[int], told: int) -> Tensor:
        """(L, H, N, T) float32: what each head of L layers attended to at the last N = told places of a text.

        memory: of one stream. Each head's weights sum to 1 over all frames that may be attended to.
        """
        raise NotImplementedError


class Translator(Decoder):
    """A speech translation (or recognition) model behind the interface that every policy uses."""

    maximum_audio_ms: float | None  # the model's window; None where it has none
    hidden_width: int  # D of DecoderOutput.hidden
    adapter: str | None = None  # fingerprint of the adapter that is merged into the weights
    silence_ms: int = 0  # that is heard behind the audio
    encoded_silence_ms: float = 0  # so much audio would cost as much to encode as that silence does
    bytes_per_audio_s: int | None = None  # what is kept of each second while it is decoded; None: not known
    steps_in_threads: bool = False  # several may encode and decode at once: modules keep nothing of a step
    reads_text: bool = False  # its streams are `models.text_translation.source_text.SourceText`, not audio
    # It recognises first (a cascade): its streams are `SteppedStream`s that `open_stream` makes for a pair of
    # languages, what they hear depends on when they are asked, and `listen` asks them before each decision.
    hears_in_steps: bool = False

    @abstractmethod
    def open_stream(self, whole: bool = False) -> AudioStream:
        """A fresh, empty stream of audio.

        whole: it is encoded only once it has heard everything, so that nothing is to be kept for later.
        """

    @abstractmethod
    def encode_streams(self, streams: Sequence[AudioStream]) -> Memory:
        """Encode all audio that each of B streams has heard so far (at least one sample each)."""

    def listen(self, streams: Sequence["SteppedStream"], ended: Sequence[bool]) -> None:
        """Where it `hears_in_steps`: let each stream take a step; ended: no more audio of it will come.

        What goes wrong with one stream becomes its `error`.
        """
        raise NotImplementedError

    def encode(self, waveforms: Sequence[np.ndarray]) -> Memory:
        """Encode B whole waveforms, each (n,) float32 at 16 kHz."""
        streams = [self.open_stream(whole=True) for _ in waveforms]
        for stream, waveform in zip(streams, waveforms, strict=True):
            stream.append(waveform)
        return self.encode_streams(streams)
