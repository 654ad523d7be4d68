"""How a model is loaded and run."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from foundation.errors import InputError
from foundation.options import check_options, option
from models.precisions import EIGHT_BITS, PRECISION_NAMES

if TYPE_CHECKING:  # options are read before torch is imported
    import torch

    from models.layers.cuda_graph import CudaGraph


AUTO = "auto"
STORED = "auto"  # what transformers calls the number format of a model's files


@dataclass(frozen=True)
class TranslatorOptions:
    """How a model is loaded and run; the same for every policy."""

    device: str = option("cpu", "The model runs on this device: cpu, cuda, cuda:1 or mps.")
    device_map: str | None = option(
        None,
        "A language model larger than one GPU is spread over several: auto puts its layers where there is "
        "room, on all GPUs and then in the processor's memory, and all else on --device or the first GPU; or "
        'an object of JSON says what lies where, as in \'{"": "cuda:0", "model.layers.20": "cuda:1"}\'; '
        "default: all on --device. For audio-language models, and language models behind a recogniser.",
    )
    # Not called dtype: SimulEval's flag of that name refuses bfloat16.
    precision: str = option(
        "float32",
        "Weights and activations are numbers of this format; int8 (on processors): the decoder, or "
        "language model, multiplies in 8 bits, and all else is in float32.",
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
        "default: what the model was trained for, 30000 for Whisper as published and Voxtral, 0 for others.",
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
        "for the others; 1 encodes all; default: 4 for Whisper as published unless --trailing-silence-ms is "
        "given, else 1.",
        at_least=1,
        at_most=64,
    )
    # Named in seconds like the window that it is compared with.
    frozen_after_s: float | None = option(
        None,
        "Audio frames so many seconds behind the newest audio are not encoded again, nor read again by an "
        "audio-language model, which keeps the cost of a chunk flat; 30 encodes all of Whisper's window "
        "again at each chunk; default: 3; of audio-language models Qwen2-Audio alone knows it, and "
        "encodes all again by default.",
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
    alignment_heads: str | None = option(
        None,
        "Policies, history and times of words see the attention of the heads in this file, which `simulst "
        "heads` writes; default: alignment_heads.json in the model's folder, else the heads that the model "
        "names.",
        is_path=True,
    )
    punctuation: bool = option(True, "Canary is asked for text with punctuation and capital letters.")
    # Each of a step's hundreds of kernels costs the host more time than it takes a GPU.
    # Off by default, until somebody has measured them on one.
    static_shapes: bool = option(
        False, "The decoder's steps (Whisper and REINA) run over buffers of a few fixed shapes, padded."
    )
    cuda_graphs: bool = option(
        False, "The decoder's steps are recorded once for each static shape and replayed as one CUDA graph."
    )
    prompt: str | None = option(
        None,
        "An audio-language model, or a language model behind a recogniser ({text} is what that heard), gets "
        "this whole prompt, and T5 gets it in front of the text; {source} and {target} stand for the "
        "languages, {context} for what --context tells; default: the model's.",
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.decodes_in_eight_bits and self.device.split(":")[0] != "cpu":
            raise InputError(
                f"precision int8 is for processors, but the device is {self.device!r}: give --precision "
                "bfloat16 there, or --device cpu"
            )
        if self.device_map is not None:
            _check_device_map(self.device_map)
            if self.decodes_in_eight_bits:
                raise InputError("device_map is for GPUs, and precision int8 for processors: leave one out")
        if self.cuda_graphs and not self.device.startswith("cuda"):
            raise InputError(
                f"cuda_graphs are for CUDA devices, but the device is {self.device!r}: give --device cuda, "
                "or leave them out"
            )

    def with_silence(self, usual_ms: int) -> TranslatorOptions:
        """These options, with the model's own trailing silence where none was chosen."""
        return self if self.trailing_silence_ms is not None else replace(self, trailing_silence_ms=usual_ms)

    def torch_device(self) -> torch.device:
        """Raises InputError where this machine has no such device."""
        return self.usable_device(self.device)

    @staticmethod
    def usable_device(name: str) -> torch.device:
        """A device by name. Raises InputError where this machine has no such device."""
        import torch  # two seconds, which wrong options need not cost

        try:
            device = torch.device(name)
            # Of what is on the device "meta" only the shape is known.
            torch.zeros(1, device=device).item()
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"device {name!r} cannot be used here ({reason}): give --device cpu, cuda or mps"
            ) from None
        if device.type == "cuda":
            # cuDNN's attention seems to plan anew for every length, and in decoding each step has another.
            torch.backends.cuda.enable_cudnn_sdp(False)
        return device

    @property
    def decodes_in_eight_bits(self) -> bool:
        return (self.decoder_precision or self.precision) == EIGHT_BITS

    @property
    def has_static_shapes(self) -> bool:
        return self.static_shapes or self.cuda_graphs

    def recording(self) -> type[CudaGraph] | None:
        """What records the decoder's steps; None: nothing does."""
        if not self.cuda_graphs:
            return None
        from models.layers.cuda_graph import CudaGraph  # see torch_device

        return CudaGraph

    def encoder_dtype(self) -> torch.dtype:
        usual = "float32" if self.precision == EIGHT_BITS else self.precision
        return self._dtype(self.encoder_precision or usual)

    def decoder_dtype(self) -> torch.dtype:
        """Of what the decoder reads and writes, and of its weights but for those in 8 bits."""
        usual = self.decoder_precision or self.precision
        return self._dtype("float32" if usual == EIGHT_BITS else usual)

    def language_model_dtype(self) -> torch.dtype | str:
        """In which a model around a language model is read; see `whole_dtype`.

        STORED where the language model's linear layers will be in 8 bits: then all else will be in float32,
        but large weights in float32 never lie in memory together.
        """
        if not self.decodes_in_eight_bits:
            return self.whole_dtype()
        if self.encoder_precision not in (None, "float32"):
            raise InputError(
                "this model has one precision for all that is not in 8 bits, float32: leave out "
                "encoder_precision"
            )
        return STORED

    def whole_dtype(self) -> torch.dtype:
        """Of a model with one format for all its parts. Raises InputError where options ask for more."""
        for name in ("encoder_precision", "decoder_precision"):
            if getattr(self, name) not in (None, self.precision):
                raise InputError(f"this model has one precision for all: leave out {name}, or give precision")
        if self.precision == EIGHT_BITS:
            formats = ", ".join(PRECISION_NAMES)
            raise InputError(
                f"precision int8 is for Whisper, REINA and Canary: give this model one of {formats}"
            )
        return self._dtype(self.precision)

    def _dtype(self, name: str) -> torch.dtype:
        import torch  # see torch_device

        if name == "bfloat16":
            from models.layers.slow_bfloat16 import warn_of_slow_bfloat16

            warn_of_slow_bfloat16(self.device, "leave bfloat16 out of --precision and --encoder-precision")
        return getattr(torch, name)


def _check_device_map(text: str) -> None:
    """Raises InputError unless it is a word that we know, or names of modules with devices."""
    if text == AUTO:
        return
    try:
        devices = json.loads(text)
    except json.JSONDecodeError:
        devices = None
    if (
        not isinstance(devices, dict)
        or not devices
        or not all(type(one) is str or (type(one) is int and one >= 0) for one in devices.values())
    ):
        raise InputError(
            f"device_map must be {AUTO}, or an object of JSON with a device for each name of a part, as in "
            f'{{"": "cuda:0", "model.layers.20": "cuda:1"}}, got {text!r:.100}'
        )
