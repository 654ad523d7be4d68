"""Wait-k (Ma et al. 2019, arXiv 1810.08398) with a fixed pre-decision step (Ma et al. 2020)."""

from dataclasses import dataclass

from simuleval.utils import entrypoint

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.policy import Policy, StreamView
from agents.streaming_agent import StreamingAgent
from models.errors import InputError
from models.translator import option


@dataclass(frozen=True)
class WaitKPolicy(Policy):
    """READ until k steps of audio have come, then write one word for each step."""

    k: int = option(3, "steps of audio to hear before the first word; larger waits longer")
    # English is spoken at two to three words a second.
    step_ms: float = option(400.0, "audio for each word; larger waits longer")

    def __post_init__(self) -> None:
        if self.k < 1 or not self.step_ms > 0:
            raise InputError(f"wait-k needs k >= 1 and a step above 0 ms, got k {self.k}, {self.step_ms} ms")

    def units_allowed(self, stream: StreamView) -> int:
        steps = int(stream.heard_ms / self.step_ms + 1e-6)
        return max(0, steps - self.k + 1 - stream.units_written)


@entrypoint
class WaitKAgent(StreamingAgent):
    policy_class = WaitKPolicy
