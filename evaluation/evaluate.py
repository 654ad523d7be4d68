"""simulst evaluate CONFIG.yaml [--output DIR] [--overwrite] [--KEY VALUE ...]

Runs SimulEval in this process with our scorers registered, and prints one table. The folder of results
holds SimulEval's instances.log, chunks.jsonl (every decision and its compute), the scores (scores.tsv,
signatures.json), and evaluation.yaml, which repeats the run.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from simuleval.evaluator import build_evaluator
from simuleval.utils import EVALUATION_SYSTEM_LIST
from simuleval.utils.agent import build_system_args

from evaluation.chunk_log import CHUNK_LOG, read_chunk_log, write_chunk_log
from evaluation.configuration import Configuration, load_configuration
from evaluation.latency import LATENCY_METRICS
from evaluation.result_folder import LOG, result_folder
from evaluation.run_log import read_run_log
from evaluation.scores import COMPUTATION_AWARE, Scorers, Scores
from evaluation.table import text_table, write_tsv
from evaluation.true_clock import SIGNATURE, TRUE_CLOCK, true_clock_latency
from models.errors import InputError

# What SimulEval has to know to write its log; scoring comes later.
RUN_OPTIONS = ("source", "target", "start_index", "end_index", "eval_latency_unit")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="simulst evaluate",
        description="Run an agent over a test set through SimulEval and print quality and latency.",
        epilog="--KEY VALUE replaces any key of the file; `simulst options` lists them.",
        usage="simulst evaluate CONFIG.yaml [--output DIR] [--overwrite] [--KEY VALUE ...]",
    )
    parser.add_argument("configuration", metavar="CONFIG.yaml", help="an evaluation file, see eval_configs/")
    parser.add_argument("--output", metavar="DIR", help="folder to make; default: outputs/CONFIG")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier result in that folder")
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
    configuration = load_configuration(file, overrides)
    scores = evaluate(configuration, overwrite)
    print(text_table([{"setting": configuration.setting, **scores.values}]))
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


def evaluate(configuration: Configuration, overwrite: bool = False) -> Scores:
    """Run and score one evaluation; its output folder is complete or not there.

    Raises InputError for anything in the configuration or its test set that cannot be used.
    """
    options = configuration.evaluation
    with result_folder(options.output, overwrite) as folder:
        scorers = Scorers(options)
        run_simuleval(configuration, folder)
        scores = scorers.score(folder / LOG)
        if options.computation_aware:
            scores = with_true_clock(scores, folder)
        (folder / "evaluation.yaml").write_text(configuration.to_yaml(), encoding="utf-8")
        signatures = json.dumps(scores.signatures, indent=1)
        (folder / "signatures.json").write_text(signatures + "\n", encoding="utf-8")
        write_tsv(folder / "scores.tsv", [{"setting": configuration.setting, **scores.values}])
    return scores


def with_true_clock(scores: Scores, folder: Path) -> Scores:
    """Adds each latency metric by the true clock behind its column of SimulEval's clock."""
    log, records = read_run_log(folder), read_chunk_log(folder / CHUNK_LOG)
    values, signatures = {}, dict(scores.signatures)
    for name, value in scores.values.items():
        values[name] = value
        metric = name.removesuffix(COMPUTATION_AWARE)
        if metric != name and metric in LATENCY_METRICS:
            values[metric + TRUE_CLOCK] = true_clock_latency(log, records, metric)
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
    sentences = len(Path(options.source).read_text(encoding="utf-8").splitlines())
    if max(options.start_index + 1, options.end_index) > sentences:
        raise InputError(
            f"{options.source} lists {sentences} sentences: start_index {options.start_index} or end_index "
            f"{options.end_index} lies beyond"
        )
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
