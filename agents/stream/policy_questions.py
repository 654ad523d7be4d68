"""What a search asks the policies of its streams at each step, and what of the answers is kept.

Shapes: R live rows, S streams.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from agents.policy import Policy
from agents.stream.row_trace import RowTrace
from models.decoding.step import DecodingStep
from models.layers.transfers import to_device


class PolicyQuestions:
    """The policies of S streams during one search: equal ones are asked about all their rows at once.

    A policy that fails takes its own streams out of the search, and no others.
    """

    def __init__(
        self, policies: Sequence[Policy], look_ahead: bool, with_scores: bool, with_frames: bool
    ) -> None:
        """policies: of each stream. look_ahead: answers are kept for later, and no row READs now.

        with_scores, with_frames: whether policies' scores and the most attended frames are kept.
        """
        self.policies = policies
        self.scores = RowTrace() if with_scores else None
        self.reads = RowTrace() if look_ahead else None
        self.frames = RowTrace() if with_frames else None
        self.errors: dict[int, Exception] = {}  # of streams

    def observe(self, step: DecodingStep) -> None:
        """Keep the frame that each row attends to most."""
        self.frames.add(step, step.attention.argmax(-1))

    def read(self, step: DecodingStep) -> Tensor:
        """(R,) bool, where the model runs: rows that must hear more."""
        streams, device = step.streams.tolist(), step.hidden.device
        scores = torch.full((len(streams),), torch.nan, device=device)
        reads = torch.zeros(len(streams), dtype=torch.bool, device=device)
        rows_of: dict[Policy, list[int]] = {}
        for row, stream in enumerate(streams):
            rows_of.setdefault(self.policies[stream], []).append(row)
        for policy, rows in rows_of.items():
            if not decides(policy):
                continue
            own = step if len(rows) == len(reads) else step.select(torch.tensor(rows))
            places = to_device(torch.tensor(rows), device)
            try:
                decision = policy.read(own)
                if decision is not None:
                    reads[places] = decision.to(device)
                if self.scores is not None and policy.score_limit is not None:
                    scores[places] = policy.score(own).to(scores)
            except Exception as error:  # whatever a policy of the user's may raise
                reads.index_fill_(0, places, True)
                self.errors |= {streams[row]: error for row in rows}
        if self.scores is not None:
            # At a limit a row stops whatever its policy says.
            limited = step.limited
            self.scores.add(step, scores if limited is None else scores.masked_fill(limited, torch.nan))
        if self.reads is not None:
            self.reads.add(step, reads)
            return torch.zeros_like(reads)
        return reads


def decides(policy: Policy) -> bool:
    """Whether the policy looks at single steps at all."""
    return type(policy).read is not Policy.read
