"""REINA's speech-to-text model (Hirschkind et al. 2025, arXiv 2508.04946): the offline translator.

Whisper's audio encoder, learned positions on its output, a Transformer decoder of its own, and a text
encoder through which the decoder also learns from plain text translations. The text encoder serves in
training only. The policy is a network on top (`models.policy.network`).

Where the paper's sizes come from: 307M is Whisper-medium's encoder with its table of positions. The
decoder's 101M are 16 layers of d 512 (67M) and two tables of 32,000 x 512 (Mistral's vocabulary and a
few language tags), because input and output do not share theirs. The text encoder's 38M are 12 layers
of d 512 without a table: it reads with the decoder's. The paper does not say how it embeds source
text, nor how many layers read it.

Shapes: B clips, F feature frames, T memory frames of 20 ms, S source tokens, N target tokens, D width.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.layers.empty_network import first_values
from models.reina.text_encoder import TextEncoder
from models.whisper.network import AudioEncoder, SpeechDimensions, SpeechModel, TextDecoder, sinusoids

FRAME_S = 0.02
SHORTEST_PERIOD_S, LONGEST_PERIOD_S = 1.0, 100.0


@dataclass(frozen=True)
class ReinaDimensions(SpeechDimensions):
    """Sizes of a REINA model. n_vocab counts the pieces of the tokenizer and the language tags."""

    n_source_layer: int = 0  # layers of the text encoder; 0: none, as in a model that only translates speech
    shared_output: bool = False  # the output layer is the token embedding
    dropout: float = 0.1  # of decoder and text encoder; Whisper's encoder has none


CONFIGURATIONS = {
    # The paper's model, with tags for en, de, fr and es.
    "reina-medium": ReinaDimensions(
        n_mels=80,
        n_audio_ctx=1500,
        n_audio_state=1024,
        n_audio_head=16,
        n_audio_layer=24,
        n_vocab=32_004,
        n_text_ctx=448,
        n_text_state=512,
        n_text_head=8,
        n_text_layer=16,
        n_source_layer=12,
    ),
    # On Whisper tiny.en's encoder, with 8,000 pieces and tags for en, de and fr: trains in hours on a CPU.
    "reina-mini": ReinaDimensions(
        n_mels=80,
        n_audio_ctx=1500,
        n_audio_state=384,
        n_audio_head=6,
        n_audio_layer=4,
        n_vocab=8_003,
        n_text_ctx=448,
        n_text_state=256,
        n_text_head=4,
        n_text_layer=6,
        n_source_layer=6,
        shared_output=True,
    ),
}


class Time2Vec(nn.Module):
    """Learned positions: one component grows with time, the others are waves sin(w t + b).

    Kazemi et al. 2019, arXiv 1907.05321. Phases are computed in float32: they reach hundreds of radians.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.frequency = nn.Parameter(first_values(lambda: _frequencies(width), width))  # (D,) per second
        # (D,) sines and cosines in turn
        self.phase = nn.Parameter(first_values(lambda: torch.arange(width) % 2 * (math.pi / 2), width))

    def forward(self, positions: Tensor) -> Tensor:
        """Places (T,) of frames of 20 ms -> (T, D) float32"""
        seconds = FRAME_S * positions
        angles = seconds[:, None] * self.frequency.float() + self.phase.float()
        return torch.cat([angles[:, :1], angles[:, 1:].sin()], dim=1)


def _frequencies(width: int) -> Tensor:
    octaves = math.log10(SHORTEST_PERIOD_S), math.log10(LONGEST_PERIOD_S)
    waves = 2 * math.pi / torch.logspace(*octaves, width - 1)
    slope = torch.tensor([1 / 30])  # the linear component reaches 1 at the end of Whisper's window
    return torch.cat([slope, waves])


class Reina(SpeechModel):
    """Speech, or text, in one language to text in another."""

    def __init__(self, dimensions: ReinaDimensions) -> None:
        super().__init__()
        self.dimensions = dimensions
        d, width = dimensions, dimensions.n_text_state
        self.encoder = AudioEncoder(d)
        self.positions = Time2Vec(d.n_audio_state)
        self.projection = nn.Linear(d.n_audio_state, width)
        self.decoder = TextDecoder(d, d.dropout, d.shared_output)
        self.text_encoder = (
            TextEncoder(width, d.n_text_head, d.n_source_layer, d.dropout) if d.n_source_layer else None
        )
        # An embedding that is also the output layer gives logits of about unit variance this way.
        nn.init.normal_(self.decoder.token_embedding.weight, std=width**-0.5)
        # Learned, but from waves of the embedding's size: long texts are rare in training.
        shape = d.n_text_ctx, width
        positions = first_values(lambda: sinusoids(*shape) * (2 / width) ** 0.5, *shape)
        self.decoder.positional_embedding = nn.Parameter(positions)

    def listen(self, frames: Tensor, positions: Tensor | None = None) -> Tensor:
        """What the decoder listens to, (..., T, D): encoder output plus positions, projected."""
        if positions is None:
            positions = torch.arange(frames.shape[-2], device=frames.device)
        return self.projection(frames + self.positions(positions).to(frames.dtype))

    def translate_text(self, source: Tensor, lengths: Tensor, tokens: Tensor) -> Tensor:
        """Does as `forward`, from source texts (B, S) padded beyond lengths (B,). Position n predicts n + 1.

        Raises ValueError in a model without text encoder.
        """
        if self.text_encoder is None:
            raise ValueError("this model has no text encoder: build it with n_source_layer above 0")
        memory = self.text_encoder(self.decoder.token_embedding(source), lengths)
        return self.decoder.teacher_force(memory, lengths, tokens)
