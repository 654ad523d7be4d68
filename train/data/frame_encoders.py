"""Frozen encoders whose output `train.prepare encode` stores: of Whisper, REINA, audio-language models.

Shapes: B clips, F feature frames, T frames, D width.
"""

from collections.abc import Sequence
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


class FrameEncoder(Protocol):
    """What storing asks of an encoder."""

    module: nn.Module  # all weights that frames depend on
    width: int  # D
    frame_ms: float
    longest: int  # samples that it hears at most

    def frames(self, samples: int) -> int:
        """How many frames it gives for so many samples."""

    def encode_clips(self, clips: Sequence[np.ndarray]) -> Tensor:
        """(B, T, D) of clips (n,) float32 at 16 kHz; meaningless behind a clip's frames."""


class WhisperFrames:
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

    def encode_clips(self, clips: Sequence[np.ndarray]) -> Tensor:
        return self._encoder.encode([torch.from_numpy(clip) for clip in clips]).frames


class AudioLanguageFrames:
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
