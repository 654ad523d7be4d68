"""All utterances of a batched run, in one process or several, going on where an earlier one stopped."""

import re
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from evaluation.configuration.evaluation_file import configure
from evaluation.run.batched_run import BatchedRun, complete_only, read_transcripts
from evaluation.run.batched_simulator import Transcript
from evaluation.run.worker_threads import share_of_threads
from foundation.progress import Progress
from foundation.workers import Workers


def simulate_all(
    run: BatchedRun, parts: Path, workers: Workers, checked: bool = False, title: str | None = None
) -> dict[int, dict[str, Transcript]]:
    """The transcripts of each utterance, by the keys of the configurations.

    `parts` keeps what is done, also that of an earlier process. Raises InputError for anything that
    cannot be used, before it simulates; checked: the test set has been looked at before; title: of the bar.
    """
    lanes = run.load()
    if not checked:
        run.check(lanes)
    found = complete_only(read_transcripts(sorted(parts.glob("*.jsonl")), run.audio_stamps), run.keys)
    # Whole batches, even if a part of one is there: rounding depends on what is decoded together.
    batches = run.batches(lanes[0].engine.translator)
    left = [batch for batch in batches if not all(index in found for index in batch)]
    if not left:
        return found
    files = [parts / f"{uuid.uuid4().hex}.jsonl" for _ in range(workers.jobs)]
    total_s = sum(run.seconds.values())
    earlier_s = total_s - sum(run.seconds[index] for batch in left for index in batch)
    if workers.in_process:
        with Progress(total_s, "audio second", title, earlier_s) as progress:
            run.simulate(lanes, left, files[0], progress.add)
    else:
        values = [configuration.values() for configuration in run.configurations]
        shares = run.shares(left, workers.jobs)
        tasks = [(values, share, file) for share, file in zip(shares, files, strict=True) if share]

        def written_s() -> float:
            """Of finished utterances; their lines begin with the index, and are long."""
            found = [file.read_bytes() for file in files if file.exists()]
            indices = [
                int(index) for lines in found for index in re.findall(rb'^{"index": (\d+),', lines, re.M)
            ]
            return earlier_s + sum(run.seconds[index] for index in indices)

        with Progress(total_s, "audio second", title, earlier_s, written_s):
            for _ in workers.in_order(simulate_share, tasks, *share_of_threads(workers)):
                pass
    written = [file for file in files if file.exists()]
    return found | complete_only(read_transcripts(written, run.audio_stamps), run.keys)


def simulate_share(task: tuple[Sequence[Mapping], Sequence[Sequence[int]], Path]) -> None:
    """What one process does: the configurations, as keys with values, over some batches, into a file."""
    values, batches, file = task
    run = BatchedRun(tuple(configure(one, "the sweep") for one in values))
    run.simulate(run.load(), batches, file)
