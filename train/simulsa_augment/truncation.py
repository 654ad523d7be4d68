"""How much of a sampled clip is heard (SimulSA, arXiv 2509.15692).

For a clip of `dur` ms: r = min(5000, dur), skipped if r <= 500, else t = 500 + (r - 500) * Beta(1, 3). Most
clips are cut early, where a model that has only been trained on whole clips guesses most.

Every draw is a hash of the seed, of what it is for, and of the row's id: it depends neither on other rows
nor on the order in which they are worked on.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from foundation.errors import InputError

DISTRIBUTIONS = ("beta", "uniform", "full-range", "discrete")
BETA = 3.0  # the paper's b
CHUNKS_MS = (500, 1000, 1500, 2000, 3000, 4000)  # those at which the paper's results are reported


def draw(seed: int, purpose: str, identifier: str) -> float:
    """A number in [0, 1), uniform."""
    digest = hashlib.sha256(f"{seed} {purpose} {identifier}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


@dataclass(frozen=True)
class Truncation:
    """The distribution of what is heard.

    beta        Beta(1, b) between the shortest and the longest length; b = 3 is the paper's, 1 is uniform
    uniform     the same range, each length equally likely
    full-range  Beta(1, b) between the shortest length and the whole clip, however long that is
    discrete    one of some chunk lengths that the range includes, each equally likely
    """

    distribution: str = "beta"
    shortest_ms: int = 500
    longest_ms: int = 5000
    chunks_ms: Sequence[int] = CHUNKS_MS  # of discrete
    beta: float = BETA  # b of Beta(1, b): the larger, the earlier most clips are cut

    def __post_init__(self) -> None:
        if self.distribution not in DISTRIBUTIONS:
            raise InputError(
                f"truncation {self.distribution!r} is not known: give one of {', '.join(DISTRIBUTIONS)}"
            )
        if not 0 < self.shortest_ms < self.longest_ms:
            raise InputError(
                f"the shortest truncation must lie between 0 and the longest, {self.longest_ms} ms, got "
                f"{self.shortest_ms} ms"
            )
        if self.distribution == "discrete" and not any(map(self._in_range, self.chunks_ms)):
            chunks = " ".join(map(str, self.chunks_ms))
            raise InputError(
                f"none of the chunks {chunks} lies between {self.shortest_ms} and {self.longest_ms} ms: "
                "give others"
            )

    def heard_ms(self, duration_ms: float, uniform: float) -> int | None:
        """Whole ms of a clip that are heard; None: it is too short. uniform: in [0, 1)."""
        longest = duration_ms if self.distribution == "full-range" else min(self.longest_ms, duration_ms)
        if longest <= self.shortest_ms:
            return None
        if self.distribution == "discrete":
            chunks = [chunk for chunk in self.chunks_ms if self._in_range(chunk) and chunk <= longest]
            return chunks[int(uniform * len(chunks))] if chunks else None
        # The inverse of Beta(1, b)'s distribution function 1 - (1 - x)^b; Beta(1, 1) is uniform.
        share = uniform if self.distribution == "uniform" else 1 - (1 - uniform) ** (1 / self.beta)
        # Rounded, but never beyond the clip's end.
        return min(round(self.shortest_ms + (longest - self.shortest_ms) * share), math.floor(longest))

    def _in_range(self, chunk_ms: int) -> bool:
        return self.shortest_ms <= chunk_ms <= self.longest_ms
