"""Feeds planned batches to fairseq2's trainer, from this process or from worker processes.

fairseq2's own data pipeline is native code that runs on few machines; this reader is plain torch. Its
state is two numbers, epoch and step, because plans and truncations depend on nothing else.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from fairseq2.datasets import DataReader
from fairseq2.gang import Gangs
from torch.utils.data import DataLoader, Dataset

from foundation.errors import InputError
from train.data.batch_plan import BatchPlan, PlannedBatch
from train.data.batches import Collation, TranslationBatch
from train.data.examples import Example


@dataclass(frozen=True)
class _Unusable:
    """What is wrong with a batch: an error would come out of another process with all that it did there."""

    fault: str


@dataclass(frozen=True)
class _Share(Dataset):
    """This process' share of each batch of an epoch."""

    plan: BatchPlan
    batches: list[PlannedBatch]
    collation: Collation
    epoch: int
    rank: int
    processes: int

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, at: int) -> TranslationBatch | _Unusable:
        batch = self.batches[at]
        try:
            return self.collation.batch(self._own(batch.speech), self._own(batch.text), self.epoch)
        except InputError as error:
            return _Unusable(str(error))

    def _own(self, places: tuple[int, ...]) -> list[Example]:
        return [self.plan.pairs[place] for place in places[self.rank :: self.processes]]


def feeding_all(batches: Iterable[PlannedBatch], processes: int) -> list[PlannedBatch]:
    """The batches, those joined that hold fewer pairs than there are processes: no pair is left out.

    fairseq2 would wait for ever for a process without targets.
    """
    fed: list[PlannedBatch] = []
    small = PlannedBatch((), ())
    for batch in batches:
        if len(batch.speech or batch.text) >= processes:
            fed.append(batch)
            continue
        small = _joined(small, batch)
        if len(small.speech or small.text) >= processes:
            fed.append(small)
            small = PlannedBatch((), ())
    if fed and small != PlannedBatch((), ()):
        fed[-1] = _joined(fed[-1], small)
    return fed


def _joined(first: PlannedBatch, second: PlannedBatch) -> PlannedBatch:
    return PlannedBatch(first.speech + second.speech, first.text + second.text)


class BatchReader(DataReader[TranslationBatch]):
    """Epoch after epoch of a plan; every step takes `accumulate` batches of it."""

    def __init__(
        self, plan: BatchPlan, collation: Collation, gangs: Gangs, accumulate: int = 1, workers: int = 0
    ) -> None:
        """Starts before epoch 0. workers: processes that read audio; 0 reads it in this one.

        Raises InputError for fewer pairs than there are processes.
        """
        if len(plan.pairs) < gangs.dp.size:
            raise InputError(
                f"{len(plan.pairs)} pairs are fewer than the {gangs.dp.size} processes, each of which needs "
                "one: give more data, or start fewer processes"
            )
        self._plan = plan
        self._collation = collation
        self._rank, self._processes = gangs.dp.rank, gangs.dp.size
        self._accumulate = accumulate
        self._workers = workers
        self._epoch = 0
        self._step = 0
        self._batches: Iterator[TranslationBatch | _Unusable] | None = None

    def __iter__(self) -> "BatchReader":
        return self

    def __next__(self) -> list[TranslationBatch]:
        if self._batches is None:
            self._batches = self._open()
        batches = list(islice(self._batches, self._accumulate))
        for batch in batches:
            if isinstance(batch, _Unusable):
                raise InputError(batch.fault)
        if len(batches) < self._accumulate:
            raise StopIteration
        self._step += 1
        return batches

    @property
    def place(self) -> tuple[int, bool]:
        """The epoch, from 0, and whether all of it has been read."""
        return self._epoch, (self._step + 1) * self._accumulate > len(self._planned())

    def _planned(self) -> list[PlannedBatch]:
        return feeding_all(self._plan.epoch(self._epoch), self._processes)

    def _open(self) -> Iterator[TranslationBatch | _Unusable]:
        batches = self._planned()
        share = _Share(self._plan, batches, self._collation, self._epoch, self._rank, self._processes)
        order = range(self._step * self._accumulate, len(batches))
        # By itself it draws a seed from what dropout draws from: a run that goes on would draw once more.
        own = torch.Generator().manual_seed(0)
        loader = DataLoader(share, batch_size=None, sampler=order, num_workers=self._workers, generator=own)
        return iter(loader)

    def reset(self) -> None:
        """Goes on to the next epoch; without shuffling all epochs are alike."""
        self._epoch += self._plan.shuffle
        self._step = 0
        self._batches = None

    def state_dict(self) -> dict[str, object]:
        return {"epoch": self._epoch, "step": self._step}

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        self._epoch, self._step = int(state_dict["epoch"]), int(state_dict["step"])
        self._batches = None

    @property
    def num_accumulate(self) -> int:
        return self._accumulate
