"""When the source of each target token has been spoken, as the translator itself sees it.

REINA-SAN (arXiv 2604.09916) needs an alignment and leaves open where it comes from. Here it is the
cross-attention of the last decoder layer with all audio at hand, mean over heads: the frame that a token
looks at most, made monotone, because a token cannot be known before those in front of it.

Shapes: B clips, N tokens, T memory frames, H heads, d width of a head.
"""

import torch
from torch import Tensor

from models.layers.teacher_forcing import TeacherForcing
from models.whisper.network import SpeechModel


class _WatchedForcing(TeacherForcing):
    """Teacher forcing that notes the most attended frame (B, N) of one layer."""

    def watch(self, layer: int) -> None:
        self._layer = layer

    def cross_attend(self, layer: int, queries: Tensor) -> Tensor:
        if layer == self._layer:
            keys, _ = self._cross[layer]
            scores = queries @ keys.transpose(-1, -2) / queries.shape[-1] ** 0.5  # (B, H, N, T)
            if self._bias.is_floating_point():
                scores = scores + self._bias
            weights = scores.masked_fill(~self._visible, -torch.inf).softmax(-1).mean(1)
            self.frames = weights.argmax(-1)
        return super().cross_attend(layer, queries)


@torch.no_grad()
def spoken_seconds(
    model: SpeechModel,
    memory: Tensor,
    lengths: Tensor,
    tokens: Tensor,
    log_counts: Tensor | None = None,
) -> Tensor:
    """The seconds (B, N) at which the token behind each position of tokens (B, N) is spoken.

    memory (B, T, D) of whole clips, of lengths (B,) frames; log_counts (B, T) where silence behind them is
    thinned. A token that looks there is said to be spoken a little behind the clip's end.
    """
    decoder = model.decoder
    cross = [block.cross_attn.keys_and_values(memory) for block in decoder.blocks]
    whole = _WatchedForcing(memory.device, cross, lengths, log_counts)
    whole.watch(len(decoder.blocks) - 1)
    decoder(tokens, torch.full_like(tokens[:, 0], tokens.shape[1]), whole)
    return (whole.frames.cummax(dim=1).values + 1) * (model.front_end.frame_ms / 1000)
