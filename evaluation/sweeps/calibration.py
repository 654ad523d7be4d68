"""Finds settings of a policy's knob that give wanted latencies, in few simulated runs.

Latency is monotone in the knob of every policy, up to noise: a run at one setting tells on which side of
it the others lie. The first round measures settings all over the knob's range; every further round
measures, for each latency that is wanted and not met yet, a setting between its two neighbours: where the
curve through all that was measured meets it or, where that has not halved their distance, in their middle.
The curve is a cubic that keeps the order of its points (Fritsch and Carlson, 1980). Settings of one round
are simulated side by side.

Nothing here knows what a run is: a callable measures settings.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from foundation.errors import InputError

FIRST_ROUND = 5
ROUNDS = 7
# Of a bracket's width: no new setting lies closer to an end, so that every round narrows it.
MARGIN = 0.1
# A knob that covers more than such a factor is searched by orders of magnitude.
WIDE = 20.0

# Settings -> the latency of each utterance at each of them, (N,) each.
Measure = Callable[[Sequence[float]], Sequence[np.ndarray]]
# Latencies of utterances (N,) -> what is to meet the target.
Statistic = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class Knob:
    """An option of a policy, and the range in which it is searched."""

    name: str
    low: float
    high: float
    whole: bool  # takes whole numbers only

    def __post_init__(self) -> None:
        if not -math.inf < self.low < self.high < math.inf:
            raise InputError(f"the range of {self.name} must be in order, got {self.low:g} to {self.high:g}")

    def setting(self, position: float) -> float:
        """The setting at a position in the range: 0 is low, 1 is high."""
        if self._wide:
            value = self.low * (self.high / self.low) ** position
        else:
            value = self.low + position * (self.high - self.low)
        # Four digits are all that a threshold deserves.
        return round(value) if self.whole else float(f"{value:.4g}")

    def position(self, setting: float) -> float:
        if self._wide:
            return math.log(setting / self.low) / math.log(self.high / self.low)
        return (setting - self.low) / (self.high - self.low)

    @property
    def _wide(self) -> bool:
        return self.low > 0 and self.high > WIDE * self.low


@dataclass(frozen=True)
class MeasuredSetting:
    """One simulated run."""

    setting: float
    latencies: np.ndarray  # (N,) of each utterance, NaN where nothing was written
    value: float  # what is compared with targets


class Calibration:
    """What has been measured so far of one knob."""

    def __init__(self, knob: Knob, measure: Measure, statistic: Statistic) -> None:
        self.knob = knob
        self._measure = measure
        self._statistic = statistic
        self._known: dict[float, MeasuredSetting] = {}

    @property
    def runs(self) -> list[MeasuredSetting]:
        """All runs, ordered by their setting."""
        return [self._known[setting] for setting in sorted(self._known)]

    def explore(self) -> tuple[float, float]:
        """Measure settings all over the range; return the lowest and the highest value."""
        self._run([self.knob.setting(place / (FIRST_ROUND - 1)) for place in range(FIRST_ROUND)])
        values = [run.value for run in self.runs]
        return min(values), max(values)

    def search(self, targets: Sequence[float], tolerances: Sequence[float]) -> list[MeasuredSetting]:
        """The runs closest to each target: within its tolerance, or as close as the knob gets.

        Raises InputError for a target that no setting in the range reaches.
        """
        if not self._known:
            self.explore()
        low, high = (choose(run.value for run in self.runs) for choose in (min, max))
        wanted = list(zip(targets, tolerances, strict=True))
        for target, tolerance in wanted:
            if not low - tolerance <= target <= high + tolerance:
                raise InputError(
                    f"no {self.knob.name} from {self.knob.low:g} to {self.knob.high:g} gives {target:g}: "
                    f"they reach {low:.4g} to {high:.4g}; give another --target, or --range"
                )
        widths: dict[float, float] = {}
        for _ in range(ROUNDS):
            missed = [target for target, near in wanted if abs(self._closest(target).value - target) > near]
            new = {self._between(target, widths) for target in missed} - {None}
            if not new:
                break
            self._run(sorted(new))
        return [self._closest(target) for target in targets]

    def at_most(self, target: float, tolerance: float) -> MeasuredSetting:
        """The run with the highest value that does not exceed the target, within the tolerance below it.

        Raises InputError when all settings exceed it.
        """
        if not self._known:
            self.explore()
        highest = max(run.value for run in self.runs)
        if highest > target:
            # The middle of what is allowed.
            self.search([target - tolerance / 2], [tolerance / 2])
        allowed = [run for run in self.runs if run.value <= target]
        return max(allowed, key=lambda run: run.value)

    def _closest(self, target: float) -> MeasuredSetting:
        return min(self.runs, key=lambda run: abs(run.value - target))

    def _between(self, target: float, widths: dict[float, float]) -> float | None:
        """A new setting in the narrowest bracket of a target; None when there is no room in it.

        widths: of this bracket in the round before, by target; brought up to date here.
        """
        pairs = [
            (one, other)
            for one, other in zip(self.runs, self.runs[1:], strict=False)
            if (one.value - target) * (other.value - target) <= 0
        ]
        if not pairs:
            return None
        one, other = min(pairs, key=lambda pair: abs(pair[1].value - pair[0].value))
        start, end = self.knob.position(one.setting), self.knob.position(other.setting)
        width = end - start
        place = self._meeting_place(target, start, end)
        if width > widths.get(target, math.inf) / 2:
            place = start + width / 2
        widths[target] = width
        setting = self.knob.setting(min(max(place, start + MARGIN * width), end - MARGIN * width))
        if setting in self._known and self.knob.whole and other.setting - one.setting > 1:
            setting = one.setting + (other.setting - one.setting) // 2
        return None if setting in self._known else setting

    def _meeting_place(self, target: float, start: float, end: float) -> float:
        """Where between two neighbours the curve through all runs has the target's value."""
        places = [self.knob.position(run.setting) for run in self.runs]
        curve = PchipInterpolator(places, [run.value for run in self.runs])
        met = [place for place in curve.solve(target, extrapolate=False) if start <= place <= end]
        # Rounding may leave a target that equals a neighbour's value just outside.
        return met[0] if met else (start + end) / 2

    def _run(self, settings: Sequence[float]) -> None:
        new = [setting for setting in dict.fromkeys(settings) if setting not in self._known]
        for setting, latencies in zip(new, self._measure(new), strict=True):
            value = self._statistic(latencies)
            if not math.isfinite(value):
                # Of long recordings what is written behind their end has no LongYAAL.
                raise InputError(
                    f"nothing at all was written at {self.knob.name} {setting:g} in time: give --range"
                )
            self._known[setting] = MeasuredSetting(setting, latencies, value)
