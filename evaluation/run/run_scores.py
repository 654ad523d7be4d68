"""The scores of one run, beside its log; a run whose scoring fails is kept, and can be scored again."""

import json
import logging
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evaluation.configuration.evaluation_file import Configuration
from evaluation.logs.imported_scores import imported_scores, outdated_scores
from evaluation.logs.result_folder import CONFIGURATION, LOG
from evaluation.logs.run_log import RunLog, read_run_log
from evaluation.logs.segment_log import SegmentLog, write_segment_log
from evaluation.metrics.latency import LONG_FORM_METRICS, METRICS_BY_CLOCK, SIMULEVAL_CLOCK, TRUE_CLOCK
from evaluation.metrics.scores import LATE, Scorers, Scores
from evaluation.metrics.significance import mean
from evaluation.metrics.true_clock import SIGNATURE
from evaluation.run.resegment import resegment
from evaluation.table import write_tsv
from foundation.errors import InputError
from foundation.files.whole_folder import replaced_file, whole_folder

logger = logging.getLogger(__name__)

SCORES = "scores.tsv"
# Columns that come last.
COUNTS = ("EMPTY", LATE, LATE + TRUE_CLOCK, "SENTENCES")
SIGNATURES = "signatures.json"
# From this part on of words that come too late to count, LongYAAL tells little: one in ten.
MANY_LATE = 0.1


class RunFolder:
    """A folder that a run is being written into."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.scores: Scores | None = None
        self.problem: str | None = None  # why it could not be scored

    def score(self, configuration: Configuration, scorers: Scorers) -> None:
        """Score the log in the folder. An error of a scorer does not end the block: the run is kept."""
        _write_configuration(configuration, self.path)
        try:
            self.scores = write_scores(configuration, scorers, self.path)
        except (Exception, SystemExit) as error:
            self.problem = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")


@contextmanager
def run_folder(configuration: Configuration, overwrite: bool = False) -> Iterator[RunFolder]:
    """A `whole_folder` for one run, whose log stays even if it cannot be scored.

    Raises InputError like `whole_folder`, and when the run is complete but was not scored.
    """
    output = configuration.evaluation.output
    with whole_folder(output, overwrite, LOG) as path:
        folder = RunFolder(path)
        yield folder
    if folder.problem is not None:
        raise InputError(
            f"{output} holds the finished run, but its scoring failed ({folder.problem}): score it again by "
            f"`simulst evaluate --rescore {output}`, with other --quality-metrics or --latency-metrics"
        )


def write_scores(configuration: Configuration, scorers: Scorers, folder: Path) -> Scores:
    """Score the log in `folder`, and put what makes it a result of `simulst evaluate` beside it."""
    options = configuration.evaluation
    log: RunLog
    if options.segments:
        log = resegment(configuration, read_run_log(folder))
        write_segment_log(log)
        scores = scorers.score_segments(log)
        _warn_of_unicode(log)
        _warn_of_late_words(log)
    else:
        log = read_run_log(folder)
        scores = scorers.score(folder / LOG)
    # Ours goes by the length of the reference: beside others it would be another metric.
    if options.computation_aware and not options.no_use_ref_len:
        scores = _with_true_clock(scores, log)
    scores = _with_imported(scores, log)
    _write_configuration(configuration, folder)
    with replaced_file(folder / SIGNATURES) as file:
        file.write_text(json.dumps(scores.signatures, indent=1) + "\n", encoding="utf-8")
    write_tsv(folder / SCORES, [{"setting": configuration.setting, **scores.values}])
    return scores


def _write_configuration(configuration: Configuration, folder: Path) -> None:
    with replaced_file(folder / CONFIGURATION) as file:
        file.write_text(configuration.to_yaml(), encoding="utf-8")


def _with_true_clock(scores: Scores, log: RunLog) -> Scores:
    """Adds each latency metric by the true clock behind its last column by other clocks."""
    values, signatures = {}, dict(scores.signatures)
    for name, value in scores.values.items():
        values[name] = value
        metric, clock = METRICS_BY_CLOCK.get(name, (name, ""))
        if clock == SIMULEVAL_CLOCK or metric in LONG_FORM_METRICS:
            values[metric + TRUE_CLOCK] = mean(log.latency(metric + TRUE_CLOCK))
            aligned = scores.signatures[name].partition("|segments:")[1:]
            signatures[metric + TRUE_CLOCK] = f"unit:{log.unit}|{SIGNATURE}" + "".join(aligned)
    if isinstance(log, SegmentLog):
        sentences = values.pop("SENTENCES")
        values |= {LATE + TRUE_CLOCK: log.late_percent(TRUE_CLOCK), "SENTENCES": sentences}
        signatures[LATE + TRUE_CLOCK] = signatures[LATE]
    return Scores(values, signatures)


def _with_imported(scores: Scores, log: RunLog) -> Scores:
    """Adds what another program scored of the same texts; warns where it was of others."""
    outdated = outdated_scores(log)
    if outdated:
        logger.warning(
            "%s: imported scores (%s) are of other texts and left out: export and score again",
            log.path,
            ", ".join(outdated),
        )
    imported = {name: float(values.mean()) for name, values in imported_scores(log).items()}
    signatures = {name: "imported|mean of sentences" for name in imported}
    counts = {name: scores.values[name] for name in scores.values if name in COUNTS}
    values = {name: value for name, value in scores.values.items() if name not in COUNTS}
    return Scores({**values, **imported, **counts}, {**scores.signatures, **signatures})


def _warn_of_late_words(log: SegmentLog) -> None:
    late, written = log.late_units("")
    if late and late >= MANY_LATE * written:
        logger.warning(
            "%s: %d of %d %s were written after the last segment of their recording had ended, and LongYAAL "
            "leaves them out: it looks lower than the latency was (column %s)",
            log.path,
            late,
            written,
            {"word": "words", "char": "characters"}[log.unit],
            LATE,
        )


def _warn_of_unicode(log: SegmentLog) -> None:
    """As OmniSTEval does: its report then has BLEU and chrF of normalised text, too."""
    predictions, references = (
        sum(unicodedata.normalize("NFKC", text) != text for text in texts)
        for texts in zip(*((one.prediction, one.reference) for one in log.utterances), strict=True)
    )
    if predictions or references:
        logger.warning(
            "%s: Unicode's form NFKC would change %d predictions and %d references, and BLEU and chrF tell "
            "such characters apart",
            log.path,
            predictions,
            references,
        )
