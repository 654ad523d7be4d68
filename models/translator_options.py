"""How a model is loaded and run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from foundation.errors import InputError
from foundation.options import check_options, option
from models.precisions import PRECISION_NAMES

if TYPE_CHECKING:  # options are read before torch is imported
    import torch


@dataclass(frozen=True)
class TranslatorOptions:
    """How a model is loaded and run; the same for every policy."""

    device: str = option("cpu", "The model runs on this device: cpu, cuda, cuda:1 or mps.")
    # Not called dtype: SimulEval's flag of that name refuses bfloat16.
    precision: str = option("float32", "Weights and activations are numbers of this format.", PRECISION_NAMES)
    # Whisper hears 30 s windows in training; without any silence it runs on past the audio's end.
    trailing_silence_ms: int | None = option(
        None,
        "So much silence is encoded behind the audio heard; 0 is fastest, 30000 fills Whisper's window; "
        "default: what the model was trained for, 30000 for Whisper as published, 0 for others.",
        at_least=0,
        at_most=600_000,
    )
    dense_silence_ms: int | None = option(
        None,
        "Where --silence-stride is above 1, so much of the silence behind the audio is encoded in full; "
        "default: 1000.",
        at_least=100,  # less is reached by the last sound, and thinned frames are taken for silence
        at_most=30_000,
    )
    silence_stride: int | None = option(
        None,
        "Of the silence behind --dense-silence-ms only every so many-th frame of 20 ms is encoded and stands "
        "for the others; 1 encodes all; default: 8 for Whisper as published unless --trailing-silence-ms is "
        "given, else 1.",
        at_least=1,
        at_most=64,
    )
    # Named in seconds like the window that it is compared with.
    frozen_after_s: float | None = option(
        None,
        "Audio frames so many seconds behind the newest audio are not encoded again, which keeps the cost of "
        "a chunk flat; 30 encodes all of Whisper's window again at each chunk; default: 3.",
        at_least=0.5,
        at_most=30,
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

    def with_silence(self, usual_ms: int) -> TranslatorOptions:
        """These options, with the model's own trailing silence where none was chosen."""
        return self if self.trailing_silence_ms is not None else replace(self, trailing_silence_ms=usual_ms)

    def torch_device(self) -> torch.device:
        """Raises InputError where this machine has no such device."""
        import torch  # two seconds, which wrong options need not cost

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

    def torch_dtype(self) -> torch.dtype:
        import torch  # see torch_device

        return getattr(torch, self.precision)
