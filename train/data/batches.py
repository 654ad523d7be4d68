"""Pairs as tensors: this process' share of a global batch.

Shapes: B pairs, F feature frames, T memory frames, S source tokens, N target positions, D width.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from foundation.errors import InputError
from models.sound.log_mel import HOP, HOP_MS
from models.whisper.front_end import FrontEnd
from train.data.examples import Example
from train.data.masking import MaskingSection, masked
from train.data.streamed import TrainingHearing
from train.data.truncation import truncated_samples

IGNORED = -100  # a target that is none: padding, or part of the prompt
LONGEST_CHUNK_MS = 60_000


@dataclass
class Moved:
    """Tensors that move to a device together, as fairseq2 asks of a batch."""

    def to(self, device: torch.device, *, non_blocking: bool = False) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Tensor):
                setattr(self, field.name, value.to(device, non_blocking=non_blocking))
            elif isinstance(value, Moved):
                value.to(device, non_blocking=non_blocking)


@dataclass
class Audio(Moved):
    """Clips, whole or as far as they have been heard; `encoded` ones passed the encoder already."""

    values: Tensor  # (B, mels, F) features or (B, T, D) memory frames, zero beyond
    lengths: Tensor  # (B,) feature frames or memory frames
    heard_s: Tensor  # (B,) seconds, to whole memory frames
    encoded: bool
    log_counts: Tensor | None = None  # (B, T): of `models.translator.Memory`, of thinned memory frames


@dataclass
class Waveforms(Moved):
    """Clips as far as they have been heard, for an encoder that hears streams (`train.data.streamed`)."""

    clips: list[Tensor]  # (n,) float32 at 16 kHz each; they stay where they are
    heard_s: Tensor  # (B,) seconds, to whole memory frames


@dataclass
class Text(Moved):
    """What the decoder reads and what it should say."""

    tokens: Tensor  # (B, N): prompt and text
    targets: Tensor  # (B, N): position n is token n + 1, or IGNORED

    prompt_length: int

    @property
    def mask(self) -> Tensor:
        """The positions that count, (B, N) bool."""
        return self.targets != IGNORED

    @property
    def prompts(self) -> list[list[int]]:
        """The tokens that each text starts with."""
        return self.tokens[:, : self.prompt_length].tolist()


@dataclass
class SpeechPairs(Moved):
    ids: list[str]
    audio: Audio | Waveforms
    text: Text
    whole_audio: Audio | Waveforms | None = None  # beside a truncated `audio`, if a policy is trained


@dataclass
class TextPairs(Moved):
    ids: list[str]
    source: Tensor  # (B, S)
    lengths: Tensor  # (B,)
    text: Text


@dataclass
class TranslationBatch(Moved):
    """One process' share of a batch."""

    speech: SpeechPairs | None
    texts: TextPairs | None

    @property
    def ids(self) -> list[str]:
        return [id for part in (self.speech, self.texts) if part is not None for id in part.ids]


@dataclass(kw_only=True)
class TruncationSection:
    """How much of a clip is heard in training (REINA, stages 2 and 3)."""

    cut_probability: float = 0.8
    """Share of clips that are cut; the others stay whole. The target is always the full text."""

    chunk_ms: int = 250
    """Cut lengths are whole numbers of such chunks, each equally likely. An encoder cache has its own."""

    def __post_init__(self) -> None:
        if not 0 <= self.cut_probability <= 1:
            raise InputError(f"truncation.cut_probability must be from 0 to 1, got {self.cut_probability:g}")
        if not 1 <= self.chunk_ms <= LONGEST_CHUNK_MS:
            raise InputError(f"truncation.chunk_ms must be from 1 to {LONGEST_CHUNK_MS}, got {self.chunk_ms}")


