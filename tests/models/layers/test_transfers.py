"""Numbers of any type come back as they were, all by one transfer; to the device they go without a wait."""

import torch

from models.layers.transfers import to_device, to_host
from tests.pretended_device import counted_waits, pretended_device


def test_numbers_of_several_types_come_by_one_transfer():
    with pretended_device() as device:
        reads = torch.tensor([True, False, True], device=device)
        scores = torch.tensor([[0.5, -torch.inf]], device=device)
        tokens = torch.tensor([[1, 2**40], [3, 4]], device=device).T  # not as it lies in memory
        none = torch.zeros(0, dtype=torch.int64, device=device)
        half = torch.tensor(1.5, dtype=torch.bfloat16, device=device)
        with counted_waits() as waits:
            here = to_host(reads, scores, tokens, none, half)
        assert waits == ["cpu"]
        assert [one.device.type for one in here] == ["cpu"] * 5
        assert [one.tolist() for one in here] == [
            *([True, False, True], [[0.5, -torch.inf]], [[1, 3], [2**40, 4]], [], 1.5)
        ]


def test_what_goes_to_the_device_waits_for_nothing():
    with pretended_device() as device:
        with counted_waits() as waits:
            there = to_device(torch.tensor([3, 4]), torch.device(device))
        assert waits == [] and str(there.device) == device and there.tolist() == [3, 4]


def test_on_a_processor_nothing_is_copied():
    numbers = torch.tensor([3, 4])
    assert to_device(numbers, torch.device("cpu")) is numbers
    assert to_host(numbers)[0] is numbers
