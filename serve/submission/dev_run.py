"""Runs a development set of long recordings, one at a time, so that an interruption loses one at most.

A finished recording is a folder of its own, PARTS/NAME/INDEX, and a line of the journal. Once all are there
they are put together into what `simulst evaluate` leaves, with simulstream's log beside it.
"""

import dataclasses
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.configuration.evaluation_file import Configuration
from evaluation.configuration.test_set_files import audio_files
from evaluation.logs.chunk_log import CHUNK_LOG, read_chunk_log
from evaluation.logs.result_folder import LOG
from evaluation.metrics.scores import Scorers, Scores
from evaluation.run.evaluate import run_simuleval
from evaluation.run.run_scores import write_scores
from foundation.files.journal import Journal
from foundation.files.whole_folder import whole_folder
from serve.submission.simulstream_log import SIMULSTREAM_LOG, write_simulstream_log

PARTS = "parts"
SIMULEVAL_CONFIG = "config.yaml"  # what SimulEval wants to know of a log that it scores


@dataclass(frozen=True)
class DevRun:
    """One development set, in one pair of languages."""

    name: str  # such as en-de
    configuration: Configuration

    def run(self, folder: Path, journal: Journal) -> Scores:
        """Run what the journal does not have, and leave the whole in `folder`/NAME.

        Raises InputError like `simulst evaluate`.
        """
        files = audio_files(self.configuration.evaluation)
        scorers = Scorers(self.configuration.evaluation)
        parts = [folder / PARTS / self.name / str(index) for index in range(len(files))]
        for index, part in enumerate(parts):
            entry = [self.name, index]
            if entry in journal.entries:
                continue
            # Of an earlier process, which ended before it could say with which settings.
            shutil.rmtree(part, ignore_errors=True)
            print(f"{self.name}: recording {index + 1} of {len(files)}, {files[index]}", file=sys.stderr)
            with whole_folder(part) as made:
                run_simuleval(self._of(index), made)
            journal.append(entry)
        whole = folder / self.name
        shutil.rmtree(whole, ignore_errors=True)
        whole.mkdir()
        _join(parts, whole)
        names = {index: Path(file).name for index, file in enumerate(files)}
        write_simulstream_log(whole / SIMULSTREAM_LOG, names, read_chunk_log(whole / CHUNK_LOG))
        return write_scores(self.configuration, scorers, whole)

    def _of(self, index: int) -> Configuration:
        """The run of one recording."""
        evaluation = dataclasses.replace(
            self.configuration.evaluation, start_index=index, end_index=index + 1
        )
        return dataclasses.replace(self.configuration, evaluation=evaluation)


def _join(parts: Sequence[Path], whole: Path) -> None:
    for name in (LOG, CHUNK_LOG):
        with (whole / name).open("wb") as file:
            for part in parts:
                file.write((part / name).read_bytes())
    shutil.copyfile(parts[0] / SIMULEVAL_CONFIG, whole / SIMULEVAL_CONFIG)