@dataclass(frozen=True)
class Collation:
    """Makes tensors of pairs. The same pair in the same epoch is always cut in the same place."""

    end_of_sequence: int
    front_end: FrontEnd
    truncation: TruncationSection | None  # None: all clips whole
    with_whole_audio: bool  # beside the truncated one
    seed: int
    masking: MaskingSection | None = None
    frame_multiple: int = 1
    token_multiple: int = 1
    heard: TrainingHearing | None = None  # None: the audio alone, all of it encoded at once
    most_frames: int | None = None  # feature frames of the encoder's window; None: any number
    most_tokens: int | None = None  # of the decoder's context

    def batch(self, speech: Sequence[Example], texts: Sequence[Example], epoch: int) -> TranslationBatch:
        return TranslationBatch(
            self._speech(speech, epoch) if speech else None, self._texts(texts) if texts else None
        )

    def _speech(self, pairs: Sequence[Example], epoch: int) -> SpeechPairs:
        ids = [pair.id for pair in pairs]
        text = self._text(pairs)
        if pairs[0].cached is not None:
            audio = self._cached_audio(pairs, [self._version(pair, epoch) for pair in pairs])
            whole = self._cached_audio(pairs, [0] * len(pairs)) if self.with_whole_audio else None
            return SpeechPairs(ids, audio, text, whole)
        waveforms = [torch.from_numpy(pair.waveform(self.most_frames)) for pair in pairs]
        heard = [
            waveform[: self._heard(pair, len(waveform), epoch)]
            for pair, waveform in zip(pairs, waveforms, strict=True)
        ]
        if self.heard is not None:
            whole = self._waveforms(waveforms) if self.with_whole_audio else None
            return SpeechPairs(ids, self._waveforms(heard), text, whole)
        whole = self._audio(self._features(waveforms, [0] * len(pairs))) if self.with_whole_audio else None
        silences_ms = [
            min(pair.silence_ms, self._room_ms(len(clip))) if len(clip) == len(waveform) else 0
            for pair, clip, waveform in zip(pairs, heard, waveforms, strict=True)
        ]
        features = self._features(heard, silences_ms)
        if self.masking is not None:
            features = [
                masked(feature, self._generator(pair, epoch, "mask"), self.masking)
                for pair, feature in zip(pairs, features, strict=True)
            ]
        return SpeechPairs(ids, self._audio(features), text, whole)

    def _room_ms(self, samples: int) -> float:
        """How much silence the window has room for behind so many samples; lengths in seconds are rounded."""
        return math.inf if self.most_frames is None else HOP_MS * (self.most_frames - -(-samples // HOP))

    def _features(self, waveforms: Sequence[Tensor], silences_ms: Sequence[int]) -> list[Tensor]:
        """(mels, F) of each, with so much silence behind it."""
        pairs = zip(waveforms, silences_ms, strict=True)
        return [self.front_end.features(waveform, silence_ms) for waveform, silence_ms in pairs]

    def _audio(self, features: Sequence[Tensor]) -> Audio:
        """features (mels, F) of each clip."""
        lengths = torch.tensor([feature.shape[1] for feature in features])
        longest = _rounded(int(lengths.max()), self.frame_multiple, self.most_frames)
        values = torch.zeros(len(features), self.front_end.mel_bins, longest)
        for row, feature in enumerate(features):
            values[row, :, : feature.shape[1]] = feature
        return Audio(values, lengths, self._seconds(self.front_end.memory_frames(lengths)), encoded=False)

    def _waveforms(self, clips: list[Tensor]) -> Waveforms:
        return Waveforms(clips, self._heard_s([len(clip) for clip in clips]))

    def _heard_s(self, samples: Sequence[int]) -> Tensor:
        """(B,) seconds of clips of so many samples, to whole memory frames."""
        features = torch.tensor([-(-one // HOP) for one in samples])
        return self._seconds(self.front_end.memory_frames(features))

    def _seconds(self, frames: Tensor) -> Tensor:
        """(B,) of so many memory frames."""
        return frames / (1000 / self.front_end.frame_ms)

    def may_cut(self, pair: Example) -> bool:
        """Whether a clip may be cut at random.

        The text of a beginning is of what is heard of it: with less it would teach to guess. A policy learns
        from less and from all that the beginning has, whatever its text.
        """
        if self.truncation is None or not self.truncation.cut_probability:
            return False
        return pair.heard_samples is None or self.with_whole_audio

    def _heard(self, pair: Example, samples: int, epoch: int) -> int:
        if not self.may_cut(pair):
            return samples
        cut = self.truncation
        generator = self._generator(pair, epoch)
        lengths = torch.tensor([samples])
        return int(truncated_samples(lengths, generator, cut.chunk_ms, cut.cut_probability)[0])

    def _version(self, pair: Example, epoch: int) -> int:
        versions = len(pair.cached.versions)
        if versions == 1 or not self.may_cut(pair):
            return 0
        generator = self._generator(pair, epoch)
        coin, place = torch.rand(2, generator=generator).tolist()
        return 1 + int(place * (versions - 1)) if coin < self.truncation.cut_probability else 0

    def _cached_audio(self, pairs: Sequence[Example], versions: Sequence[int]) -> Audio:
        chosen = list(zip(pairs, versions, strict=True))
        frames = [torch.from_numpy(np.array(pair.cached.frames_of(version))) for pair, version in chosen]
        lengths = torch.tensor([len(one) for one in frames])
        values = pad_sequence(frames, batch_first=True)
        if self.heard is None:
            return Audio(values, lengths, self._seconds(lengths), encoded=True)
        samples = [pair.cached.versions[version].heard_samples for pair, version in chosen]
        return Audio(values, lengths, self._heard_s(samples), True, self.heard.log_counts(samples))

    def _generator(self, pair: Example, epoch: int, use: str = "") -> torch.Generator:
        digest = hashlib.sha256(f"{self.seed} {epoch} {pair.id}{use}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:4], "little"))

    def _texts(self, pairs: Sequence[Example]) -> TextPairs:
        source = [torch.from_numpy(pair.source).long() for pair in pairs]
        lengths = torch.tensor([len(one) for one in source])
        return TextPairs(
            [pair.id for pair in pairs], pad_sequence(source, batch_first=True), lengths, self._text(pairs)
        )

    def _text(self, pairs: Sequence[Example]) -> Text:
        longest = _rounded(max(pair.tokens for pair in pairs), self.token_multiple, self.most_tokens)
        tokens = torch.zeros(len(pairs), longest, dtype=torch.int64)
        targets = torch.full((len(pairs), longest), IGNORED, dtype=torch.int64)
        for row, pair in enumerate(pairs):
            prompt, end = len(pair.prompt), pair.tokens
            tokens[row, :prompt] = torch.tensor(pair.prompt)
            tokens[row, prompt:end] = torch.from_numpy(pair.text).long()
            # Position n predicts token n + 1, from the last token of the prompt on.
            targets[row, prompt - 1 : end - 1] = tokens[row, prompt:end]
            targets[row, end - 1] = self.end_of_sequence if pair.ends else IGNORED
        return Text(tokens, targets, len(pairs[0].prompt))


def _rounded(length: int, multiple: int, most: int | None) -> int:
    """A multiple, but never more than the model takes."""
    rounded = -(-length // multiple) * multiple
    return rounded if most is None else min(rounded, most)
