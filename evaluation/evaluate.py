"""simulst evaluate CONFIG.yaml [--output DIR] [--overwrite] [--jobs N] [--KEY VALUE ...]

Runs SimulEval in this process, or our batched engine, with our scorers registered, and prints one table.
The folder of results holds SimulEval's instances.log, chunks.jsonl (every decision and its compute), the
scores (scores.tsv, signatures.json), and evaluation.yaml, which repeats the run.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from simuleval.evaluator import build_evaluator
from simuleval.utils import EVALUATION_SYSTEM_LIST
from simuleval.utils.agent import build_system_args

from evaluation.batched_run import BatchedRun, simulate_all
from evaluation.chunk_log import CHUNK_LOG, write_chunk_log
from evaluation.configuration import Configuration, load_configuration
from evaluation.evaluate_arguments import EvaluateArguments
from evaluation.latency import METRICS_BY_CLOCK, SIMULEVAL_CLOCK, TRUE_CLOCK
from evaluation.result_folder import LOG, result_folder
from evaluation.run_log import read_run_log
from evaluation.scores import Scorers, Scores
from evaluation.significance import mean
from evaluation.table import text_table, write_tsv
from evaluation.test_set_files import check_files_exist
from evaluation.true_clock import SIGNATURE
from evaluation.workers import Workers
from foundation.errors import InputError

SHOWN_TRANSLATIONS = 20  # a first look; more are for the log

# What SimulEval has to know to write its log; scoring comes later.
RUN_OPTIONS = ("source", "target", "start_index", "end_index", "eval_latency_unit")


def run(options: EvaluateArguments, keys: Mapping[str, Sequence[str]]) -> None:
    """`simulst evaluate`. keys: the words behind each flag that replaces a key of the file."""
    overrides = dict(keys) if options.output is None else {**keys, "output": [options.output]}
    configuration = load_configuration(options.configuration, overrides)
    scores = evaluate(configuration, options.overwrite, options.jobs)
    print(text_table([{"setting": configuration.setting, **scores.values}]))
    utterances = read_run_log(configuration.evaluation.output).utterances
    if len(utterances) <= SHOWN_TRANSLATIONS:
        print("\n" + "\n".join(one.prediction for one in utterances))
    print(f"\nresults in {configuration.evaluation.output}")


def evaluate(configuration: Configuration, overwrite: bool = False, jobs: int = 1) -> Scores:
    """Run and score one evaluation; its output folder is complete or not there.

    jobs: processes, of which only the engine batched can use more than one. Raises InputError for
    anything in the configuration or its test set that cannot be used.
    """
    options = configuration.evaluation
    if jobs > 1 and options.engine != "batched":
        raise InputError(f"the engine {options.engine} plays one sentence after another: leave out --jobs")
    check_files_exist([options])
    with result_folder(options.output, overwrite) as folder:
        scorers = Scorers(options)
        if options.engine == "batched":
            run_batched(configuration, folder, jobs)
        else:
            run_simuleval(configuration, folder)
        scores = write_scores(configuration, scorers, folder)
    return scores


def write_scores(configuration: Configuration, scorers: Scorers, folder: Path) -> Scores:
    """Score the log in `folder`, and put what makes it a result of `simulst evaluate` beside it."""
    scores = scorers.score(folder / LOG)
    if configuration.evaluation.computation_aware:
        scores = with_true_clock(scores, folder)
    (folder / "evaluation.yaml").write_text(configuration.to_yaml(), encoding="utf-8")
    signatures = json.dumps(scores.signatures, indent=1)
    (folder / "signatures.json").write_text(signatures + "\n", encoding="utf-8")
    write_tsv(folder / "scores.tsv", [{"setting": configuration.setting, **scores.values}])
    return scores


def run_batched(configuration: Configuration, folder: Path, jobs: int) -> None:
    """Write instances.log and chunks.jsonl into `folder`. Raises InputError like `evaluate`."""
    run = BatchedRun((configuration,))
    with tempfile.TemporaryDirectory() as parts:
        transcripts = simulate_all(run, Path(parts), Workers(jobs))
    run.write_logs(0, transcripts, folder)


def with_true_clock(scores: Scores, folder: Path) -> Scores:
    """Adds each latency metric by the true clock behind its column of SimulEval's clock."""
    log = read_run_log(folder)
    values, signatures = {}, dict(scores.signatures)
    for name, value in scores.values.items():
        values[name] = value
        metric, clock = METRICS_BY_CLOCK.get(name, (name, ""))
        if clock == SIMULEVAL_CLOCK:
            values[metric + TRUE_CLOCK] = mean(log.latency(metric + TRUE_CLOCK))
            signatures[metric + TRUE_CLOCK] = f"unit:{log.unit}|{SIGNATURE}"
    return Scores(values, signatures)


def run_simuleval(configuration: Configuration, folder: Path) -> None:
    """Write instances.log into `folder`. Raises InputError like `evaluate`."""
    options = configuration.evaluation
    arguments = [
        *(f"--{name.replace('_', '-')}={getattr(options, name)}" for name in RUN_OPTIONS),
        f"--output={folder}",
        # Two sorts of latency come from one log: see evaluation/scores.py.
        "--no-scoring",
        *configuration.agent_arguments(),
    ]
    if not sys.stderr.isatty():
        arguments.append("--no-progress-bar")
    with _command_line(arguments, configuration.agent_class):
        try:
            system, args = build_system_args()
        except SystemExit as stop:
            if isinstance(stop.code, str):
                raise InputError(stop.code.removeprefix("error: ")) from None
            raise
    options.indices(len(Path(options.source).read_text(encoding="utf-8").splitlines()))
    system.utterance_records = []
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
