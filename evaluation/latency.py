"""Latency of one utterance: AL, LAAL, AP, DAL, YAAL.

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
TRUE_CLOCK = "_TC"  # evaluation/true_clock.py
CLOCKS = ("", SIMULEVAL_CLOCK, TRUE_CLOCK)
METRICS_BY_CLOCK = {metric + clock: (metric, clock) for metric in LATENCY_METRICS for clock in CLOCKS}
