"""NoSE as a latency scorer of SimulEval: --latency-metrics AL LAAL NoSE.

A run is one operating point, and NoSE is a property of a curve. What is printed for a run is the NoSE
of the curve through this run and its siblings, runs of the same system at other settings:

    --nose-siblings DIR [DIR ...]   finished output folders of SimulEval or `simulst evaluate`
    --nose-offline DIR_OR_NUMBER    the offline run of the same model, or its quality
    --nose-bounds X Y               latencies in s; default: the whole range of this curve
    --nose-latency AL               any latency scorer
    --nose-quality BLEU             any quality scorer

Without siblings, or where the points make no curve, it is NaN, and a warning says what to mend. This
run's own folder may be among the siblings: it counts once. A sibling's instances.log is scored anew by
the same scorers, unit and tokenizer as this run; a folder with nothing but scores.tsv must hold the
columns, and is trusted to have used the same. With --computation-aware latency includes computation.
"""

import logging
import math
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import StatisticsError

from simuleval.evaluator.instance import Instance, LogInstance
from simuleval.evaluator.scorers import get_scorer_class
from simuleval.evaluator.scorers.latency_scorer import LatencyScorer, register_latency_scorer

from evaluation.logs.result_folder import LOG
from evaluation.logs.run_log import read_run_log
from evaluation.metrics.curve import Axes, Curve, OperatingPoint
from evaluation.metrics.latency import in_unit, unit_of
from evaluation.metrics.nose import nose
from evaluation.table import number, read_tsv
from foundation.errors import InputError

SCORES = "scores.tsv"

logger = logging.getLogger("simulst.nose")


@register_latency_scorer("NoSE")
class NoSEScorer(LatencyScorer):
    """See the module. `signature` is that of the last score, or says why there is none."""

    # SimulEval makes the scorer of column NoSE_CA without the arguments that it has parsed.
    last_args: Namespace

    def __init__(
        self, computation_aware: bool = False, use_ref_len: bool = True, args: Namespace | None = None
    ) -> None:
        """Raises InputError for options, siblings or an offline run that cannot be used."""
        super().__init__(computation_aware, use_ref_len)
        args = args or self.last_args
        self.unit = args.eval_latency_unit
        self.bounds = args.nose_bounds and tuple(args.nose_bounds)
        latency_class = _scorer_class("latency", args.nose_latency)
        if latency_class is NoSEScorer:
            raise InputError("--nose-latency must not be NoSE itself: give AL, LAAL, ...")
        self.latency = latency_class(computation_aware, use_ref_len)
        self.quality = _scorer_class("quality", args.nose_quality).from_args(args)
        latency = args.nose_latency + ("_CA" if computation_aware else "")
        self.axes = Axes(args.nose_quality, latency, unit_of(latency))
        here = args.output and Path(args.output).resolve()
        self.siblings = [_Run(folder) for folder in args.nose_siblings if Path(folder).resolve() != here]
        self.offline = _number_or_run(args.nose_offline)

    @staticmethod
    def add_args(parser: ArgumentParser) -> None:
        parser.add_argument("--nose-siblings", nargs="+", default=[], metavar="DIR", help="other runs")
        parser.add_argument("--nose-offline", metavar="DIR_OR_NUMBER", help="offline run, or its quality")
        parser.add_argument("--nose-bounds", nargs=2, type=float, metavar=("X", "Y"), help="latencies in s")
        parser.add_argument("--nose-latency", default="AL", metavar="METRIC", help="default: %(default)s")
        parser.add_argument("--nose-quality", default="BLEU", metavar="METRIC", help="default: %(default)s")
        # Its tokenizer, which is an argument only where BLEU is among --quality-metrics.
        get_scorer_class("quality", "BLEU").add_args(parser)

    @classmethod
    def from_args(cls, args: Namespace) -> "NoSEScorer":
        """Input that cannot be used ends the program with one line, before the run begins."""
        cls.last_args = args
        try:
            return cls(args.computation_aware, not args.no_use_ref_len, args)
        except InputError as error:
            raise SystemExit(f"error: {error}") from None

    def __call__(self, instances: Mapping[int, Instance]) -> float:
        try:
            score = nose(self._curve(instances), self.bounds)
        except InputError as error:
            # The run itself is done and must not be lost for one metric.
            logger.warning("NoSE is NaN: %s", error)
            self.signature = f"metric:NoSE|none:{error}"
            return math.nan
        self.signature = score.signature
        return score.score

    def _curve(self, instances: Mapping[int, Instance]) -> Curve:
        if not self.siblings:
            raise InputError("one run is no curve: give other runs of this system by --nose-siblings")
        if self.offline is None:
            raise InputError("offline quality is missing: give it, or the offline run, by --nose-offline")
        points = [OperatingPoint(self._latency(instances, "this run"), self.quality(instances), "this run")]
        for run in self.siblings:
            points.append(OperatingPoint(*self._sibling(run, instances), run.name))
        name = "this run and its siblings"
        if isinstance(self.offline, float):
            return Curve(name, tuple(points), self.offline, self.axes, "given")
        offline = self._run_quality(self.offline, instances)
        return Curve(name, tuple(points), offline, self.axes, self.offline.name)

    def _sibling(self, run: "_Run", instances: Mapping[int, Instance]) -> tuple[float, float]:
        quality = self._run_quality(run, instances)
        if run.log is None:
            return in_unit(self.axes.latency, run.column(self.axes.latency)), quality
        return self._latency(run.instances(self.unit, instances), run.name), quality

    def _run_quality(self, run: "_Run", instances: Mapping[int, Instance]) -> float:
        if run.log is None:
            return run.column(self.axes.quality)
        return self.quality(run.instances(self.unit, instances))

    def _latency(self, instances: Mapping[int, Instance], name: str) -> float:
        try:
            return in_unit(self.axes.latency, self.latency(instances))
        except StatisticsError:
            raise InputError(f"{name} wrote nothing in any sentence: it has no latency") from None


