"""Latency of one utterance: AL, LAAL, AP, DAL, YAAL. Those of long recordings are only named here.

Every function takes

    delays           (N,) when each unit (word, or character) was written, in ms; N >= 1
    source_ms        length of the source, above 0
    reference_units  length of the reference in the same unit, 1 or more

and returns milliseconds (AP: a proportion). Times of emission in place of delays give the same metric
with computation. Values are those of SimulEval's and OmniSTEval's scorers, which the tests compare.
"""

import math
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # command lines name these metrics, and their help must come at once
    import numpy as np

Values = TypeVar("Values", float, "np.ndarray")

LatencyMetric = Callable[[Sequence[float], float, int], float]


def average_lagging(delays: Sequence[float], source_ms: float, reference_units: int) -> float:
    """AL (Ma et al. 2019): how far writing lags behind a speaker of even pace."""
    return _lagging(delays, source_ms, reference_units)


def length_adaptive_average_lagging(delays: Sequence[float], source_ms: float, reference_units: int) -> float:
    """LAAL (Papi et al. 2022): AL in which writing more than the reference earns nothing."""
    return _lagging(delays, source_ms, max(len(delays), reference_units))


def average_proportion(delays: Sequence[float], source_ms: float, reference_units: int) -> float:
    """AP (Cho and Esipova 2016): mean share of the source heard before a unit; no unit."""
    return sum(delays) / (source_ms * reference_units)


def differentiable_average_lagging(delays: Sequence[float], source_ms: float, reference_units: int) -> float:
    """DAL (Arivazhagan et al. 2019): units written at once count as if written at an even pace.

    The length of the reference does not matter.
    """
    pace_ms = source_ms / len(delays)
    total, previous = 0.0, -math.inf
    for place, delay in enumerate(delays):
        previous = max(delay, previous + pace_ms)
        total += previous - place * pace_ms
    return total / len(delays)


def yet_another_average_lagging(delays: Sequence[float], source_ms: float, reference_units: int) -> float:
    """YAAL (Polák et al. 2025, arXiv 2509.17349): LAAL over the units written before the source ended.

    NaN when there are none: such an utterance tells nothing about the policy.
    """
    written = list(takewhile(lambda delay: delay < source_ms, delays))
    if not written:
        return math.nan
    pace_ms = source_ms / max(len(delays), reference_units)
    return sum(delay - place * pace_ms for place, delay in enumerate(written)) / len(written)


LATENCY_METRICS: dict[str, LatencyMetric] = {
    "AL": average_lagging,
    "LAAL": length_adaptive_average_lagging,
    "AP": average_proportion,
    "DAL": differentiable_average_lagging,
    "YAAL": yet_another_average_lagging,
}


def _lagging(delays: Sequence[float], source_ms: float, target_units: int) -> float:
    if delays[0] > source_ms:
        return delays[0]
    pace_ms = source_ms / target_units
    # Units up to the first that had heard everything; those after it say nothing about waiting.
    counted = next((place + 1 for place, delay in enumerate(delays) if delay >= source_ms), len(delays))
    return sum(delay - place * pace_ms for place, delay in enumerate(delays[:counted])) / counted


# What may stand behind the name of a metric: the clock whose times take the place of the delays.
SIMULEVAL_CLOCK = "_CA"  # all computation so far added to the audio heard
TRUE_CLOCK = "_TC"  # evaluation/metrics/true_clock.py
CLOCKS = ("", SIMULEVAL_CLOCK, TRUE_CLOCK)

# Of segments of long recordings, by OmniSTEval (evaluation/metrics/long_form.py): YAAL and LAAL of what was
# aligned to a segment, from the start of the segment on.
LONG_FORM_METRICS = ("LongYAAL", "StreamLAAL")
UTTERANCE_DEFAULTS = ("AL", "LAAL", "DAL")
METRICS_BY_CLOCK = {
    metric + clock: (metric, clock) for metric in (*LATENCY_METRICS, *LONG_FORM_METRICS) for clock in CLOCKS
}

# Metrics of latency, SimulEval's among them, that are no time; all others are in ms.
NO_TIMES = ("AP", "NumChunks", "DiscontinuityNum", "RTF", "NoSE")


def is_in_ms(metric: str) -> bool:
    """Whether a metric of latency, with or without a clock behind its name, is a time."""
    return metric.partition("_")[0] not in NO_TIMES


def unit_of(metric: str) -> str:
    """In which unit people read and write a metric of latency; empty where it has none."""
    return "s" if is_in_ms(metric) else ""


def column_of(metric: str) -> str:
    """The head of its column in a table to read, which says the unit."""
    return f"{metric}_s" if is_in_ms(metric) else metric


def in_unit(metric: str, values: Values) -> Values:
    """Values of a metric as logs have them, in ms, in the unit of `unit_of`."""
    return values / 1000 if is_in_ms(metric) else values
