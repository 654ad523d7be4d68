"""Frozen encoders whose output `train.prepare encode` stores: of Whisper, REINA, audio-language models.

Shapes: B clips, F feature frames, T frames, D width.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from foundation.errors import InputError
from models.audio_language.families import load_audio_language_model
from models.sound.log_mel import HOP, log_mel_spectrogram
from models.storage.locate import locate_model
from models.translator import TranslatorOptions
from models.whisper.hearing import PLAIN, Hearing
from models.whisper.network import FRAME_MS, STRIDE, AudioEncoder, Whisper
from train.data.clip_versions import encoder_frames
from train.data.streamed import ClipEncoder, TrainingHearing
from train.recipes.start_model import open_model

BATCH_FRAMES = 8_000  # feature frames of one batch, padding included


class FrameEncoder(Protocol):
    """What storing asks of an encoder."""

    module: nn.Module  # all weights that frames depend on
    width: int  # D
    frame_ms: float
    longest: int  # samples that it hears at most

    def frames(self, samples: int) -> int:
        """How many frames it gives for so many samples."""

    def encode_cuts(
        self, clips: Sequence[np.ndarray], cuts: Sequence[Sequence[int]]
    ) -> Iterator[tuple[int, int, Tensor]]:
        """Frames (T, D) of what is heard of clips (n,) float32 at 16 kHz.

        cuts: of each clip how many samples are heard, each of them once. Yields, in any order, the place of a
        clip, the cut, and the frames, which stay as they are until the next are asked for.
        """


class BatchedFrames(ABC):
    """An encoder that hears each cut as a clip of its own, those of similar length together."""

    def encode_cuts(
        self, clips: Sequence[np.ndarray], cuts: Sequence[Sequence[int]]
    ) -> Iterator[tuple[int, int, Tensor]]:
        heard = [(place, cut) for place, of_clip in enumerate(cuts) for cut in of_clip]
        for batch in batches([-(-cut // HOP) for _, cut in heard]):
            some = [heard[index] for index in batch]
            frames = self.encode_clips([clips[place][:cut] for place, cut in some])
            for (place, cut), of_cut in zip(some, frames, strict=True):
                yield place, cut, of_cut[: self.frames(cut)]

    @abstractmethod
    def frames(self, samples: int) -> int:
        """How many frames it gives for so many samples."""

    @abstractmethod
    def encode_clips(self, clips: Sequence[np.ndarray]) -> Tensor:
        """(B, T, D) of clips (n,) float32 at 16 kHz; meaningless behind a clip's frames."""


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Clips of similar length together, up to BATCH_FRAMES feature frames with their padding."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[index] > BATCH_FRAMES:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


class WhisperFrames(BatchedFrames):
    """What Whisper's decoder listens to."""

    frame_ms = FRAME_MS

    def __init__(self, encoder: AudioEncoder, device: str) -> None:
        self.module = encoder.to(device)
        self.width: int = encoder.ln_post.normalized_shape[0]
        self.longest = encoder.positional_embedding.shape[0] * STRIDE * HOP
        self._device = device

    def frames(self, samples: int) -> int:
        return encoder_frames(samples)

    def encode_clips(self, clips: Sequence[np.ndarray]) -> Tensor:
        mels = self.module.conv1.in_channels
        features = [log_mel_spectrogram(torch.from_numpy(clip), mels).T for clip in clips]
        lengths = torch.tensor([len(feature) for feature in features], device=self._device)
        return self.module(pad_sequence(features, batch_first=True).transpose(1, 2).to(self._device), lengths)


class StreamedFrames:
    """What Whisper's decoder listens to when it runs, with silence behind the audio and frozen frames."""

    frame_ms = FRAME_MS

    def __init__(self, model: Whisper, hearing: Hearing, device: str) -> None:
        self.module = model.to(device).encoder
        self.width: int = model.dimensions.n_audio_state
        self._heard = TrainingHearing.of(hearing, model.dimensions)
        self.longest = self._heard.window_frames * HOP
        self._encoder = ClipEncoder(model, hearing, torch.device(device))

    def frames(self, samples: int) -> int:
        return len(self._heard.layout(samples))

    def encode_cuts(
        self, clips: Sequence[np.ndarray], cuts: Sequence[Sequence[int]]
    ) -> Iterator[tuple[int, int, Tensor]]:
        """A clip is one stream, which meets its cuts one after the other: what is frozen is encoded once."""
        # Streams of similar length together, so that none waits for the longest with its frames in memory.
        for batch in batches([-(-max(of_clip) // HOP) for of_clip in cuts]):
            opened = [
                (place, self._encoder.open(torch.from_numpy(clips[place])), sorted(cuts[place]))
                for place in batch
            ]
            for number in range(max(len(of_clip) for _, _, of_clip in opened)):
                some = [
                    (place, stream, of_clip[number])
                    for place, stream, of_clip in opened
                    if number < len(of_clip)
                ]
                memory = self._encoder.hear([stream for _, stream, _ in some], [cut for _, _, cut in some])
                for row, (place, _, cut) in enumerate(some):
                    yield place, cut, memory.frames[row, : self.frames(cut)]


class AudioLanguageFrames(BatchedFrames):
    """What an audio-language model's adapter reads."""

    def __init__(self, name: str, device: str) -> None:
        """Raises InputError if there is no such audio-language model."""
        model = load_audio_language_model(locate_model(name), TranslatorOptions(device=device))
        self._model = model
        self.module = model.encoder.eval().requires_grad_(False)
        self.width = model.encoder_width
        self.frame_ms = model.frame_ms
        self.longest = model.window_frames * HOP

    def frames(self, samples: int) -> int:
        model = self._model
        features = model.encoded_lengths(model.features_heard(torch.tensor(samples)), model.usual_silence_ms)
        return int(model.frame_lengths(features))

    def encode_clips(self, clips: Sequence[np.ndarray]) -> Tensor:
        return self._model.encode_features(self._model.features(clips)).values


def open_encoder(
    whisper: str | None, model: str | None, device: str, hearing: Hearing = PLAIN
) -> FrameEncoder:
    """One of both, by name or path, in float32. Raises InputError if there is none, or none that hears so."""
    if model is not None:
        return AudioLanguageFrames(model, device)
    if hearing.is_plain:
        return WhisperFrames(load_encoder(whisper), device)
    start = open_model(locate_model(whisper))
    if not isinstance(start.model, Whisper):
        raise InputError(
            f"{whisper} is a REINA, whose caches hold clips alone: leave silence and frozen frames out"
        )
    start.model.eval().requires_grad_(False)
    return StreamedFrames(start.model, hearing, device)


def load_encoder(whisper: str) -> AudioEncoder:
    """In evaluation mode, float32. Raises InputError if there is no such Whisper or REINA."""
    encoder = open_model(locate_model(whisper)).model.encoder
    if not isinstance(encoder, AudioEncoder):
        raise InputError(
            f"{whisper} has another encoder than Whisper's, whose outputs are not stored: train without an "
            "encoder cache"
        )
    return encoder.eval().requires_grad_(False)
