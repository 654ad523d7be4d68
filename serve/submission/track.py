"""What the simultaneous track of IWSLT 2026 asks for: pairs of languages, and how late words may come.

Systems are compared by their quality within two regimes of LongYAAL, which does not count computation:
low latency, 0 to 2 s, and high latency, 2 to 4 s.
"""

import math
from dataclasses import dataclass

from models.languages import LanguagePair, canonical_language

PAIRS = (("en", "de"), ("en", "zh"), ("en", "it"), ("cs", "en"))


@dataclass(frozen=True)
class Regime:
    """Systems of which LongYAAL lies between two limits."""

    name: str
    above_s: float  # where it begins; of two that meet there, the lower one has it
    up_to_s: float

    def __str__(self) -> str:
        return f"{self.name} latency, {self.above_s:g} to {self.up_to_s:g} s of LongYAAL"

    @property
    def aim_s(self) -> float:
        """What to calibrate for: another test set has another latency, so it keeps away from the limit."""
        return 0.95 * self.up_to_s


REGIMES = {"low": Regime("low", 0.0, 2.0), "high": Regime("high", 2.0, 4.0)}


def regime_of(latency_s: float) -> Regime | None:
    """The regime in which a LongYAAL lies; None for one that is in none, as NaN."""
    if math.isnan(latency_s) or latency_s < 0:
        return None
    return next((regime for regime in REGIMES.values() if latency_s <= regime.up_to_s), None)


def is_of_the_track(languages: LanguagePair) -> bool:
    """Whether the track has this pair of languages."""
    return (canonical_language(languages.source), canonical_language(languages.target)) in PAIRS
