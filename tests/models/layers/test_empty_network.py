import torch
from torch import nn

from models.layers.empty_network import first_values, without_values
from models.reina.network import Reina
from tests.models.tiny_reina import DIMENSIONS


def test_names_shapes_and_formats_are_those_of_the_network():
    network = Reina(DIMENSIONS).state_dict()
    with without_values():
        empty = Reina(DIMENSIONS).state_dict()
    assert [(name, one.shape, one.dtype) for name, one in empty.items()] == [
        (name, one.shape, one.dtype) for name, one in network.items()
    ]
    assert all(one.is_meta for one in empty.values())


def test_nothing_is_initialised_and_nothing_computed():
    def fail():
        raise AssertionError("computed")

    with without_values():
        tensor = torch.empty(2)
        assert nn.init.normal_(tensor) is tensor
        assert nn.init.zeros_(tensor=tensor) is tensor
        assert first_values(fail, 2, 3).shape == (2, 3)


def test_outside_values_are_computed_as_ever():
    assert first_values(lambda: torch.arange(3), 3).tolist() == [0, 1, 2]
    assert nn.init.constant_(torch.empty(2), 7.0).tolist() == [7.0, 7.0]
