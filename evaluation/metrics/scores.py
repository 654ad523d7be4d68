"""Scores of one run from its instances.log, by SimulEval's own scorers.

Latency is computed twice from the same log: by source audio (AL) and with computation (AL_CA).
SimulEval's flag --computation-aware would make both columns the second. Its `elapsed` adds the time of
all computation so far to the audio heard so far, as if nothing were computed while audio arrives.

Of long recordings the same scorers of quality are given segments; their latency is of OmniSTEval, and its
columns with computation are by the true clock only: what `elapsed` adds up over an hour says nothing.
"""

import json
import logging
import re
import statistics
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sacrebleu.metrics import BLEU
from simuleval.evaluator.instance import LogInstance
from simuleval.evaluator.scorers.latency_scorer import LATENCY_SCORERS_DICT
from simuleval.evaluator.scorers.quality_scorer import QUALITY_SCORERS_DICT, QualityScorer
from simuleval.options import add_evaluator_args, add_scorer_args

import evaluation.simuleval_plugin  # noqa: F401  registers its scorers
from agents.test_set.text_scoring import check_tokenizer
from evaluation.configuration.evaluation_file import command_line
from evaluation.configuration.evaluation_options import EvaluationOptions
from evaluation.logs.segment_log import SegmentLog, SegmentUtterance
from evaluation.metrics.latency import SIMULEVAL_CLOCK
from evaluation.metrics.significance import mean
from foundation.errors import InputError

# SimulEval's scorers of speech: some fail on text after hours, others call it 0.
SPEECH_ONLY = re.compile(r"(WHISPER_)?ASR_BLEU|Discontinuity(Sum|Ave|Num)|\w+_SpeechAlign_\w+")

# The part of what was written, in percent, that LongYAAL does not count: who is late enough looks fast.
LATE = "LATE"

SIMULEVAL = f"simuleval:{version('simuleval')}"


@dataclass(frozen=True)
class Scores:
    """The scores of one run, in the order of their columns."""

    values: dict[str, float]
    """By name: latencies in ms. EMPTY and SENTENCES, which are counts, come last."""
    signatures: dict[str, str]
    """How each was computed."""


class Scorers:
    """The scorers that an evaluation asks for, checked before hours are spent on its run."""

    def __init__(self, options: EvaluationOptions) -> None:
        """Raises InputError for a metric that does not exist or cannot be used here."""
        self.unit = options.eval_latency_unit
        _check_known("quality", options.quality_metrics, QUALITY_SCORERS_DICT)
        self.alignment_tokenizer = options.alignment_tokenizer  # None: no long recordings
        self.long_form: tuple[str, ...] = ()
        if options.segments:
            # SimulEval knows none of these, and gets the rest.
            self.long_form, options = options.latency_metrics, replace(options, latency_metrics=())
        _check_known("latency", options.latency_metrics, LATENCY_SCORERS_DICT)
        args = _parse(options)
        quality_metrics = dict.fromkeys([*options.quality_metrics, "EMPTY"])
        self.quality = {name: _build(name, QUALITY_SCORERS_DICT[name], args) for name in quality_metrics}
        self.latency = {}
        for name in options.latency_metrics:
            scorer_class = LATENCY_SCORERS_DICT[name]
            self.latency[name] = _build(name, scorer_class, args)
            if options.computation_aware:
                aware = Namespace(**{**vars(args), "computation_aware": True})
                self.latency[name + SIMULEVAL_CLOCK] = _build(name, scorer_class, aware)

    def score(self, log: Path) -> Scores:
        """Score instances.log. Latency is NaN when nothing was written in any sentence."""
        instances = {}
        with log.open(encoding="utf-8") as file:
            for line in file:
                # Numbered from 0, whatever the start index: some scorers look at instance 0.
                instances[len(instances)] = LogInstance(line, self.unit)
        quality, counts = self._quality(instances)
        return Scores({**quality, **self._latency(instances), **counts}, self._signatures())

    def score_segments(self, log: SegmentLog) -> Scores:
        """Score a log of segments, by source audio. Latency is NaN when nothing was written in time."""
        instances = {
            place: LogInstance(json.dumps(_simuleval_fields(one)), self.unit)
            for place, one in enumerate(log.utterances)
        }
        quality, counts = self._quality(instances)
        latency = {name: mean(log.latency(name)) for name in self.long_form}
        late = {LATE: log.late_percent(""), "SENTENCES": counts.pop("SENTENCES")}
        return Scores({**quality, **latency, **counts, **late}, self._signatures())

    def _quality(self, instances: Mapping[int, LogInstance]) -> tuple[dict[str, float], dict[str, float]]:
        """Scores of quality; and counts."""
        quality = {name: scorer(instances) for name, scorer in self.quality.items()}
        return quality, {"EMPTY": quality.pop("EMPTY"), "SENTENCES": len(instances)}

    def _latency(self, instances: Mapping[int, LogInstance]) -> dict[str, float]:
        # It warns of each empty prediction in each metric; the column EMPTY counts them.
        logger = logging.getLogger("simuleval.latency_scorer")
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            return {name: _mean(scorer, instances) for name, scorer in self.latency.items()}
        finally:
            logger.setLevel(level)

    def _signatures(self) -> dict[str, str]:
        signatures = {name: _quality_signature(scorer) for name, scorer in self.quality.items()}
        for name, scorer in self.latency.items():
            length = "reference" if scorer.use_ref_len else "prediction"
            clock = "source+computation" if scorer.computation_aware else "source"
            general = f"unit:{self.unit}|length:{length}|clock:{clock}|empty:skipped|{SIMULEVAL}"
            signatures[name] = getattr(scorer, "signature", general)
        if self.alignment_tokenizer:
            alignment = self._alignment_signature()
            signatures = {name: f"{signature}|{alignment}" for name, signature in signatures.items()}
            signatures[LATE] = "percent of units|written:after the last segment of their recording"
            for name in self.long_form:
                signatures[name] = f"unit:{self.unit}|length:reference|clock:source|empty:skipped|{alignment}"
        return signatures

    def _alignment_signature(self) -> str:
        """How words came to segments."""
        return f"segments:softsegmenter|tok:{self.alignment_tokenizer}|omnisteval:{version('omnisteval')}"


