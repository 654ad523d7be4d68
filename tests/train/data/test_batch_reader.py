"""Batches of several processes, and clips that cannot be read."""

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from foundation.errors import InputError
from models.whisper.front_end import WhisperFrontEnd
from train.data.batch_plan import BatchPlan, BatchSection, PlannedBatch
from train.data.batch_reader import BatchReader, feeding_all
from train.data.batches import Collation
from train.data.examples import Example


def pair(name, seconds=1.0, clip=None):
    return Example(name, "en", (1,), np.array([2], np.int32), "a", seconds=seconds, clip=clip)


def reader(pairs, rank=0, processes=1, workers=0):
    plan = BatchPlan(pairs, [1.0] * len(pairs), BatchSection(seconds=8, pairs=8), seed=1, shuffle=False)
    collation = Collation(0, WhisperFrontEnd(80), None, False, seed=0)
    gangs = SimpleNamespace(dp=SimpleNamespace(rank=rank, size=processes))
    return BatchReader(plan, collation, gangs, workers=workers)


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_every_pair_goes_to_one_of_the_processes(processes):
    """Clips of 2, 4 and 6 s: batches of 4, 2 and 1 pairs."""
    pairs = [pair(f"{number}", 2.0 * (1 + number % 3)) for number in range(11)]
    plan = BatchPlan(pairs, [1.0] * 11, BatchSection(seconds=8, pairs=8), seed=1)
    planned = plan.epoch(0)
    assert min(len(batch.speech) for batch in planned) == 1
    batches = feeding_all(planned, processes)
    assert sorted(at for batch in batches for at in batch.speech) == list(range(11))
    assert min(len(batch.speech) for batch in batches) >= processes
    assert batches == planned or processes > 1


def test_texts_are_joined_like_clips():
    texts = [PlannedBatch((), (0,)), PlannedBatch((), (1, 2)), PlannedBatch((), (3,)), PlannedBatch((), (4,))]
    assert feeding_all(texts, 2) == [PlannedBatch((), (1, 2)), PlannedBatch((), (0, 3, 4))]
    assert feeding_all(texts[:2], 2) == [PlannedBatch((), (1, 2, 0))]


def test_fewer_pairs_than_processes_are_refused():
    with pytest.raises(InputError, match="1 pairs are fewer than the 2 processes"):
        reader([pair("a")], processes=2)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_clip_that_cannot_be_read_is_named_in_one_line(tmp_path, workers):
    clip = tmp_path / "damaged.wav"
    clip.write_bytes(b"RIFF")
    with pytest.raises(InputError) as found:
        next(reader([pair("a", clip=clip)], workers=workers))
    assert str(found.value).startswith(f"{clip} ") and "\n" not in str(found.value)


def test_reading_draws_nothing_that_training_draws_from(tmp_path):
    """So a run that goes on in the middle of an epoch has the dropout of one that was not interrupted."""
    soundfile.write(tmp_path / "a.wav", np.full(1600, 0.1), 16_000)
    state = torch.get_rng_state()
    next(reader([pair("a", clip=tmp_path / "a.wav")]))
    assert torch.equal(torch.get_rng_state(), state)
