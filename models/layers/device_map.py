"""Puts a language model on its device, or its layers on several: for models larger than one GPU.

Layers are what is spread. All else (encoder, adapter, tables of tokens, the last norm) lies on one device,
where our code calls its parts one by one. Between layers accelerate moves what they read, and layers for
which the GPUs have no room wait in the processor's memory, from where their weights come when they are
computed.

A map names modules as transformers and accelerate do: {"": "cuda:0", "model.layers.20": "cuda:1"}, where the
longest name that a layer begins with counts.
"""

import json
from collections.abc import Iterator, Mapping

import torch
from torch import nn

from foundation.errors import InputError
from models.translator_options import AUTO, TranslatorOptions

ROOM_LEFT = 0.1  # of each GPU's free memory, for keys, values and what is computed


def place_language_model(network: nn.Module, layers: nn.ModuleList, options: TranslatorOptions) -> None:
    """Move a network, of which `layers` are the language model's, to where the options say.

    Raises InputError for a map that does not fit the network or this machine, or where accelerate is missing.
    """
    device = options.torch_device()
    if options.device_map is None:
        network.to(device)
        return
    try:
        from accelerate import dispatch_model
    except ImportError as error:
        raise InputError(
            f"device_map needs accelerate ({error}): install it with pip install -e '.[device-map]'"
        ) from None
    prefix = next(name for name, module in network.named_modules() if module is layers)
    names = [f"{prefix}.{layer}" for layer in range(len(layers))]
    others = list(_others(network, set(names)))
    if options.device_map == AUTO:
        places = _automatic(network, layers, names, others, device)
    else:
        places = _named(json.loads(options.device_map), names, others, options)
    # The first is the device of all that is no layer.
    dispatch_model(network, places, main_device=places[others[0]], skip_keys="past_key_values")


def _others(network: nn.Module, layers: set[str], within: str = "") -> Iterator[str]:
    """The largest modules of a network that hold none of these layers."""
    for child, module in network.named_children():
        name = within + child
        if name in layers:
            continue
        if any(layer.startswith(f"{name}.") for layer in layers):
            yield from _others(module, layers, f"{name}.")
        else:
            yield name


def _named(
    given: Mapping[str, str | int], layers: list[str], others: list[str], options: TranslatorOptions
) -> dict[str, str]:
    """What the user gave, for each part. Raises InputError for a map that says something else."""
    devices = {name: _device(one) for name, one in given.items()}
    for one in dict.fromkeys(devices.values()):
        options.usable_device(one)
    places, used = {}, set()
    for part in (*others, *layers):
        fitting = [name for name in devices if not name or part == name or part.startswith(f"{name}.")]
        if not fitting:
            raise InputError(f'device_map says nothing of {part}: name it, or add "" for all else')
        used.add(longest := max(fitting, key=len))
        places[part] = devices[longest]
    if unused := [name for name in devices if name and name not in used]:
        raise InputError(
            f"device_map names {unused[0]}, which is no part of the model that can be moved alone: whole "
            f"layers ({layers[0]} to {layers[-1]}) can be"
        )
    if len(found := dict.fromkeys(places[part] for part in others)) > 1:
        raise InputError(
            f"device_map spreads what is no layer over {', '.join(found)}: layers alone ({layers[0]} to "
            f"{layers[-1]}) may lie elsewhere"
        )
    return places


def _automatic(
    network: nn.Module, layers: nn.ModuleList, names: list[str], others: list[str], device: torch.device
) -> dict[str, str]:
    """All but the layers on `device`, or on the first GPU if that is a processor; layers where there is room.

    Raises InputError where not even that fits.
    """
    from accelerate import infer_auto_device_map
    from accelerate.utils import compute_module_sizes, get_max_memory

    room = {one: int(free * (1 - ROOM_LEFT)) for one, free in get_max_memory().items() if one != "cpu"}
    if not room:
        return dict.fromkeys((*others, *names), "cpu")
    main = _key(device) if device.type != "cpu" else next(iter(room))
    sizes = compute_module_sizes(network)
    needed = sum(sizes[name] for name in others)
    if room.get(main, 0) < needed:
        raise InputError(
            f"all but the layers of the model takes {needed / 1e9:.1f} GB, and {_device(main)} has room for "
            f"{room.get(main, 0) / 1e9:.1f} GB: give --precision bfloat16, or a smaller model"
        )
    room[main] -= needed
    room["cpu"] = sizes[""]  # where all of it is now
    kinds = list({type(layer).__name__ for layer in layers})
    found = infer_auto_device_map(layers, room, no_split_module_classes=kinds, clean_result=False)
    places = {name: _device(found[str(place)]) for place, name in enumerate(names)}
    return dict.fromkeys(others, _device(main)) | places


def _key(device: torch.device) -> int | str:
    """What accelerate calls a device."""
    return device.index or 0 if device.type == "cuda" else device.type


def _device(key: int | str) -> str:
    return f"cuda:{key}" if isinstance(key, int) else key
