"""What a sweep looks at before its first run, so that its last is not refused after hours.

Every model is loaded once, with the policies and the language pairs that go with it, and every audio file
and reference is looked for.
"""

from collections.abc import Sequence

from evaluation.configuration.evaluation_file import Configuration
from evaluation.configuration.test_set_files import check_audible
from evaluation.run.batched_run import BatchedRun, batch_key


def check_runs(configurations: Sequence[Configuration]) -> None:
    """Raises InputError, which names a run, for a model, a policy, a language pair or a file of no use."""
    groups: dict[tuple, list[Configuration]] = {}
    for configuration in configurations:
        groups.setdefault(batch_key(configuration), []).append(configuration)
    for group in groups.values():
        loadable = [one for one in group if not one.agent_class.own_behaviour()]
        if loadable:
            run = BatchedRun(tuple(loadable))
            run.check(run.load())
        else:
            # Their agents may be anything, but their lists are known.
            check_audible([one.evaluation for one in group], None)
