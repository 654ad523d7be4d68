"""simulst sweep CONFIG.yaml --output DIR [--jobs N] [--executor local|slurm] [--KEY VALUE ...]

What is done, and what it leaves, is told in evaluation/sweeps/sweep.py.
"""

from collections.abc import Mapping, Sequence

from evaluation.commands.sweep_arguments import SweepArguments
from evaluation.sweeps.plan import load_plan
from foundation.commands import load
from foundation.workers import Workers


def run(options: SweepArguments, keys: Mapping[str, Sequence[str]]) -> None:
    """`simulst sweep`. keys: the words behind each flag that replaces a key of the file.

    What runs is loaded once the whole plan was found to be good: it brings pandas and torch.
    """
    plan = load_plan(options.configuration, options.output, keys)
    sweep = load("evaluation.sweeps.sweep:sweep")
    print(sweep(plan, options.output, Workers(options.jobs, options.executor, options.output / ".jobs")))
