"""Wait-k (Ma et al. 2019, arXiv 1810.08398) with a fixed pre-decision step (Ma et al. 2020)."""

from dataclasses import dataclass

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.policy import Knob, Policy, StreamView
from agents.streaming_agent import StreamingAgent, entrypoint
from foundation.options import option


@dataclass(frozen=True)
class WaitKPolicy(Policy):
    """READ until k steps of audio have come, then write one word for each step."""

    knob = Knob("k", 1, 24)

    k: int = option(
        3,
        "So many steps of audio are heard before the first word; more wait longer.",
        at_least=1,
        at_most=100_000,
    )
    # English is spoken at two to three words a second.
    step_ms: float = option(
        400.0,
        "A step is so much audio; each brings one more word, and a longer one waits longer.",
        above=0,
        at_most=3_600_000,
    )

    def units_allowed(self, stream: StreamView) -> int:
        steps = int(stream.heard_ms / self.step_ms + 1e-6)
        return max(0, steps - self.k + 1 - stream.units_written)


@entrypoint
class WaitKAgent(StreamingAgent):
    policy_class = WaitKPolicy