class _Run:
    """A finished run in a folder: its log, or else its scores.tsv."""

    def __init__(self, folder: str) -> None:
        """Raises InputError when there is neither, or the log is damaged."""
        self.path = Path(folder)
        self.name = self.path.name
        self.log = read_run_log(self.path) if (self.path / LOG).is_file() else None
        if self.log is None and not (self.path / SCORES).is_file():
            raise InputError(f"{self.path} is no finished run: it holds neither {LOG} nor {SCORES}")

    def instances(self, unit: str, like: Mapping[int, Instance]) -> dict[int, LogInstance]:
        """What scorers take. Raises InputError when the test set is not that of `like`."""
        lines = self.log.path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        instances = {place: LogInstance(line, unit) for place, line in enumerate(lines)}
        if _references(instances.values()) != _references(like.values()):
            raise InputError(f"{self.path} is of another test set: its references differ from this run's")
        if unit in ("word", "char") and self.log.unit != unit:
            raise InputError(
                f"{self.path} counts latency in units of a {self.log.unit}, this run of a {unit}: run both "
                "with the same --eval-latency-unit"
            )
        spm_model = next(iter(like.values())).target_spm_model
        for instance in instances.values():
            instance.set_target_spm_model(spm_model)
        return instances

    def column(self, name: str) -> float:
        """A score in scores.tsv. Raises InputError when it is not there."""
        path = self.path / SCORES
        rows = list(read_tsv(path, (name,), f"give a finished run that was scored by {name}"))
        if len(rows) != 1:
            raise InputError(f"{path} holds {len(rows)} rows of scores: give the folder of one run")
        [(place, row)] = rows
        return number(row[name], place, name)


def _references(instances: Iterable[Instance]) -> list[tuple[int, str]]:
    return sorted((instance.index, instance.reference) for instance in instances)


def _number_or_run(text: str | None) -> "float | _Run | None":
    try:
        return None if text is None else float(text)
    except ValueError:
        return _Run(text)


def _scorer_class(kind: str, name: str) -> type:
    try:
        return get_scorer_class(kind, name)
    except RuntimeError:
        raise InputError(f"there is no {kind} metric {name!r}: choose another --nose-{kind}") from None
