"""simulst evaluate CONFIG.yaml [--output DIR] [--overwrite] [--jobs N] [--KEY VALUE ...]

Runs SimulEval in this process, or our batched engine, with our scorers registered, and prints one table.
The folder of results holds SimulEval's instances.log, chunks.jsonl (every decision and its compute), the
scores (scores.tsv, signatures.json), and evaluation.yaml, which repeats the run.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from simuleval.evaluator import build_evaluator
from simuleval.utils import EVALUATION_SYSTEM_LIST
from simuleval.utils.agent import build_system_args

from evaluation.batched_run import BatchedRun, simulate_all
from evaluation.chunk_log import CHUNK_LOG, write_chunk_log
from evaluation.configuration import Configuration, load_configuration
from evaluation.latency import METRICS_BY_CLOCK, SIMULEVAL_CLOCK, TRUE_CLOCK
from evaluation.result_folder import CONFIGURATION, LOG
from evaluation.run_log import read_run_log
from evaluation.scores import Scorers, Scores
from evaluation.significance import mean
from evaluation.table import text_table, write_tsv
from evaluation.true_clock import SIGNATURE
from foundation.progress import Progress
from foundation.whole_folder import whole_folder
from foundation.workers import Workers
from models.errors import InputError

SHOWN_TRANSLATIONS = 20  # a first look; more are for the log

# What SimulEval has to know to write its log; scoring comes later.
RUN_OPTIONS = ("source", "target", "start_index", "end_index", "eval_latency_unit")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="simulst evaluate",
        description="Run an agent over a test set through SimulEval and print quality and latency.",
        epilog="--KEY VALUE replaces any key of the file; `simulst options` lists them.",
        usage="simulst evaluate CONFIG.yaml [--output DIR] [--overwrite] [--jobs N] [--KEY VALUE ...]",
    )
    parser.add_argument("configuration", metavar="CONFIG.yaml", help="an evaluation file, see eval_configs/")
    parser.add_argument("--output", metavar="DIR", help="folder to make; default: outputs/CONFIG")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier result in that folder")
    parser.add_argument("--jobs", metavar="N", help="processes for the engine batched; default: 1")
    if {"-h", "--help"} & set(arguments):
        arguments = ["--help"]
    file = parser.parse_args(arguments[:1]).configuration
    try:
        overrides = read_flags(arguments[1:])
    except ValueError as error:
        parser.error(str(error))
    overwrite = "overwrite" in overrides
    if overrides.pop("overwrite", None):
        parser.error("--overwrite takes no value")
    jobs = overrides.pop("jobs", ["1"])
    if len(jobs) != 1 or not jobs[0].isdecimal() or jobs == ["0"]:
        parser.error("--jobs takes one whole number from 1")
    configuration = load_configuration(file, overrides)
    scores = evaluate(configuration, overwrite, int(jobs[0]))
    print(text_table([{"setting": configuration.setting, **scores.values}]))
    utterances = read_run_log(configuration.evaluation.output).utterances
    if len(utterances) <= SHOWN_TRANSLATIONS:
        print("\n" + "\n".join(one.prediction for one in utterances))
    print(f"\nresults in {configuration.evaluation.output}")


def read_flags(words: Sequence[str]) -> dict[str, list[str]]:
    """`--beam 3 --attention-heads 1 2 --no-use-ref-len` -> the words behind each flag, by its key.

    Raises ValueError for a word that belongs to no flag.
    """
    flags: dict[str, list[str]] = {}
    current: list[str] | None = None
    for word in words:
        if word.startswith("--") and word != "--":
            name, equals, value = word[2:].partition("=")
            current = flags[name.replace("-", "_")] = [value] if equals else []
        elif current is None:
            raise ValueError(f"{word!r} belongs to no --KEY")
        else:
            current.append(word)
    return flags


def evaluate(configuration: Configuration, overwrite: bool = False, jobs: int = 1) -> Scores:
    """Run and score one evaluation; its output folder is complete or not there.

    jobs: processes, of which only the engine batched can use more than one. Raises InputError for
    anything in the configuration or its test set that cannot be used.
    """
    options = configuration.evaluation
    if jobs > 1 and options.engine != "batched":
        raise InputError(f"the engine {options.engine} plays one sentence after another: leave out --jobs")
    with whole_folder(options.output, overwrite, LOG) as folder:
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
    (folder / CONFIGURATION).write_text(configuration.to_yaml(), encoding="utf-8")
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
    indices = options.indices(len(Path(options.source).read_text(encoding="utf-8").splitlines()))
    system.utterance_records = []
    if sys.stderr.isatty():  # where SimulEval has a bar of its own
        build_evaluator(args)(system)
    else:
        with Progress(len(indices), "utterance", measure=lambda: len(system.utterance_records)):
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
