"""Silero VAD's network (github.com/snakers4/silero-vad, MIT) for 16 kHz: how likely each 32 ms hold speech.

The weights are a file of the package `silero-vad`. Its own module keeps the state of one stream inside, is
TorchScript, and sets torch to one thread when it is imported. Here the state is a value, so that any number
of streams share one network. Of the two sets of weights in the package, this one misses fewer short words.

Shapes: B streams.
"""

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from foundation.errors import InputError

FRAME_SAMPLES = 512
CONTEXT_SAMPLES = 64  # of the frame before, in front of each
WIDTH = 128


class SpeechState(NamedTuple):
    """What the network remembers of its streams between two frames."""

    context: Tensor  # (B, 64) the newest samples
    hidden: Tensor  # (B, 128)
    cell: Tensor  # (B, 128)


class SpeechNetwork(nn.Module):
    """A spectrum, four convolutions and an LSTM, named as in the file of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, kernel_size=256, stride=128, bias=False)
        self.conv1 = nn.Conv1d(129, 128, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, kernel_size=3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, kernel_size=3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, WIDTH, kernel_size=3, padding=1)
        self.lstm_cell = nn.LSTMCell(WIDTH, WIDTH)
        self.final_conv = nn.Conv1d(WIDTH, 1, kernel_size=1)

    def start(self, streams: int = 1) -> SpeechState:
        """The state before the first sample."""
        return SpeechState(
            torch.zeros(streams, CONTEXT_SAMPLES), torch.zeros(streams, WIDTH), torch.zeros(streams, WIDTH)
        )

    def forward(self, frame: Tensor, state: SpeechState) -> tuple[Tensor, SpeechState]:
        """frame (B, 512) float32 at 16 kHz -> probability of speech (B,), and the state behind the frame."""
        heard = torch.cat([state.context, frame], dim=1)
        padded = nn.functional.pad(heard[:, None], (0, 64), mode="reflect")
        real, imaginary = self.stft_conv(padded).chunk(2, dim=1)
        features = (real.square() + imaginary.square()).sqrt()  # (B, 129, 4)
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            features = layer(features).relu()
        hidden, cell = self.lstm_cell(features[..., 0], (state.hidden, state.cell))
        probability = self.final_conv(hidden.relu()[..., None]).sigmoid()[:, 0, 0]
        return probability, SpeechState(heard[:, -CONTEXT_SAMPLES:], hidden, cell)


@lru_cache(maxsize=1)
def load_speech_network() -> SpeechNetwork:
    """The network with its weights. Raises InputError where the package `silero-vad` is not installed."""
    try:
        package = distribution("silero-vad")
    except PackageNotFoundError:
        raise InputError(
            "speech activity needs the package silero-vad: pip install 'silero-vad>=6.2.3,<7', or decode all "
            "audio with --decode-silence"
        ) from None
    network = SpeechNetwork()
    network.load_state_dict(load_file(package.locate_file("silero_vad/data/silero_vad_16k.safetensors")))
    return network.eval().requires_grad_(False)
