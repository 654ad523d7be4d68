"""Local agreement (LA-n; Liu et al. 2020, Polák et al. 2022): write what the last n hypotheses share."""

from dataclasses import dataclass

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.agreement import AgreeingPolicy
from agents.policy import Knob
from agents.streaming_agent import StreamingAgent, entrypoint
from foundation.options import option


@dataclass(frozen=True)
class LocalAgreementPolicy(AgreeingPolicy):
    """Commit the longest common prefix of the hypotheses of the last n chunks."""

    knob = Knob("agreeing_chunks", 1, 8)

    agreeing_chunks: int = option(
        2, "This many hypotheses in a row must agree; more wait longer.", at_least=1, at_most=100_000
    )


@entrypoint
class LocalAgreementAgent(StreamingAgent):
    policy_class = LocalAgreementPolicy