def _simuleval_fields(one: SegmentUtterance) -> dict[str, Any]:
    """A segment as SimulEval's log would have it."""
    return {
        "index": one.index,
        "prediction": one.prediction,
        "delays": one.delays,
        "elapsed": one.elapsed,
        "prediction_length": len(one.delays),
        "reference": one.reference,
        "source": [one.wav],
        "source_length": one.source_ms,
    }


def _check_known(kind: str, names: tuple[str, ...], known: Mapping[str, type]) -> None:
    for name in names:
        if name not in known:
            plain = ", ".join(other for other in known if not SPEECH_ONLY.fullmatch(other))
            raise InputError(f"there is no {kind} metric {name!r}: give some of {plain}")
        if SPEECH_ONLY.fullmatch(name):
            raise InputError(f"{kind} metric {name} is for runs that write speech, and here text is written")


def _parse(options: EvaluationOptions) -> Namespace:
    """SimulEval's arguments with those that the chosen scorers add; without --computation-aware."""
    parser = ArgumentParser(conflict_handler="resolve", allow_abbrev=False)
    arguments = [word for word in command_line(options) if word != "--computation-aware"]
    add_evaluator_args(parser)
    add_scorer_args(parser, arguments)
    return parser.parse_known_args(arguments)[0]


def _build(name: str, scorer_class: type, args: Namespace) -> Any:
    try:
        if name == "BLEU":
            check_tokenizer(args.sacrebleu_tokenizer)
        return scorer_class.from_args(args)
    except (ImportError, RuntimeError, KeyError) as error:
        raise InputError(f"metric {name} cannot be used here: {' '.join(str(error).split())}") from None


def _mean(scorer: Any, instances: Mapping[int, LogInstance]) -> float:
    try:
        return scorer(instances)
    except statistics.StatisticsError:
        return float("nan")


def _quality_signature(scorer: QualityScorer) -> str:
    if hasattr(scorer, "signature"):
        return scorer.signature
    if type(scorer) is QUALITY_SCORERS_DICT["BLEU"]:
        metric = BLEU(tokenize=scorer.tokenizer)
        # sacreBLEU knows the number of references only once it has seen some.
        metric.corpus_score(["a"], [["a"]])
        return str(metric.get_signature())
    return SIMULEVAL
