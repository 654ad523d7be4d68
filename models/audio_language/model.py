"""What every family of audio-language models offers: an audio encoder, an adapter and a language model.

The audio becomes frames that stand in the prompt like words: the language model, causal and without
cross-attention, reads

    text before the audio | frames | text behind it | what it has written itself

`models.audio_language.translator` makes a Translator of it; training uses `teacher_forced`. A family is one
file that says how its parts are put together (`models.audio_language.qwen2_audio` is the first) and one
line in `models.audio_language.families`. All language
models are causal ones of transformers, which is imported only where a model is loaded.

Shapes: B streams, R rows, F feature frames, T audio frames, N tokens, D width of the language model,
V vocabulary.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from foundation.errors import InputError
from models.audio_language.audio_attention import AudioAttention
from models.audio_language.audio_streams import AudioStreamEncoder
from models.audio_language.kept_keys import KeepingPass
from models.audio_language.stored_keys import StoredKeys, cache_argument
from models.audio_language.tokenizer import AudioLanguageTokenizer, AudioPrompt
from models.layers.row_cache import TokenCache
from models.sound.log_mel import HOP, HOP_MS, LogMelStream, frames_heard
from models.translator import TranslatorOptions, frame_ends


@dataclass(frozen=True)
class AudioFeatures:
    """Log-mel features of B streams, on the model's device."""

    values: Tensor  # (B, mels, F); behind a row's end stands the silence that the encoder may see
    lengths: Tensor  # (B,) feature frames that may be attended to


@dataclass(frozen=True)
class AudioFrames:
    """What the encoder, or the adapter, makes of B streams."""

    values: Tensor  # (B, T, width); meaningless behind a row's end
    lengths: Tensor  # (B,)

    def select(self, rows: Sequence[int] | Tensor) -> "AudioFrames":
        """Some rows only, in this order."""
        rows = torch.as_tensor(rows, device=self.lengths.device)
        return AudioFrames(self.values[rows], self.lengths[rows])


