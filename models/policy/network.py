"""The policy network: decoder hidden states to one score a token (REINA, arXiv 2508.04946).

A small causal Transformer encoder reads the last hidden states of a frozen translator and says at each
position what more audio would change about the next token. It is trained for one of two objectives:

    gain        the score u ranks the information gain of the rest of the audio: REINA
    divergence  softplus(u) is the divergence between the next-token distributions with the audio so far
                and with all of it: DiG-SST (Chen et al. 2024)

Hidden states carry positions already, so none are added. With `hears_duration` the duration of the
audio so far is embedded and added: REINA-TAN (arXiv 2604.09916), against policies that read on for ever.

Shapes: R rows (B clips in training), N tokens, D width.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.layers.attention import attend
from models.layers.multi_head import MultiHeadAttention, feed_forward
from models.layers.packing import Packing
from models.layers.row_cache import TokenCache
from models.layers.teacher_forcing import TeacherForcing

OBJECTIVES = ("gain", "divergence")
SCORES = ("logit", "probability")
LONGEST_PERIOD = 100  # base of the duration embedding
LARGEST_SIZE = 2**16
MOST_LAYERS = 1000


@dataclass(frozen=True)
class PolicyOptions:
    """Sizes of a policy network and what it was trained for. Defaults are the paper's."""

    hidden_width: int  # of the translator's hidden states
    width: int = 512
    heads: int = 4
    layers: int = 2
    dropout: float = 0.1
    objective: str = "gain"  # one of OBJECTIVES
    score: str = "logit"  # one of SCORES: whether q of the REINA loss is u or sigmoid(u)
    hears_duration: bool = False

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES or self.score not in SCORES:
            raise ValueError(
                f"objective {str(self.objective)[:40]!r} must be one of {', '.join(OBJECTIVES)}, "
                f"score {str(self.score)[:40]!r} one of {', '.join(SCORES)}"
            )
        sizes = (self.hidden_width, self.width, self.heads, self.layers)
        if not all(type(size) is int and size <= LARGEST_SIZE for size in sizes) or self.layers > MOST_LAYERS:
            raise ValueError(
                f"hidden width, width, heads and layers must be whole numbers up to {LARGEST_SIZE} "
                f"({MOST_LAYERS} layers), got {str(sizes)[:200]}"
            )
        if type(self.dropout) not in (int, float) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be from 0 to below 1, got {str(self.dropout)[:40]}")
        if type(self.hears_duration) is not bool:
            raise ValueError(f"hears_duration must be true or false, got {str(self.hears_duration)[:40]}")
        if min(sizes) < 1 or self.width % self.heads or self.width % 2:
            raise ValueError(
                f"hidden width {sizes[0]}, width {sizes[1]}, {sizes[2]} heads and {sizes[3]} layers must be "
                "positive, and the width even and a multiple of the heads"
            )


def predicted_divergence(score: Tensor) -> Tensor:
    """What a network of objective `divergence` predicts, from its score: 0 or more."""
    return F.softplus(score)


def duration_embedding(seconds: Tensor, width: int) -> Tensor:
    """(R,) seconds of audio -> (R, D) float32: sin(t / 100^(2i/D)), and the cosines of the same angles.

    The paper gives the sines; as in every such embedding the cosines fill the other half.
    """
    steps = torch.arange(width // 2, device=seconds.device) * 2 / width
    angles = seconds.float()[:, None] / LONGEST_PERIOD**steps
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class PolicyBlock(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attn = MultiHeadAttention(width, heads)
        self.attn_ln = nn.LayerNorm(width)
        self.mlp = feed_forward(width)
        self.mlp_ln = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        layer: int,
        cache: TokenCache | TeacherForcing,
        mask: Tensor,
        packing: Packing | None = None,
    ) -> Tensor:
        """x (R, N, D), packed or not, -> the same."""
        normed = self.attn_ln(x)
        queries = self.attn.split(self.attn.query(normed), packing)
        keys, values = cache.store_keys(layer, *self.attn.keys_and_values(normed, packing))
        attended = attend(queries, keys, values, mask)
        x = x + self.dropout(self.attn.merge(attended, packing))
        return x + self.dropout(self.mlp(self.mlp_ln(x)))


class PolicyNetwork(nn.Module):
    """Hidden states to scores, over a cache of rows."""

    def __init__(self, options: PolicyOptions) -> None:
        super().__init__()
        self.options = options
        same = options.width == options.hidden_width
        self.projection = nn.Identity() if same else nn.Linear(options.hidden_width, options.width)
        self.blocks = nn.ModuleList(
            PolicyBlock(options.width, options.heads, options.dropout) for _ in range(options.layers)
        )
        self.ln = nn.LayerNorm(options.width)
        self.score = nn.Linear(options.width, 1)

    def open_cache(self, rows: int, device: torch.device) -> TokenCache:
        return TokenCache(self.options.layers, rows, device)

    def forward(self, hidden: Tensor, heard_s: Tensor) -> Tensor:
        """Training: scores (B, N) of whole sequences of hidden states (B, N, D), padded on the right.

        heard_s (B,): seconds of audio that each row's hidden states have heard.
        """
        lengths = torch.full_like(heard_s, hidden.shape[1], dtype=torch.int64)
        return self.score_tokens(hidden, lengths, heard_s, TeacherForcing(hidden.device))

    def score_tokens(
        self, hidden: Tensor, lengths: Tensor, heard_s: Tensor, cache: TokenCache | TeacherForcing
    ) -> Tensor:
        """Read hidden states (R, N, D), of which lengths (R,) are real and stand behind what the cache holds.

        Returns scores u (R, N) float32: larger means that more audio would tell more.
        """
        mask = cache.causal_mask(cache.positions(hidden.shape[1]))
        x = self.projection(hidden)
        if self.options.hears_duration:
            x = x + duration_embedding(heard_s, self.options.width)[:, None].to(x.dtype)
        packing = cache.packing(lengths, hidden.shape[1])
        if packing is not None:
            x = packing.pack(x)
        for layer, block in enumerate(self.blocks):
            x = block(x, layer, cache, mask, packing)
        cache.count_tokens(lengths)
        scores = self.score(self.ln(x))
        return (scores if packing is None else packing.pad(scores))[..., 0].float()
