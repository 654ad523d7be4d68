"""Where in the audio each token of a given text belongs: the frame that the model attends to most.

Shapes: N tokens, T memory frames.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.translator import Decoder, Memory


def attended_frames(
    decoder: Decoder, memory: Memory, stream: int, prompt: Sequence[int], tokens: Sequence[int]
) -> Tensor:
    """(N,) int64: for each token of a text the frame of stream `stream` that it was attended to most.

    The text is read in one pass. Attention is normalised over the tokens for each frame (minus mean, over
    standard deviation), since some frames draw attention from all tokens alike (StreamAtt, Papi et al. 2024).
    """
    prefixes = [[*prompt, *tokens[:count]] for count in range(len(tokens))]
    _, output = decoder.start(memory.select([stream]), prefixes, [0] * len(tokens), with_attention=True)
    attention = output.attention[:, : int(memory.heard_frames[stream])]  # (N, T)
    if len(tokens) > 1:
        deviation, mean = torch.std_mean(attention, dim=0)
        attention = (attention - mean) / deviation.clamp(min=1e-6)
    return attention.argmax(-1).cpu()
