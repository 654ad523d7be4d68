"""Greedy decoding of whole clips during training, to know how good the translations are by now."""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.whisper import SpeechModel

TOKENS_PER_FRAME = 0.25  # 12 tokens for each second of audio: what streaming search allows, too
SHORTEST = 8


@torch.no_grad()
def greedy(
    model: SpeechModel, memory: Tensor, lengths: Tensor, prompts: Sequence[Sequence[int]], end: int
) -> list[list[int]]:
    """New tokens of B streams, without prompt and end.

    memory (B, T, D) of lengths (B,) frames; prompts: B lists of one length.
    """
    rows = torch.arange(len(prompts), device=memory.device)
    cache = model.decoder.open_cache(memory, lengths, rows)
    tokens = torch.tensor(prompts, device=memory.device)
    limits = (lengths * TOKENS_PER_FRAME).long().clamp(min=SHORTEST).tolist()
    limit = min(max(limits), model.decoder.positional_embedding.shape[0] - tokens.shape[1])
    written: list[list[int]] = [[] for _ in prompts]
    over = [False] * len(prompts)
    for _ in range(limit):
        fed = torch.full((len(tokens),), tokens.shape[1], device=memory.device)
        hidden, _ = model.decoder(tokens, fed, cache)
        best = model.decoder.logits(hidden[:, -1]).argmax(-1)
        for row, token in enumerate(best.tolist()):
            over[row] = over[row] or token == end or len(written[row]) >= limits[row]
            if not over[row]:
                written[row].append(token)
        if all(over):
            break
        tokens = best[:, None]
    return written
