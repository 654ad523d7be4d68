"""Two processes with half a batch each compute what one computes with all of it."""

import socket

import pytest
import torch
import torch.distributed as distributed
import torch.multiprocessing as multiprocessing

from train.policy.divergence_loss import divergence_loss
from train.policy.reina_loss import ReinaLossOptions, normalised, reina_loss
from train.recipes.global_batch import global_mean, global_sum, processes

# The halves hold different numbers of valid tokens, and gains of different size.
LENGTHS = [7, 5, 7, 1, 0, 2]
HALVES = (slice(0, 3), slice(3, 6))


def batch():
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(6, 7, 4, generator=generator)
    gain = torch.randn(6, 7, generator=generator)
    gain[HALVES[1]] = 5 + 3 * gain[HALVES[1]]
    mask = torch.arange(7) < torch.tensor(LENGTHS)[:, None]
    return hidden, gain, mask


def results(rows):
    """Loss, gradient and normalised gain of some rows of the batch, under whatever processes there are."""
    hidden, gain, mask = (tensor[rows] for tensor in batch())
    weight = torch.tensor([0.3, -1.0, 0.5, 0.8], requires_grad=True)
    scores = hidden @ weight
    loss = reina_loss(scores, gain, mask, ReinaLossOptions())
    share = global_mean(loss.total, loss.tokens)
    share = share + global_mean(divergence_loss(scores, gain.abs(), mask), mask.sum())
    share.backward()
    return share.detach(), weight.grad, normalised(gain, mask)


def work(rank, port, queue):
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    assert processes() == 2
    queue.put((rank, *(tensor.tolist() for tensor in results(HALVES[rank]))))
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two_processes():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    multiprocessing.spawn(work, (port, queue), nprocs=2)
    return [values for _, *values in sorted(queue.get() for _ in range(2))]


def test_statistics_are_those_of_the_global_batch(two_processes):
    expected = results(slice(0, 6))[2]
    found = torch.cat([torch.tensor(gain) for _, _, gain in two_processes])
    assert torch.allclose(found, expected, atol=1e-5)
    alone = results(HALVES[0])[2]
    assert not torch.allclose(alone, expected[HALVES[0]], atol=0.1)


def test_averaged_loss_and_gradient_are_those_of_the_global_batch(two_processes):
    loss, gradient, _ = results(slice(0, 6))
    shares, gradients = ([torch.tensor(values[at]) for values in two_processes] for at in (0, 1))
    assert torch.allclose(sum(shares) / 2, loss, atol=1e-5)
    assert torch.allclose(sum(gradients) / 2, gradient, atol=1e-5)


def test_one_process_needs_no_communication():
    values = torch.tensor([1.0, 2.0], requires_grad=True)
    assert processes() == 1
    assert global_sum(values).tolist() == [1.0, 2.0] and not global_sum(values).requires_grad
    assert float(global_mean(values.sum(), torch.tensor(4)).detach()) == 0.75
