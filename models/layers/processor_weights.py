"""Weights of a SpeechModel in the forms that processors multiply by fastest: for inference, not training."""

import ctypes
from contextlib import suppress

import torch
from torch import Tensor, nn

from models.layers.eight_bit_linear import EightBitLinear
from models.layers.packed_output import PackedOutput, packs

# Of `MultiHeadAttention`: they read the encoder's frames, whose few large values leave few steps to the rest.
READS_AUDIO = ("cross_attn.key", "cross_attn.value")


def store_by_columns(weight: Tensor) -> None:
    """Lay a weight (O, I) out in memory as (I, O); its values and shape stay.

    Processors' matrix kernels take a few rows against this layout up to twice as fast.
    """
    weight.data = weight.data.T.contiguous().T


def arrange_weights(model: nn.Module) -> None:
    """Lay out the weights of all linear layers by columns."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            store_by_columns(module.weight)


def pack_output(decoder: nn.Module) -> None:
    """Pack the output layer of a `TextDecoder` in float32, where this machine can."""
    shared = decoder.output is None
    if shared:
        store_by_columns(decoder.token_embedding.weight)
    if packs():
        decoder.output = PackedOutput((decoder.token_embedding if shared else decoder.output).weight, shared)


def quantise_language_model(network: nn.Module, layers: nn.Module) -> None:
    """Put the linear layers inside the layers of a causal model in 8 bits, and all else of it in float32.

    network: a model of transformers in any format. Its weights may lie in the file that they were read from,
    which counts as the process's memory for as long as one of them does: none does afterwards. Raises
    InputError where this machine cannot multiply in 8 bits.
    """
    linear = [(name, layer) for name, layer in layers.named_modules() if isinstance(layer, nn.Linear)]
    for name, layer in linear:
        parent, _, own = name.rpartition(".")
        setattr(layers.get_submodule(parent), own, EightBitLinear(layer.weight, layer.bias))
    del linear
    for weight in network.parameters():
        weight.data = _own(weight.data)
    for module in network.modules():
        for name, tensor in module.named_buffers(recurse=False):
            setattr(
                module, name, _own(tensor)
            )  # not into `data`: it may be a view, which holds what it views
    return_freed_memory()


def _own(tensor: Tensor) -> Tensor:
    return tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True)


def return_freed_memory() -> None:
    """Give back to the system what Linux's C library keeps of freed memory, between pieces that are in use.

    Packing a weight frees several times its size, and so left more than the float weights had taken.
    """
    with suppress(OSError, AttributeError):  # of other systems
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def quantise_decoder(decoder: nn.Module) -> None:
    """Put the linear layers of a `TextDecoder` in 8 bits, but for those that read the encoder's frames.

    The table of tokens stays as it is. Raises InputError where this machine cannot multiply in 8 bits.
    """
    if decoder.output is None:
        decoder.output = EightBitLinear(decoder.token_embedding.weight)
    linear = [(name, layer) for name, layer in decoder.named_modules() if isinstance(layer, nn.Linear)]
    for name, layer in linear:
        if not name.endswith(READS_AUDIO):
            parent, _, own = name.rpartition(".")
            setattr(decoder.get_submodule(parent), own, EightBitLinear(layer.weight, layer.bias))
