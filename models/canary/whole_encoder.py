"""Encodes streams for Canary: all audio of each, at every chunk anew.

Nothing of an earlier chunk can be kept but log-mel values (`models.canary.features`): normalisation over the
utterance changes every feature with every chunk, and each of the encoder's frames sees all others, earlier
and later. A chunk so costs as much as all audio that is remembered; frames of 80 ms, a quarter of Whisper's,
and no silence up to the end of a window keep that small.

Shapes: B streams, M mel bins, F feature frames, T memory frames, D width.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.canary.features import CanaryStream
from models.canary.network import Canary
from models.sound.audio import SAMPLE_RATE
from models.sound.log_mel import HOP, frames_heard
from models.translator import Memory, frame_ends

# So many memory frames, padding included, go through the encoder together: the first convolution makes
# megabytes of each second.
FRAMES_AT_ONCE = 2_000


class WholeEncoder:
    """Encodes streams with `silence_ms` of silence behind each, as far as the window reaches."""

    def __init__(
        self,
        model: Canary,
        silence_ms: int,
        device: torch.device,
        dtype: torch.dtype,
        decoder_dtype: torch.dtype,
    ) -> None:
        """dtype: of the model but for its decoder."""
        self.model = model
        self.device = device
        self.dtype = dtype
        self.decoder_dtype = decoder_dtype
        self.window_frames = model.dimensions.n_audio_ctx << model.dimensions.halvings
        self._silence_samples = silence_ms * SAMPLE_RATE // 1000

    @property
    def bytes_per_audio_s(self) -> int:
        """Of memories: what the decoder listens to, with its keys and values."""
        sizes = self.model.dimensions
        numbers = sizes.n_audio_state + 2 * sizes.n_text_layer * sizes.n_text_state
        return int(1000 / self.model.front_end.frame_ms * numbers * self.decoder_dtype.itemsize)

    def encode(self, streams: Sequence[CanaryStream]) -> Memory:
        """All audio that each of B streams has heard.

        Raises InputError for a stream without audio or one longer than the window.
        """
        front_end, decoder = self.model.front_end, self.model.decoder
        heard = frames_heard(streams, self.window_frames)
        features = [self._features(stream) for stream in streams]
        lengths = front_end.memory_frames(torch.tensor([one.shape[1] for one in features]))
        frames = torch.zeros(
            len(streams),
            int(lengths.max()),
            self.model.dimensions.n_audio_state,
            device=self.device,
            dtype=self.decoder_dtype,
        )
        for some in _groups(lengths.tolist()):
            encoded = self._encode([features[place] for place in some])
            frames[some, : encoded.shape[1]] = encoded.to(self.decoder_dtype)
        return Memory(
            frames=frames,
            lengths=lengths.to(self.device),
            heard_frames=front_end.memory_frames(heard).to(self.device),
            end_ms=frame_ends(*frames.shape[:2], front_end.frame_ms, self.device),
            cross=tuple(decoder.cross_keys(frames)),
        )

    def _features(self, stream: CanaryStream) -> Tensor:
        """(M, F)"""
        room_samples = self.window_frames * HOP - stream.samples_heard
        return stream.features(max(0, min(self._silence_samples, room_samples)))

    def _encode(self, features: Sequence[Tensor]) -> Tensor:
        lengths = torch.tensor([one.shape[1] for one in features], device=self.device)
        padded = pad_sequence([one.T for one in features], batch_first=True).transpose(1, 2)
        return self.model.hear(padded.to(self.device, self.dtype), lengths)


def _groups(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of streams that are encoded together, like lengths side by side: little of them is padding."""
    some: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if some and (len(some) + 1) * lengths[place] > FRAMES_AT_ONCE:
            yield some
            some = []
        some.append(place)
    yield some
