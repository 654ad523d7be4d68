"""The one interface between models and everything else: many audio streams in, next tokens out.

A translator is a batch of independent streams from the start. Audio becomes a `Memory`; a set of
*rows* (the beams of all streams, each tied to one stream's memory) is decoded step by step over a
key/value cache that lives in an explicit `DecoderState`, never in the modules.

Shapes: B streams, R rows, N tokens, F feature frames, T memory frames, D width, V vocabulary.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from foundation.errors import InputError
from foundation.options import check_options, option
from models.precisions import EIGHT_BITS, PRECISION_NAMES

PRECISIONS = {name: getattr(torch, name) for name in PRECISION_NAMES}


@dataclass(frozen=True)
class TranslatorOptions:
    """How a model is loaded and run; the same for every policy."""

    device: str = option("cpu", "The model runs on this device: cpu, cuda, cuda:1 or mps.")
    # Not called dtype: SimulEval's flag of that name refuses bfloat16.
    precision: str = option(
        "float32",
        "Weights and activations are numbers of this format; int8 (Whisper and REINA, on processors): the "
        "decoder multiplies in 8 bits, and all else is in float32.",
        (*PRECISION_NAMES, EIGHT_BITS),
    )
    encoder_precision: str | None = option(
        None,
        "The audio encoder's numbers are of this format; default: precision, or float32 where that is int8.",
        PRECISION_NAMES,
    )
    decoder_precision: str | None = option(
        None, "The decoder's numbers are of this format; default: precision.", (*PRECISION_NAMES, EIGHT_BITS)
    )
    # Whisper hears 30 s windows in training; without any silence it runs on past the audio's end.
    trailing_silence_ms: int | None = option(
        None,
        "So much silence is encoded behind the audio heard; 0 is fastest, 30000 fills Whisper's window; "
        "default: what the model was trained for, 5000 for Whisper as published, 0 for others.",
        at_least=0,
        at_most=600_000,
    )
    attention_layer: int | None = option(
        None,
        "Policies see this decoder layer's attention, counted from 1; default: the model's alignment heads.",
        at_least=1,
    )
    attention_heads: tuple[int, ...] | None = option(
        None, "These heads of --attention-layer are averaged, from 1; default: all of them.", at_least=1
    )
    prompt: str | None = option(
        None,
        "An audio-language model gets this whole prompt; {source} and {target} stand for the "
        "languages; default: the model's.",
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.decodes_in_eight_bits and self.device.split(":")[0] != "cpu":
            raise InputError(
                f"precision int8 is for processors, but the device is {self.device!r}: give --precision "
                "bfloat16 there, or --device cpu"
            )

    def with_silence(self, usual_ms: int) -> "TranslatorOptions":
        """These options, with the model's own trailing silence where none was chosen."""
        return self if self.trailing_silence_ms is not None else replace(self, trailing_silence_ms=usual_ms)

    def torch_device(self) -> torch.device:
        """Raises InputError where this machine has no such device."""
        try:
            device = torch.device(self.device)
            # Of what is on the device "meta" only the shape is known.
            torch.zeros(1, device=device).item()
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"device {self.device!r} cannot be used here ({reason}): give --device cpu, cuda or mps"
            ) from None
        if device.type == "cuda":
            # cuDNN's attention seems to plan anew for every length, and in decoding each step has another.
            torch.backends.cuda.enable_cudnn_sdp(False)
        return device

    @property
    def decodes_in_eight_bits(self) -> bool:
        return (self.decoder_precision or self.precision) == EIGHT_BITS

    def encoder_dtype(self) -> torch.dtype:
        usual = "float32" if self.precision == EIGHT_BITS else self.precision
        return PRECISIONS[self.encoder_precision or usual]

    def decoder_dtype(self) -> torch.dtype:
        """Of what the decoder reads and writes, and of its weights but for those in 8 bits."""
        usual = self.decoder_precision or self.precision
        return torch.float32 if usual == EIGHT_BITS else PRECISIONS[usual]

    def whole_dtype(self) -> torch.dtype:
        """Of a model with one format for all its parts. Raises InputError where options ask for more."""
        for name in ("encoder_precision", "decoder_precision"):
            if getattr(self, name) not in (None, self.precision):
                raise InputError(f"this model has one precision for all: leave out {name}, or give precision")
        if self.precision == EIGHT_BITS:
            raise InputError(
                f"precision int8 is for Whisper and REINA: give this model one of {', '.join(PRECISIONS)}"
            )
        return PRECISIONS[self.precision]


@dataclass(frozen=True)
class Memory:
    """Encoded audio of B streams, what the decoder cross-attends to."""

    frames: Tensor  # (B, T, D), rows padded to the longest
    lengths: Tensor  # (B,) frames that may be attended to
    heard_frames: Tensor  # (B,) frames that hold audio; fewer than lengths where silence follows
    end_ms: Tensor  # (B, T) float32: when each frame ends, counted from the start of the stream's audio
    # For each decoder layer cross-attention keys and values (B, H, T, d), where the model has prepared them.
    cross: tuple[tuple[Tensor, Tensor], ...] | None = None

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
    hidden_lengths: Tensor  # (R,) how many of the N are real; the last real one predicts the next token
    attention: Tensor | None  # (R, T) float32 cross-attention of the last real position, on request
    policy_score: Tensor | None = None  # (R,) float32 of the model's policy network, if it has one


class DecoderState(ABC):
    """What a batch of rows carries from step to step: caches and which memory each row listens to."""

    @abstractmethod
    def select(self, rows: Tensor) -> None:
        """Keep, reorder, drop or repeat rows: new row i continues old row rows[i]. rows: (R',) int64."""


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

    def decode(self, tokens: Sequence[int]) -> str: ...

    def units_started(self, character_units: bool) -> Tensor:
        """(V,) int64: words, or characters, that begin with each token."""


class Decoder(ABC):
    """What a search needs of a model: rows of text that grow over a memory, token by token."""

    tokenizer: Tokenizer
    maximum_tokens: int  # prompt, committed and new tokens together
    device: torch.device

    def __init__(self, in_training: bool = False) -> None:
        """in_training: the weights go on being trained, so that they must stay out of inference mode."""
        self.without_gradients = torch.no_grad if in_training else torch.inference_mode

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
        """Append tokens (R,) int64, one to each row of `state`, and predict the next."""


class Translator(Decoder):
    """A speech translation (or recognition) model behind the interface that every policy uses."""

    maximum_audio_ms: float | None  # the model's window; None where it has none
    hidden_width: int  # D of DecoderOutput.hidden
    silence_ms: int = 0  # that is encoded behind the audio
    usual_silence_ms: int = 0  # behind the audio in training; what `trailing_silence_ms` is unless given

    @abstractmethod
    def open_stream(self) -> AudioStream:
        """A fresh, empty stream of audio."""

    @abstractmethod
    def encode_streams(self, streams: Sequence[AudioStream]) -> Memory:
        """Encode all audio that each of B streams has heard so far (at least one sample each)."""

    def encode(self, waveforms: Sequence[np.ndarray]) -> Memory:
        """Encode B whole waveforms, each (n,) float32 at 16 kHz."""
        streams = [self.open_stream() for _ in waveforms]
        for stream, waveform in zip(streams, waveforms, strict=True):
            stream.append(waveform)
        return self.encode_streams(streams)