class AudioLanguageModel(ABC):
    """One model of any family, for inference and for training."""

    network: nn.Module  # transformers' model: what is trained and saved
    tokenizer: AudioLanguageTokenizer
    folder: Path  # where it was read
    description_files: tuple[str, ...]  # of that folder, beside configuration and weights
    frame_ms: float  # duration of one audio frame
    encoder_width: int  # of what `encode_features` gives
    mel_bins: int
    window_frames: int  # feature frames that the encoder hears at most
    context_length: int  # prompt, audio and text together, in tokens
    lora_modules: tuple[str, ...]  # every matrix of a layer of the language model, by the ends of their names
    alignment_heads: tuple[tuple[int, int], ...] | None  # (layer, head), from 0, that follow the speech

    @classmethod
    @abstractmethod
    def load(cls, path: Path, options: TranslatorOptions) -> "AudioLanguageModel":
        """Read a model folder to the device in the precision of `options`. Raises InputError."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write a new model folder that `load` and transformers read. Raises InputError if it exists."""

    @property
    @abstractmethod
    def language_model(self) -> nn.Module:
        """The causal language model, with `get_decoder` and `get_input_embeddings`."""

    @property
    @abstractmethod
    def head(self) -> nn.Linear:
        """What makes logits of the language model's hidden states; some versions count it to that."""

    @property
    @abstractmethod
    def encoder(self) -> nn.Module:
        """All weights that `encode_features` uses."""

    @property
    @abstractmethod
    def adapter(self) -> nn.Module:
        """All weights that `adapt` uses."""

    @abstractmethod
    def encode_features(self, features: AudioFeatures) -> AudioFrames:
        """The encoder's output, of the width that `adapt` takes. A row ignores what is behind its end."""

    @abstractmethod
    def adapt(self, frames: AudioFrames) -> AudioFrames:
        """The encoder's output as the language model reads it, (B, T, D)."""

    @abstractmethod
    def frame_lengths(self, lengths: Tensor) -> Tensor:
        """(B,) audio frames of so many feature frames."""

    # Feature frames behind a row's end that its last audio frame sees, and those that one frame needs.
    lookahead_frames: int
    fewest_frames: int
    usual_silence_ms = 0  # that the model was trained to hear behind the audio

    @property
    def language_layers(self) -> nn.ModuleList:
        """The layers of the language model, without its tables of tokens and what hears."""
        return self.language_model.get_decoder().layers

    @property
    def device(self) -> torch.device:
        return self.head.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.head.weight.dtype

    @property
    def width(self) -> int:
        """The width D of the language model."""
        return self.language_model.config.hidden_size

    @property
    def maximum_audio_ms(self) -> float:
        return float(HOP_MS * self.window_frames)

    @property
    def maximum_frames(self) -> int:
        """Audio frames of a full window."""
        return int(self.frame_lengths(torch.tensor(self.window_frames)))

    def prompt(self, source_language: str, target_language: str) -> AudioPrompt:
        """Raises InputError for a pair that the model cannot do, and for a prompt without room for audio."""
        if self.context_length <= self.maximum_frames + 1:
            raise InputError(
                f"the context of {self.context_length} tokens is shorter than the audio's "
                f"{self.maximum_frames} frames with a text: give the language model a longer one"
            )
        return self.tokenizer.audio_prompt(source_language, target_language)

    def open_features(self) -> LogMelStream:
        """A stream of audio in the form that `features_of` takes."""
        return LogMelStream(self.mel_bins)

    def features_heard(self, samples: Tensor) -> Tensor:
        """(B,) feature frames of so many samples (B,), as their streams count them."""
        return -(-samples // HOP)

    def features(self, waveforms: Sequence[np.ndarray]) -> AudioFeatures:
        """The features of B whole waveforms, (n,) float32 at 16 kHz. Raises InputError as `features_of`."""
        streams = [self.open_features() for _ in waveforms]
        for stream, waveform in zip(streams, waveforms, strict=True):
            stream.append(waveform)
        return self.features_of(streams)

    def encoded_lengths(self, heard: Tensor, silence_ms: int) -> Tensor:
        """(B,) feature frames that may be attended to, of those heard (B,) with silence behind them."""
        return (heard + silence_ms // HOP_MS).clamp(self.fewest_frames, self.window_frames)

    def frame_ends(self, streams: int, frames: int) -> Tensor:
        """(B, T) float32: when the audio frames of B streams end, in ms."""
        return frame_ends(streams, frames, self.frame_ms, self.device)

    def features_of(self, streams: Sequence[LogMelStream], silence_ms: int | None = None) -> AudioFeatures:
        """The features of B streams, with silence_ms of silence behind each that may be attended to.

        silence_ms: None is what the model was trained for. Raises InputError for a stream without audio or
        one longer than the encoder's window.
        """
        heard = frames_heard(streams, self.window_frames)
        silence_ms = self.usual_silence_ms if silence_ms is None else silence_ms
        lengths = self.encoded_lengths(heard, silence_ms)
        width = min(int(lengths.max()) + self.lookahead_frames, self.window_frames)
        values = torch.stack([stream.features(width) for stream in streams])
        return AudioFeatures(values.to(self.device, self.dtype), lengths.to(self.device))

    def audio_embeddings(self, features: AudioFeatures) -> AudioFrames:
        """Audio as the language model reads it, (B, T, D)."""
        return self.adapt(self.encode_features(features))

    def open_encoder(self, options: TranslatorOptions) -> AudioStreamEncoder | None:
        """What encodes streams as options say; None where all audio is encoded anew with every chunk.

        Raises InputError for an option that the encoder knows nothing of.
        """
        if options.frozen_after_s is not None:
            raise InputError(
                "frozen_after_s is an option of Whisper, REINA and Qwen2-Audio, and this model encodes all "
                "of its audio at each chunk: leave it out"
            )
        return None

    def embed(self, tokens: Tensor) -> Tensor:
        """(..., N) -> (..., N, D)"""
        return self.language_model.get_input_embeddings()(tokens)

    def hidden_states(
        self,
        embeddings: Tensor,
        lengths: Tensor | None = None,
        cache: TokenCache | None = None,
        attention: AudioAttention | None = None,
        keeping: KeepingPass | None = None,
    ) -> Tensor:
        """Last hidden states (R, N, D) of embeddings (R, N, D), padded on the right.

        Without a cache they are whole sequences. With one they stand behind what its rows hold, lengths
        (R,) of them are real, `attention` may look on, and `keeping` take keys for later chunks.
        """
        decoder = self.language_model.get_decoder()
        if cache is None:
            return decoder(inputs_embeds=embeddings, use_cache=False).last_hidden_state
        positions = cache.positions(embeddings.shape[1])
        hidden = decoder(
            inputs_embeds=embeddings,
            position_ids=positions,
            attention_mask=cache.causal_mask(positions),
            use_cache=True,
            cache_position=positions[0],  # or the cache would be asked for its length
            **{cache_argument(type(decoder)): StoredKeys(cache, keeping)},
            **({} if attention is None else {"audio_attention": attention}),
        ).last_hidden_state
        cache.count_tokens(lengths)
        if keeping is not None:
            keeping.finish()
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., D) -> (..., V) float32"""
        return self.head(hidden).float()

    def teacher_forced(
        self,
        audio: AudioFeatures | AudioFrames,
        prompts: Sequence[AudioPrompt],
        targets: Sequence[Sequence[int]],
    ) -> tuple[Tensor, Tensor]:
        """Logits (R, N, V) float32 that predict targets[r][n], and which of them are real, (R, N) bool.

        audio: features, or what `encode_features` made of them. Gradients flow wherever they are enabled.
        Raises ValueError when a row is longer than the context.
        """
        hidden, lengths = self.hidden_behind(audio, prompts, targets)
        counts = self._tensor([len(target) for target in targets])
        steps = torch.arange(int(counts.max()), device=self.device)
        real = steps < counts[:, None]
        places = ((lengths - counts)[:, None] + steps).clamp(max=hidden.shape[1] - 1)
        chosen = hidden[torch.arange(len(hidden), device=self.device)[:, None], places]
        return self.logits(chosen), real

    def hidden_behind(
        self,
        audio: AudioFeatures | AudioFrames,
        prompts: Sequence[AudioPrompt],
        targets: Sequence[Sequence[int]],
    ) -> tuple[Tensor, Tensor]:
        """Hidden states (R, N, D) at all places behind the audio, and how many of them are real, (R,).

        The last len(targets[r]) of these predict the target. Arguments and errors are those of
        `teacher_forced`.
        """
        encoded = self.encode_features(audio) if isinstance(audio, AudioFeatures) else audio
        frames = self.adapt(encoded)
        starts, rows = [], []
        for row, (prompt, target) in enumerate(zip(prompts, targets, strict=True)):
            heard = frames.values[row, : int(frames.lengths[row])]
            before = self.embed(self._tensor(prompt.before))
            behind = self.embed(self._tensor((*prompt.after, *target[:-1])))
            starts.append(len(before) + len(heard))
            rows.append(torch.cat([before, heard.to(before.dtype), behind]))
            if len(rows[-1]) > self.context_length:
                raise ValueError(
                    f"row {row} has {len(rows[-1])} tokens, the model's context holds "
                    f"{self.context_length}: leave such texts out"
                )
        # What is padded on the right no causal model sees.
        hidden = self.hidden_states(pad_sequence(rows, batch_first=True))
        lengths = self._tensor([len(row) for row in rows]) - self._tensor(starts)
        places = self._tensor(starts)[:, None] + torch.arange(int(lengths.max()), device=self.device)
        places = places.clamp(max=hidden.shape[1] - 1)
        return hidden[torch.arange(len(rows), device=self.device)[:, None], places], lengths

    def _tensor(self, numbers: Sequence[int]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.int64, device=self.device)
