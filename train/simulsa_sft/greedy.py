"""Greedy translations of whole clips during training, to know how good they are by now.

Shapes: R rows, T audio frames.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.audio_language_model import AudioFrames, AudioLanguageModel
from models.audio_language_tokenizer import AudioPrompt
from models.row_cache import TokenCache
from train.greedy import SHORTEST, best_tokens

TOKENS_PER_S = 12.5  # what streaming search allows, too


@torch.no_grad()
def greedy(model: AudioLanguageModel, frames: AudioFrames, prompts: Sequence[AudioPrompt]) -> list[list[int]]:
    """New tokens of R rows, without their end. frames: what the encoder gave, (R, T, ...)."""
    audio = model.adapt(frames)
    device = model.device
    rows = []
    for row, prompt in enumerate(prompts):
        before, after = (torch.tensor(one, dtype=torch.int64, device=device) for one in vars(prompt).values())
        heard = audio.values[row, : int(audio.lengths[row])]
        rows.append(torch.cat([model.embed(before), heard, model.embed(after)]))
    lengths = torch.tensor([len(row) for row in rows], device=device)
    cache = TokenCache(model.language_model.config.num_hidden_layers, len(rows), device)
    suppressed = torch.tensor(model.tokenizer.suppressed, device=device)

    def next_logits(newest: Tensor | None) -> Tensor:
        if newest is None:
            hidden = model.decode(pad_sequence(rows, batch_first=True), lengths, cache)
            hidden = hidden[torch.arange(len(rows), device=device), lengths - 1]
        else:
            hidden = model.decode(model.embed(newest[:, None]), torch.ones_like(lengths), cache)[:, -1]
        logits = model.logits(hidden)
        logits[:, suppressed] = -torch.inf
        return logits

    limits = (audio.lengths * (model.frame_ms / 1000 * TOKENS_PER_S)).long().clamp(min=SHORTEST)
    room = model.context_length - int(lengths.max())
    return best_tokens(next_logits, limits.clamp(max=room).tolist(), model.tokenizer.end_of_sequence)
