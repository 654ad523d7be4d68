"""EDAtt (Papi et al. 2023, "Attention as a guide for simultaneous speech translation")."""

from dataclasses import dataclass

import torch
from simuleval.utils import entrypoint
from torch import Tensor

import foundation  # noqa: F401  refuses to go on with packages of others under our names
from agents.policy import Policy
from agents.streaming_agent import StreamingAgent
from models.errors import InputError
from models.search import DecodingStep
from models.translator import option


@dataclass(frozen=True)
class EDAttPolicy(Policy):
    """Stop before the first token whose attention leans on the newest audio."""

    needs_attention = True

    alpha: float = option(0.1, "attention on the newest frames from which a row READs; smaller waits longer")
    newest_frames: int = option(2, "lambda: frames at the end of the audio that count as newest")

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 1 or self.newest_frames < 1:
            raise InputError(
                f"EDAtt needs 0 < alpha <= 1 and at least 1 newest frame, "
                f"got alpha {self.alpha}, {self.newest_frames} frames"
            )

    def read(self, step: DecodingStep) -> Tensor:
        return self.score(step) >= self.alpha

    def score(self, step: DecodingStep) -> Tensor:
        frames = torch.arange(step.attention.shape[1], device=step.attention.device)
        newest = frames >= step.frame_lengths[:, None] - self.newest_frames  # (R, T)
        return (step.attention * newest).sum(-1)

    @property
    def score_limit(self) -> float:
        return self.alpha


@entrypoint
class EDAttAgent(StreamingAgent):
    policy_class = EDAttPolicy
