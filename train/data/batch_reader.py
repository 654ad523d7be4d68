"""Feeds planned batches to fairseq2's trainer, from this process or from worker processes.

fairseq2's own data pipeline is native code that runs on few machines; this reader is plain torch. Its
state is two numbers, epoch and step, because plans and truncations depend on nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fairseq2.datasets import DataReader
from fairseq2.gang import Gangs
from torch.utils.data import DataLoader, Dataset

from train.data.batch_plan import BatchPlan, PlannedBatch
from train.data.batches import Collation, TranslationBatch
from train.data.examples import Example


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

    def __getitem__(self, at: int) -> TranslationBatch:
        batch = self.batches[at]
        return self.collation.batch(self._own(batch.speech), self._own(batch.text), self.epoch)

    def _own(self, places: tuple[int, ...]) -> list[Example]:
        return [self.plan.pairs[place] for place in places[self.rank :: self.processes]]


def _feeds_all(batch: PlannedBatch, processes: int) -> bool:
    """Whether each process gets something. fairseq2 would wait for ever for one without targets."""
    return len(batch.speech or batch.text) >= processes


class BatchReader(DataReader[TranslationBatch]):
    """Epoch after epoch of a plan; every step takes `accumulate` batches of it."""

    def __init__(
        self, plan: BatchPlan, collation: Collation, gangs: Gangs, accumulate: int = 1, workers: int = 0
    ) -> None:
        """Starts before epoch 0. workers: processes that read audio; 0 reads it in this one."""
        self._plan = plan
        self._collation = collation
        self._rank, self._processes = gangs.dp.rank, gangs.dp.size
        self._accumulate = accumulate
        self._workers = workers
        self._epoch = 0
        self._step = 0
        self._batches: Iterator[TranslationBatch] | None = None

    def __iter__(self) -> "BatchReader":
        return self

    def __next__(self) -> list[TranslationBatch]:
        if self._batches is None:
            self._batches = self._open()
        batches = [batch for _, batch in zip(range(self._accumulate), self._batches, strict=False)]
        if len(batches) < self._accumulate:
            raise StopIteration
        self._step += 1
        return batches

    def _open(self) -> Iterator[TranslationBatch]:
        batches = [batch for batch in self._plan.epoch(self._epoch) if _feeds_all(batch, self._processes)]
        share = _Share(self._plan, batches, self._collation, self._epoch, self._rank, self._processes)
        order = range(self._step * self._accumulate, len(batches))
        return iter(DataLoader(share, batch_size=None, sampler=order, num_workers=self._workers))

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
