"""How many work on a command that prepares data, and on which device each of them."""

import pytest
import torch

from foundation import workers
from foundation.errors import InputError
from train.prepare.workers_here import own_device, workers_in


def test_every_core_gets_a_process_but_a_cluster_is_told_how_many(tmp_path):
    assert workers_in(tmp_path, None, "local").jobs == workers.available_processes()
    assert workers_in(tmp_path, 3, "slurm").log_folder == tmp_path / ".jobs"
    with pytest.raises(InputError, match="--executor slurm takes --jobs N"):
        workers_in(tmp_path, None, "slurm")


def test_processes_take_the_gpus_in_turns(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(workers._Place, "number", 3)
    assert [own_device(name) for name in ("cuda", "cuda:0", "cpu")] == ["cuda:1", "cuda:0", "cpu"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert own_device("cuda") == "cuda"
