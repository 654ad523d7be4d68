"""Greedy decoding of whole clips during training, to know how good the translations are by now."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from models.whisper import SpeechModel

TOKENS_PER_FRAME = 0.25  # 12 tokens for each second of audio: what streaming search allows, too
SHORTEST = 8

# The newest tokens (R,) of all rows, None at first -> logits of the next ones (R, V).
NextLogits = Callable[[Tensor | None], Tensor]


@torch.no_grad()
def greedy(
    model: SpeechModel, memory: Tensor, lengths: Tensor, prompts: Sequence[Sequence[int]], end: int
) -> list[list[int]]:
    """New tokens of B streams, without prompt and end.

    memory (B, T, D) of lengths (B,) frames; prompts: B lists of one length.
    """
    rows = torch.arange(len(prompts), device=memory.device)
    cache = model.decoder.open_cache(memory, lengths, rows)
    prompt = torch.tensor(prompts, device=memory.device)

    def next_logits(newest: Tensor | None) -> Tensor:
        tokens = prompt if newest is None else newest[:, None]
        fed = torch.full((len(tokens),), tokens.shape[1], device=memory.device)
        hidden, _ = model.decoder(tokens, fed, cache)
        return model.decoder.logits(hidden[:, -1])

    limits = (lengths * TOKENS_PER_FRAME).long().clamp(min=SHORTEST)
    room = model.decoder.positional_embedding.shape[0] - prompt.shape[1]
    return best_tokens(next_logits, limits.clamp(max=room).tolist(), end)


def best_tokens(next_logits: NextLogits, limits: Sequence[int], end: int) -> list[list[int]]:
    """The likeliest tokens of each row up to its end, or its limit, whatever comes first."""
    written: list[list[int]] = [[] for _ in limits]
    over = [limit < 1 for limit in limits]
    newest = None
    while not all(over):
        newest = next_logits(newest).argmax(-1)
        for row, token in enumerate(newest.tolist()):
            if not over[row] and token != end:
                written[row].append(token)
            over[row] = over[row] or token == end or len(written[row]) == limits[row]
    return written
