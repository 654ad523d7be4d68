"""What a search asks the policies of its streams at each step, and what of the answers is kept.

Shapes: R live rows, S streams, G groups of policies that are asked at once.
"""

from collections.abc import Hashable, Sequence
from numbers import Real

import torch
from torch import Tensor

from agents.policy import Policy
from agents.stream.row_trace import RowTrace
from models.decoding.step import DecodingStep
from models.layers.transfers import to_device


class PolicyQuestions:
    """The policies of S streams during one search: those that score alike are asked about all rows at once.

    A policy that fails takes its own streams out of the search, and no others.
    """

    def __init__(
        self,
        policies: Sequence[Policy],
        look_ahead: bool,
        with_scores: bool,
        with_frames: bool,
        with_attention: bool = False,
    ) -> None:
        """policies: of each stream. look_ahead: answers are kept for later, and no row READs now.

        with_scores, with_frames, with_attention: whether policies' scores, the most attended frames and the
        attention to all frames are kept.
        """
        self.policies = policies
        self.scores = RowTrace() if with_scores else None
        self.reads = RowTrace() if look_ahead else None
        self.frames = RowTrace() if with_frames else None
        self.attention = RowTrace() if with_attention else None
        self.errors: dict[int, Exception] = {}  # of streams
        groups: dict[Hashable, int] = {}
        group = [groups.setdefault(_asked_with(one), len(groups)) for one in policies]
        self._group = torch.tensor(group, dtype=torch.int64)  # (S,)
        self._asked = dict(zip(group, policies, strict=True))  # one of each group
        limits = [policy.score_limit if _compares(policy) else None for policy in policies]
        self._limits = torch.tensor(  # (S,)
            [torch.nan if limit is None else limit for limit in limits], dtype=torch.float64
        )

    def observe(self, step: DecodingStep) -> None:
        """Keep the frame that each row attends to most, and what it attends to."""
        if self.frames is not None:
            self.frames.add(step, step.attention.argmax(-1))
        if self.attention is not None:
            self.attention.add(step, step.attention)

    def read(self, step: DecodingStep) -> Tensor:
        """(R,) bool, where the model runs: rows that must hear more."""
        device, groups = step.hidden.device, self._group[step.streams]
        keeps = self.scores is not None
        scores = torch.full(groups.shape, torch.nan, device=device) if keeps else None
        reads = torch.zeros(groups.shape, dtype=torch.bool, device=device)
        for group in groups.unique().tolist():
            policy = self._asked[group]
            if not decides(policy):
                continue
            rows = (groups == group).nonzero()[:, 0]
            own = step if len(rows) == len(reads) else step.select(rows)
            places = to_device(rows, device)
            try:
                decision, score = self._decide(policy, own)
                if decision is not None:
                    reads[places] = decision.to(device)
                if keeps and score is not None:
                    scores[places] = score.to(scores)
            except Exception as error:  # whatever a policy of the user's may raise
                reads.index_fill_(0, places, True)
                self.errors |= {stream: error for stream in step.streams[rows].tolist()}
        if keeps:
            # At a limit a row stops whatever its policy says.
            limited = step.limited
            self.scores.add(step, scores if limited is None else scores.masked_fill(limited, torch.nan))
        if self.reads is not None:
            self.reads.add(step, reads)
            return torch.zeros_like(reads)
        return reads

    def _decide(self, policy: Policy, step: DecodingStep) -> tuple[Tensor | None, Tensor | None]:
        """(R,) each: which rows READ, and scores to keep; `policy` speaks for its group."""
        if _compares(policy):
            score = policy.score(step)
            # Rounded to the score's type, as a number would be that a tensor is compared with.
            limits = to_device(self._limits[step.streams].to(score.dtype), score.device)
            return type(policy).reads_where(score, limits), score
        kept = self.scores is not None and policy.score_limit is not None
        return policy.read(step), policy.score(step) if kept else None


def decides(policy: Policy) -> bool:
    """Whether the policy looks at single steps at all."""
    return type(policy).read is not Policy.read or type(policy).reads_where is not None


def _compares(policy: Policy) -> bool:
    """Whether its decision is a comparison of its score with its limit, and nothing else."""
    asks_score = type(policy).read is Policy.read and type(policy).reads_where is not None
    return asks_score and isinstance(policy.score_limit, Real)


def _asked_with(policy: Policy) -> Hashable:
    """Equal for policies that are asked at once."""
    return (type(policy), policy.score_depends_on) if _compares(policy) else policy
