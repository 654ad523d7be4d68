"""fairseq2's trainer, which goes on in the epoch that its data is in.

By itself fairseq2 0.8 takes a run that was interrupted in its last epoch (`regime.num_data_epochs`) for a
complete one, and ends it at once; and behind a checkpoint written at the end of an epoch it counts that
epoch again, so that the run has one too many.
"""

from collections.abc import Sequence
from typing import Any

import fairseq2.recipe  # noqa: F401  fairseq2.evaluator can only be imported after it
from fairseq2.evaluator import EvalUnit
from fairseq2.recipe.base import RecipeContext
from fairseq2.trainer import Trainer, TrainUnit

from train.data.batch_reader import BatchReader


def create_trainer(
    context: RecipeContext,
    unit: TrainUnit[Any],
    reader: BatchReader,
    units: Sequence[EvalUnit[Any]],
    readers: Sequence[BatchReader],
) -> Trainer:
    """units, readers: of what is validated on."""
    return counting_epochs(context.create_trainer(unit, reader, units, readers), reader)


def counting_epochs(trainer: Trainer, reader: BatchReader) -> Trainer:
    """The trainer, which asks its reader for the epoch when it goes on from a checkpoint.

    Raises AttributeError in a fairseq2 without what is replaced here.
    """
    restore = trainer._maybe_restore_state

    def restored() -> Any:
        state = restore()
        if not trainer._step_nr:
            return state
        epoch, at_end = reader.place
        trainer._data_epoch_nr = epoch + 1
        most_steps, most_epochs = trainer._max_num_steps, trainer._max_num_data_epochs
        over = most_steps is not None and trainer._step_nr >= most_steps
        over = over or (most_epochs is not None and epoch + at_end >= most_epochs)
        return type(state)["STOPPED" if over else "DATA_LOAD"]

    trainer._maybe_restore_state = restored
    return trainer
