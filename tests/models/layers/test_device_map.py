"""Layers of language models on several devices: the same text, and maps that do not fit are refused."""

import json
import sys

import accelerate
import numpy as np
import pytest
import torch
import transformers

from foundation.errors import InputError
from models.layers.device_map import place_language_model
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.tiny_families import FAMILIES
from tests.models.tiny_reina import write_tiny_reina
from tests.models.tiny_text_translators import write_tiny_causal
from tests.pretended_device import pretended_device

CLIPS = [np.random.default_rng(one).normal(0, 0.1, 24_000 + 9_000 * one).astype(np.float32) for one in (0, 1)]
# As transformers 4 and 5 lay the model out.
INSIDE = "" if transformers.__version__.startswith("4.") else "model."
LAYERS = f"{INSIDE}language_model.{'model.' if not INSIDE else ''}layers"
TOWER = f"{INSIDE}audio_tower"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three layers, of which this machine's transformers knows the family."""
    return FAMILIES["voxtral"].write(tmp_path_factory.mktemp("models") / "voxtral")


def load(folder, devices=None, **options):
    devices = json.dumps(devices) if isinstance(devices, dict) else devices
    return load_translator(str(folder), TranslatorOptions(device_map=devices, **options))


def steps(translator):
    """What two rows are told in a pass over the audio, with attention, and in the step behind it."""
    memory = translator.encode(CLIPS)
    prompt = translator.tokenizer.prompt("en", "de")
    state, output = translator.start(memory, [[*prompt, 105], prompt], with_attention=True)
    state.select(torch.tensor([1, 0, 1]))
    behind = translator.step(state, torch.tensor([106, 107, 108]))
    return output.log_probabilities.cpu(), output.attention.cpu(), behind.log_probabilities.cpu()


