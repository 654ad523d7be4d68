"""What policies have in common that ask a trained policy network."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from agents.agreement import AgreeingPolicy
from foundation.errors import InputError
from models.decoding.step import DecodingStep

if TYPE_CHECKING:  # options are read before torch is imported
    from torch import Tensor

    from models.translator import Translator

# REINA, arXiv 2508.04946, section 3.6: streaming beam search. DiG-SST runs in the same one.
STREAMING_BEAM_SEARCH = {"chunk_ms": 250, "beam": 3, "patience": 3.0}


@dataclass(frozen=True)
class LearnedPolicy(AgreeingPolicy):
    """READ or WRITE by the score of a policy network (`models.policy.scored_translator`)."""

    reads_where = operator.gt
    objective: ClassVar[str]  # what the network must have been trained for

    threshold: float | None = None  # above it a row READs; None: the one stored with the network

    def for_model(self, translator: Translator) -> LearnedPolicy:
        # Brings torch, which options do not need.
        from models.policy.scored_translator import ScoredTranslator

        if not isinstance(translator, ScoredTranslator):
            raise InputError(
                "the model has no policy network (policy.json beside its weights): give a --model that was "
                "trained with one, or use an agent that needs none, such as agents/alignatt_agent.py"
            )
        found = translator.network.options.objective
        if found != self.objective:
            raise InputError(
                f"the model's policy network was trained for {found!r}, this agent needs {self.objective!r}: "
                "give another --model, or the other agent of agents/reina_agent.py and digsst_agent.py"
            )
        threshold, agreeing = self.threshold, self.agreeing_chunks
        if threshold is None:
            threshold = translator.threshold
        if threshold is None:
            raise InputError("the model's policy.json gives no threshold: add --threshold")
        if agreeing is None:
            agreeing = translator.agreeing_chunks
        return replace(self, threshold=threshold, agreeing_chunks=agreeing)

    def score(self, step: DecodingStep) -> Tensor:
        return step.policy_score

    @property
    def score_limit(self) -> float | None:
        return self.threshold
