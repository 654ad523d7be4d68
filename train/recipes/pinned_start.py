"""Which checkpoint of an earlier run a run starts from: as that one goes on, another may become its best."""

from pathlib import Path

from train.recipes.start_model import CHECKPOINTS, best_checkpoint


def pinned(name: str, path: Path) -> str:
    """`name`, or where the model at `path` is the output of a run, its best checkpoint now.

    Raises InputError for a run without checkpoints.
    """
    return str(best_checkpoint(path)) if (path / CHECKPOINTS).is_dir() else name
