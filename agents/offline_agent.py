"""Offline: hear everything, then translate once. The upper bound, and NoSE's denominator."""

from dataclasses import dataclass
from typing import ClassVar

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.policy import Policy, StreamView
from agents.streaming_agent import StreamingAgent, entrypoint


@dataclass(frozen=True)
class OfflinePolicy(Policy):
    """Write nothing before the audio has ended."""

    hears_whole: ClassVar[bool] = True

    def units_allowed(self, stream: StreamView) -> int:
        return 0


@entrypoint
class OfflineAgent(StreamingAgent):
    policy_class = OfflinePolicy
