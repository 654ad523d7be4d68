"""A run that goes on from a checkpoint has as many epochs as it was asked for."""

from enum import Enum
from types import SimpleNamespace

import numpy as np
import pytest

from models.whisper.front_end import WhisperFrontEnd
from train.data.batch_plan import BatchPlan, BatchSection
from train.data.batch_reader import BatchReader
from train.data.batches import Collation
from train.data.examples import Example
from train.recipes.trainer import counting_epochs

State = Enum("State", ["DATA_LOAD", "PRE_VALIDATION", "STOPPED"])
BATCHES = 4


def reader(epoch, step):
    pairs = [Example(str(at), "de", (1,), np.array([2]), "a", source=np.array([3])) for at in range(BATCHES)]
    plan = BatchPlan(pairs, [1.0] * BATCHES, BatchSection(pairs=1), seed=0)
    gangs = SimpleNamespace(dp=SimpleNamespace(rank=0, size=1))
    found = BatchReader(plan, Collation(0, WhisperFrontEnd(80), None, False, seed=0), gangs)
    found.load_state_dict({"epoch": epoch, "step": step})
    return found


def restored(found, step, epoch_told, says, epochs=2, steps=None):
    """What the trainer then does, and the epoch that it counts, from 1."""
    trainer = SimpleNamespace(
        _maybe_restore_state=lambda: says,
        _step_nr=step,
        _data_epoch_nr=epoch_told,
        _max_num_steps=steps,
        _max_num_data_epochs=epochs,
    )
    return counting_epochs(trainer, found)._maybe_restore_state(), trainer._data_epoch_nr


@pytest.mark.parametrize(
    ("found", "step", "told", "says", "expected"),
    [
        ((1, 2), 6, 2, State.STOPPED, (State.DATA_LOAD, 2)),  # in the last epoch
        ((1, 4), 8, 2, State.STOPPED, (State.STOPPED, 2)),  # at its last step
        ((2, 0), 8, 2, State.STOPPED, (State.STOPPED, 3)),  # complete
        ((1, 0), 4, 1, State.DATA_LOAD, (State.DATA_LOAD, 2)),  # a checkpoint at the end of the first
    ],
)
def test_a_run_goes_on_in_the_epoch_of_its_data(found, step, told, says, expected):
    assert restored(reader(*found), step, told, says) == expected


def test_steps_still_end_a_run_and_a_new_one_begins_as_it_would():
    assert restored(reader(0, 2), 2, 1, State.STOPPED, epochs=None, steps=2) == (State.STOPPED, 1)
    assert restored(reader(0, 2), 2, 1, State.DATA_LOAD, epochs=None, steps=9) == (State.DATA_LOAD, 1)
    assert restored(reader(0, 0), 0, 1, State.PRE_VALIDATION) == (State.PRE_VALIDATION, 1)
