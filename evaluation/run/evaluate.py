"""One evaluation: it is run, scored and shown.

Runs SimulEval in this process, or our batched engine, with our scorers registered, and prints one table.
The folder of results holds SimulEval's instances.log, chunks.jsonl (every decision and its compute), the
scores (scores.tsv, signatures.json), and evaluation.yaml, which repeats the run.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import soundfile
from simuleval.evaluator import build_evaluator
from simuleval.evaluator.scorers.latency_scorer import LATENCY_SCORERS_DICT
from simuleval.utils import EVALUATION_SYSTEM_LIST
from simuleval.utils.agent import build_system_args

from agents.configuration.model_checks import check_models
from agents.glossary import check_context
from evaluation.configuration.evaluation_file import Configuration
from evaluation.configuration.test_set_files import audio_files, check_files_exist, lists_for_simuleval
from evaluation.logs.chunk_log import CHUNK_LOG, write_chunk_log
from evaluation.metrics.latency import LONG_FORM_METRICS, column_of, in_unit
from evaluation.metrics.scores import Scorers, Scores
from evaluation.run.run_scores import run_folder
from evaluation.sweeps.folder import read_scored_log
from evaluation.table import Row, text_table
from foundation.errors import InputError
from foundation.progress import Progress
from foundation.workers import Workers

SHOWN_TRANSLATIONS = 20  # a first look; more are for the log

# What SimulEval has to know to write its log; scoring comes later.
RUN_OPTIONS = ("start_index", "end_index", "eval_latency_unit")


def show(configuration: Configuration, scores: Scores) -> None:
    """Print the scores of a run, and what it wrote if that is little."""
    print(text_table([shown_row(configuration, scores)]))
    utterances = read_scored_log(Path(configuration.evaluation.output)).utterances
    if len(utterances) <= SHOWN_TRANSLATIONS:
        print("\n" + "\n".join(one.prediction for one in utterances))
    print(f"\nresults in {configuration.evaluation.output}")


def shown_row(configuration: Configuration, scores: Scores) -> Row:
    """The scores as people read them: times in seconds, where scores.tsv has SimulEval's ms."""
    known = {*LATENCY_SCORERS_DICT, *LONG_FORM_METRICS}
    latency = {name for name in scores.values if name.partition("_")[0] in known}
    return {"setting": configuration.setting} | {
        column_of(name) if name in latency else name: in_unit(name, value) if name in latency else value
        for name, value in scores.values.items()
    }


def evaluate(configuration: Configuration, overwrite: bool = False, jobs: int = 1) -> Scores:
    """Run and score one evaluation; its output folder is complete or not there, or lacks only its scores.

    jobs: processes, of which only the engine batched can use more than one. Raises InputError for
    anything in the configuration or its test set that cannot be used.
    """
    options = configuration.evaluation
    if type(jobs) is not int or jobs < 1:
        raise InputError(f"jobs must be a whole number of processes, at least 1, got {jobs!r:.40}")
    if jobs > 1 and options.engine != "batched":
        raise InputError(f"the engine {options.engine} plays one sentence after another: leave out --jobs")
    check_files_exist([options])
    scorers = Scorers(options)
    with run_folder(configuration, overwrite) as folder:
        if not configuration.agent_class.own_behaviour():  # which may load something else
            check_models(configuration)
        check_context(configuration.history)
        if options.engine == "batched":
            run_batched(configuration, folder.path, jobs)
        else:
            run_simuleval(configuration, folder.path)
        folder.score(configuration, scorers)
    return folder.scores


def run_batched(configuration: Configuration, folder: Path, jobs: int) -> None:
    """Write instances.log and chunks.jsonl into `folder`. Raises InputError like `evaluate`."""
    # They bring torch, for an evaluation in which no fault was found without it.
    from evaluation.run.batched_run import BatchedRun
    from evaluation.run.simulate_all import simulate_all

    run = BatchedRun((configuration,))
    with tempfile.TemporaryDirectory() as parts:
        transcripts = simulate_all(run, Path(parts), Workers(jobs))
    run.write_logs(0, transcripts, folder)


def run_simuleval(configuration: Configuration, folder: Path) -> None:
    """Write instances.log into `folder`. Raises InputError like `evaluate`."""
    with tempfile.TemporaryDirectory() as lists:
        _run_simuleval(configuration, folder, *lists_for_simuleval(configuration.evaluation, Path(lists)))


def _run_simuleval(configuration: Configuration, folder: Path, source: str, target: str) -> None:
    options = configuration.evaluation
    arguments = [
        f"--source={source}",
        f"--target={target}",
        *(f"--{name.replace('_', '-')}={getattr(options, name)}" for name in RUN_OPTIONS),
        f"--output={folder}",
        # Two sorts of latency come from one log: see evaluation/metrics/scores.py.
        "--no-scoring",
        *configuration.agent_arguments(),
    ]
    arguments.append("--no-progress-bar")  # it knows finished utterances only, which may take hours
    with _command_line(arguments, configuration.agent_class):
        try:
            system, args = build_system_args()
        except SystemExit as stop:
            if isinstance(stop.code, str):
                raise InputError(stop.code.removeprefix("error: ")) from None
            raise
    files = audio_files(options)
    seconds = [soundfile.info(files[index]).duration for index in options.indices(len(files))]
    system.utterance_records = []

    def heard_s() -> float:
        done = len(system.utterance_records)
        present_s = system.states.stream.audio.heard_ms / 1000 if done < len(seconds) else 0
        return sum(seconds[:done]) + present_s

    with Progress(sum(seconds), "audio second", measure=heard_s):
        build_evaluator(args)(system)
    write_chunk_log(folder / CHUNK_LOG, system.utterance_records, options.start_index)


@contextmanager
def _command_line(arguments: Sequence[str], agent_class: type) -> Iterator[None]:
    """SimulEval reads sys.argv in many places, and the agent from a global list that @entrypoint fills."""
    argv, agents = sys.argv, list(EVALUATION_SYSTEM_LIST)
    sys.argv = ["simuleval", *arguments]
    EVALUATION_SYSTEM_LIST[:] = [agent_class]
    try:
        yield
    finally:
        sys.argv = argv
        EVALUATION_SYSTEM_LIST[:] = agents