@pytest.mark.parametrize("devices", ["auto", {"": "cpu"}, {"": "cpu", f"{LAYERS}.1": "cpu"}])
def test_on_processors_nothing_changes(devices, folder):
    for found, expected in zip(steps(load(folder, devices)), steps(load(folder)), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("name", FAMILIES)
def test_layers_on_two_devices_compute_the_same(name, tmp_path):
    folder = FAMILIES[name].write(tmp_path / name)
    alone = load(folder)
    expected, layers = steps(alone), alone.model.language_layers
    prefix = next(name for name, module in alone.model.network.named_modules() if module is layers)
    with pretended_device():
        translator = load(folder, {"": "cpu", f"{prefix}.1": "cuda:0", f"{prefix}.2": 0})
        places = [str(layer.self_attn.o_proj.weight.device) for layer in translator.model.language_layers]
        assert (str(translator.device), places) == ("cpu", ["cpu", "cuda:0", "cuda:0"])
        for found, one in zip(steps(translator), expected, strict=True):
            assert torch.allclose(found, one, atol=1e-5)


def test_layers_whose_weights_wait_elsewhere_compute_the_same(folder):
    """As accelerate arranges it for what finds no room on a GPU."""
    translator = load(folder)
    expected = steps(translator)
    layer = translator.model.language_layers[1]
    accelerate.cpu_offload(layer, torch.device("cpu"))
    assert layer.self_attn.q_proj.weight.device.type == "meta"
    for found, one in zip(steps(translator), expected, strict=True):
        assert torch.equal(found, one)


def test_a_language_model_behind_a_recogniser(tmp_path):
    folder = write_tiny_causal(tmp_path / "causal")
    for devices in ("auto", {"": "cpu"}):
        expected, found = load(folder), load(folder, devices)
        weights = expected.model.network.state_dict()
        assert all(torch.equal(weights[name], one) for name, one in found.model.network.state_dict().items())


@pytest.mark.parametrize(
    "devices, message",
    [
        ({f"{LAYERS}.0": "cpu"}, f'says nothing of {TOWER}: name it, or add "" for all else'),
        ({"": "cpu", f"{LAYERS}.1.mlp": "cpu"}, f"names {LAYERS}.1.mlp, which is no part .* whole layers"),
        ({"": "cpu", "elsewhere": "cpu"}, "names elsewhere, which is no part of the model"),
        ({"": "cpu", "no_head": "cuda:0"}, "names no_head, which is no part"),
        ({"": "cpu", f"{LAYERS}.0": "nowhere:0"}, "device 'nowhere:0' cannot be used here"),
    ],
)
def test_maps_that_do_not_fit_are_refused_in_one_line(devices, message, folder):
    with pytest.raises(InputError, match=message) as refused, pretended_device():
        load(folder, devices)
    assert "\n" not in str(refused.value)


def test_what_is_no_layer_lies_on_one_device(folder):
    with pytest.raises(InputError, match="spreads what is no layer over cuda:0, cpu: layers alone"):
        with pretended_device():
            load(folder, {"": "cpu", TOWER: "cuda:0"})


@pytest.mark.parametrize("text", ["balanced", "{}", "[1]", '{"": 1.5}', '{"": -1}', '{"":'])
def test_what_is_no_map_is_refused(text):
    with pytest.raises(
        InputError, match="device_map must be auto, or an object of JSON with a device for each"
    ):
        TranslatorOptions(device_map=text)


def test_eight_bits_and_small_models_are_refused(tmp_path):
    with pytest.raises(InputError, match="device_map is for GPUs, and precision int8 for processors"):
        TranslatorOptions(device_map="auto", precision="int8")
    folder = write_tiny_reina(tmp_path / "reina")
    with pytest.raises(InputError, match="holds a 'reina' model, which fits on one device: leave it out"):
        load(folder, "auto")


def test_a_missing_accelerate_is_told_in_one_line(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(InputError, match=r"device_map needs accelerate .*pip install -e '.\[device-map\]'"):
        load(folder, "auto")


@pytest.mark.parametrize(
    "memory, expected",
    [
        # Of a GPU a tenth stays free. The first holds all else (4,000) and no layer, the second one.
        ({0: 5_000, 1: 2_000, "cpu": 0}, [1, "cpu", "cpu"]),
        ({0: 7_000, 1: 9_000, "cpu": 0}, [0, 1, 1]),
        ({0: 20_000, 1: 9_000, "cpu": 0}, [0, 0, 0]),
        ({"cpu": 10}, ["cpu", "cpu", "cpu"]),
    ],
)
def test_auto_fills_one_device_after_the_other(memory, expected, monkeypatch):
    """Layers of 400 B x 2, and 4,000 B of all else."""

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(250))

    network = torch.nn.Module()
    network.head = torch.nn.Linear(10, 100, bias=False)
    network.decoder = torch.nn.Module()
    network.decoder.layers = torch.nn.ModuleList(Layer() for _ in range(3))
    monkeypatch.setattr("accelerate.utils.get_max_memory", lambda: dict(memory))
    found = {}
    monkeypatch.setattr("accelerate.dispatch_model", lambda network, places, **_: found.update(places))
    place_language_model(network, network.decoder.layers, TranslatorOptions(device_map="auto"))
    main = "cpu" if 0 not in memory else "cuda:0"
    names = [one if isinstance(one, str) else f"cuda:{one}" for one in expected]
    assert found == {"head": main, **{f"decoder.layers.{at}": one for at, one in enumerate(names)}}


def test_all_else_must_fit_on_one_gpu(monkeypatch):
    network = torch.nn.Module()
    network.head = torch.nn.Linear(1000, 1000)
    network.layers = torch.nn.ModuleList([torch.nn.Linear(2, 2)])
    monkeypatch.setattr("accelerate.utils.get_max_memory", lambda: {0: 1_000_000, "cpu": 10**9})
    with pytest.raises(InputError, match=r"takes 0.0 GB, and cuda:0 has room for 0.0 GB: give --precision"):
        place_language_model(network, network.layers, TranslatorOptions(device_map="auto"))
