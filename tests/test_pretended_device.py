"""The stand-in for a GPU refuses what a GPU refuses, and computes what it is asked."""

import pytest
import torch

from tests.pretended_device import counted_waits, pretended_device


def test_what_is_on_the_device_stays_there_and_is_computed():
    with pretended_device() as device:
        there = torch.zeros(2, 3, device=device)
        there[torch.tensor([True, False])] = 5
        there[1:] += 1
        made = there @ torch.tensor([[1.0], [2.0], [3.0]], device=device)
        assert str(made.device) == device and made.tolist() == [[30.0], [6.0]]
        assert made.cpu().device.type == "cpu" and made.sum().item() == 36


def test_a_module_moves_and_learns_there():
    with pretended_device() as device:
        layer = torch.nn.Linear(2, 1).to(device)
        torch.nn.init.ones_(layer.weight)
        layer(torch.tensor([[3.0, 4.0]], device=device)).sum().backward()
        assert str(layer.weight.grad.device) == device and layer.weight.grad.tolist() == [[3.0, 4.0]]


def test_two_devices_in_one_operation_are_refused():
    with pretended_device() as device:
        there, here = torch.zeros(3, device=device), torch.ones(3)
        assert (there + torch.tensor(2.0)).tolist() == [2.0, 2.0, 2.0]
        assert there[torch.tensor([0, 2])].shape == (2,)
        for refused in (
            lambda: there + here,
            lambda: here.index_select(0, torch.tensor([0], device=device)),
            lambda: torch.cat([there, here]),
            lambda: there.masked_fill(here > 0, 1.0),
            lambda: torch.where(there > 0, here, there),
        ):
            with pytest.raises(RuntimeError, match="on the processor"):
                refused()
        with pytest.raises(TypeError, match="call cpu"):
            there.numpy()


def test_calls_that_wait_for_the_device_are_counted():
    with pretended_device() as device:
        there, mask = torch.arange(4, device=device), torch.ones(4, dtype=torch.bool, device=device)
        place = torch.tensor([1], device=device)
        with counted_waits() as waits:
            there[place] += there[:1]
            there.to(torch.float32).masked_fill(mask, 1.0).sum()
            torch.ones(2).to(device, non_blocking=True)
            torch.ones(2).nonzero()
            assert waits == []
            there[mask], there[[0]], there[torch.tensor([0])]
            assert waits == ["__getitem__"] * 3
            del waits[:]
            torch.tensor([1], device=device)
            torch.ones(2).to(device)
            there.cpu().tolist()
            there.tolist(), there.nonzero(), there.unique(), int(there[0])
            there.repeat_interleave(there)
            if there[0] == 0:
                assert waits[:3] == ["tensor", "to", "cpu"]
    assert waits[3:-1] == ["tolist", "nonzero", "unique", "__int__", "repeat_interleave"]
    assert waits[-1] == "__bool__"


def test_nothing_is_left_behind():
    with pretended_device():
        pass
    assert not torch.__future__.get_swap_module_params_on_conversion()
