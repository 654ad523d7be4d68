"""FastConformer, Canary's audio encoder (Rekesh et al. 2023, arXiv 2305.05084), in plain torch.

Three convolutions of stride 2 make frames of 80 ms of features of 10 ms. Conformer blocks (Gulati et al.
2020, arXiv 2005.08100) follow: half a feed-forward layer, self-attention with relative positions (Dai et al.
2019, arXiv 1901.02860), a convolution module with batch normalisation by its stored statistics, and the other
half.

Rows shorter than the longest are masked in every convolution and in attention, so that a row's result does
not depend on its neighbours. Parameter names are those of Hugging Face's `ParakeetEncoder`; convolutions of
width 1 are linear layers.

Shapes: B streams, M mel bins, F feature frames, T memory frames, C channels, D width, H heads, d = D / H.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.canary.dimensions import CanaryDimensions
from models.whisper.network import valid_positions


class Subsampling(nn.Module):
    """Features to frames, each half as often as before in time and in mel bins, several times over."""

    def __init__(self, d: CanaryDimensions) -> None:
        super().__init__()
        channels = d.n_audio_channels
        layers = [nn.Conv2d(1, channels, kernel_size=3, stride=2, padding=1), nn.ReLU()]
        for _ in range(d.halvings - 1):
            layers += [
                nn.Conv2d(channels, channels, kernel_size=3, stride=2, padding=1, groups=channels),
                nn.Conv2d(channels, channels, kernel_size=1),
                nn.ReLU(),
            ]
        self.layers = nn.ModuleList(layers)
        self.linear = nn.Linear(channels * (d.n_mels >> d.halvings), d.n_audio_state)

    def forward(self, features: Tensor, lengths: Tensor | None) -> Tensor:
        """features (B, M, F) of lengths (B,) -> (B, T, D)"""
        x = features.transpose(1, 2)[:, None]  # (B, C, F, M)
        for layer in self.layers:
            x = layer(x)
            if lengths is None or isinstance(layer, nn.ReLU):
                continue
            if layer.stride == (2, 2):
                lengths = -(-lengths // 2)
            # A bias makes silence non-zero, which a shorter row must not hear in the next convolution.
            x = x * valid_positions(lengths, x.shape[2])[:, None, :, None]
        return self.linear(x.transpose(1, 2).flatten(2))


def relative_positions(frames: int, width: int, device: torch.device) -> Tensor:
    """(2 T, D) float32: sines and cosines in turn of the distances T - 1, T - 2 ... -T between frames."""
    distances = torch.arange(frames - 1, -frames - 1, -1, device=device, dtype=torch.float32)
    angles = distances[:, None] * 10_000.0 ** -(torch.arange(0, width, 2, device=device) / width)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


class RelativeAttention(nn.Module):
    """Self-attention whose scores also depend on how far two frames are apart."""

    def __init__(self, d: CanaryDimensions) -> None:
        super().__init__()
        width, self.heads = d.n_audio_state, d.n_audio_head
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(width, width, bias=d.audio_bias))
        self.relative_k_proj = nn.Linear(width, width, bias=False)
        self.bias_u = nn.Parameter(torch.zeros(self.heads, width // self.heads))  # to what a frame holds
        self.bias_v = nn.Parameter(torch.zeros(self.heads, width // self.heads))  # to how far it is away

    def forward(self, x: Tensor, positions: Tensor, valid: Tensor | None) -> Tensor:
        """x (B, T, D), positions (2 T, D) as `relative_positions`, valid (B, T) -> (B, T, D)"""
        queries, keys, values = (
            self._split(project(x)) for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        distances = self._split(self.relative_k_proj(positions))  # (H, 2 T, d)
        scores = (queries + self.bias_v[:, None]) @ distances.transpose(-1, -2)  # (B, H, T, 2 T)
        bias = by_frame(scores) * queries.shape[-1] ** -0.5
        if valid is not None:
            bias = bias.masked_fill(~valid[:, None, None], -torch.inf)
        queries = queries + self.bias_u[:, None]
        attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
        return self.o_proj(attended.transpose(1, 2).flatten(2))

    def _split(self, projected: Tensor) -> Tensor:
        """(..., T, D) -> (..., H, T, d)"""
        return projected.unflatten(-1, (self.heads, -1)).transpose(-2, -3)


def by_frame(scores: Tensor) -> Tensor:
    """Scores (..., T, 2 T) of queries by distance -> (..., T, T) by frame.

    Query i finds frame j, at distance i - j, in column T - 1 - i + j: in memory each row begins one place
    earlier than the one before, so the result is a view with a row stride of 2 T - 1.
    """
    frames = scores.shape[-2]
    width = 2 * frames - 1
    shifted = scores.flatten(-2)[..., frames - 1 : frames - 1 + frames * width]
    return shifted.unflatten(-1, (frames, width))[..., :frames]


class ConvolutionModule(nn.Module):
    """What a frame hears of its near neighbours."""

    def __init__(self, d: CanaryDimensions) -> None:
        super().__init__()
        width, bias = d.n_audio_state, d.convolution_bias
        self.pointwise_conv1 = nn.Linear(width, 2 * width, bias=bias)
        self.depthwise_conv = nn.Conv1d(
            width, width, d.audio_kernel, padding=d.audio_kernel // 2, groups=width, bias=bias
        )
        self.norm = nn.BatchNorm1d(width)
        self.pointwise_conv2 = nn.Linear(width, width, bias=bias)

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """(B, T, D) -> (B, T, D)"""
        x = F.glu(self.pointwise_conv1(x))
        if valid is not None:
            x = x * valid[..., None]
        x = F.silu(self.norm(self.depthwise_conv(x.transpose(1, 2))))
        return self.pointwise_conv2(x.transpose(1, 2))


class FeedForward(nn.Module):
    def __init__(self, d: CanaryDimensions) -> None:
        super().__init__()
        self.linear1 = nn.Linear(d.n_audio_state, d.n_audio_inner, bias=d.audio_bias)
        self.linear2 = nn.Linear(d.n_audio_inner, d.n_audio_state, bias=d.audio_bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear2(F.silu(self.linear1(x)))


class ConformerBlock(nn.Module):
    def __init__(self, d: CanaryDimensions) -> None:
        super().__init__()
        self.feed_forward1 = FeedForward(d)
        self.self_attn = RelativeAttention(d)
        self.conv = ConvolutionModule(d)
        self.feed_forward2 = FeedForward(d)
        for name in ("feed_forward1", "self_att", "conv", "feed_forward2", "out"):
            setattr(self, f"norm_{name}", nn.LayerNorm(d.n_audio_state))

    def forward(self, x: Tensor, positions: Tensor, valid: Tensor | None) -> Tensor:
        x = x + 0.5 * self.feed_forward1(self.norm_feed_forward1(x))
        x = x + self.self_attn(self.norm_self_att(x), positions, valid)
        x = x + self.conv(self.norm_conv(x), valid)
        x = x + 0.5 * self.feed_forward2(self.norm_feed_forward2(x))
        return self.norm_out(x)


class FastConformer(nn.Module):
    """Features to memory frames of 80 ms."""

    def __init__(self, d: CanaryDimensions) -> None:
        super().__init__()
        self.scale = d.n_audio_state**0.5 if d.scales_audio else 1.0
        self.halvings = d.halvings
        self.subsampling = Subsampling(d)
        self.layers = nn.ModuleList(ConformerBlock(d) for _ in range(d.n_audio_layer))

    def forward(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        """features (B, M, F), zero beyond lengths (B,) in feature frames -> (B, T, D).

        `lengths` None means that every row is full. Frames past a row's end are meaningless.
        """
        x = self.scale * self.subsampling(features, lengths)
        valid = None
        if lengths is not None:
            valid = valid_positions(-(-lengths // 2**self.halvings), x.shape[1])
        positions = relative_positions(x.shape[1], x.shape[2], x.device).to(x.dtype)
        for layer in self.layers:
            x = layer(x, positions, valid)
        return x
