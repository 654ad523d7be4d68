"""What families say that their encoders cost, and weigh, is what torch counts."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from models.audio_language import families
from models.audio_language.families import FAMILIES, load_audio_language_model
from models.translator import TranslatorOptions
from tests.models.tiny_families import FAMILIES as TINY
from tests.models.tiny_qwen2_audio import write_tiny_qwen2_audio

WRITERS = {"qwen2_audio": write_tiny_qwen2_audio, **{name: family.write for name, family in TINY.items()}}
PUBLISHED = json.loads((Path(families.__file__).parent / "published.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", WRITERS)
def test_work_of_an_encoder_is_what_torch_counts(name, tmp_path):
    """Over 4 s; features beyond the audio, which some convolutions see, and one padded block may differ."""
    model = load_audio_language_model(WRITERS[name](tmp_path / "model"), TranslatorOptions())
    model.network.requires_grad_(False)
    features = model.features([np.random.default_rng(0).normal(0, 0.1, 64_000).astype(np.float32)])
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter, sdpa_kernel(SDPBackend.MATH):
        model.audio_embeddings(features)
    sizes = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
    expected = type(model).encoder_work(sizes, int(features.lengths[0]))
    assert counter.get_total_flops() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda one: one["name"])
def test_published_sizes_make_so_many_weights(published):
    family = FAMILIES[published["model_type"]]
    if int(transformers.__version__.split(".")[0]) > (family.newest_transformers or 5):
        pytest.skip("the installed transformers is too new for the family")
    # All layers are alike, and a model of thirty thousand modules takes a minute to make.
    (one, one_inside), (two, two_inside) = (weights_of(family, published["sizes"], n) for n in (1, 2))
    more = text_sizes(published["sizes"])["num_hidden_layers"] - 1
    assert one + more * (two - one) == published["weights"]
    assert one_inside + more * (two_inside - one_inside) == published["in_layers"]


def text_sizes(sizes):
    return sizes.get("text_config", sizes)


def weights_of(family, sizes, layers):
    """All weights, and those in linear layers of the language model, were it of so many layers."""
    sizes = copy.deepcopy(sizes)
    text_sizes(sizes)["num_hidden_layers"] = layers
    network_class = getattr(transformers, family.network_class)
    with torch.device("meta"):
        network = network_class(network_class.config_class(**sizes))
    model = object.__new__(family)
    model.network = network
    linear = [one for one in model.language_layers.modules() if isinstance(one, torch.nn.Linear)]
    return sum(map(torch.numel, network.parameters())), sum(one.weight.numel() for one in linear)
