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
