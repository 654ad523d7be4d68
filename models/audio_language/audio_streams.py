"""How an audio-language model hears streams that grow: what is encoded again, and which frames are final.

The decoder asks only how many first frames of a stream's memory are final (`Memory.final`). By default none
are: encoders that attend in both directions change every frame with every chunk, so `WholeEncoder` encodes
all audio anew, batched, and nothing is spent on the rest of the window. For encoders of Whisper's kind
`models.audio_language.freezing_encoder` never encodes frames again once they are old enough. An encoder that
finishes its audio block by block is a third class: its stream holds the embeddings of finished blocks and a
dict for `FinalFrames`, both of which `drop_before` empties, and its memory counts the frames of these blocks.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from models.sound.log_mel import LogMelStream
from models.translator import AudioStream, Memory, frame_ends

if TYPE_CHECKING:
    from models.audio_language.model import AudioLanguageModel


class AudioStreamEncoder(Protocol):
    """Makes the memories of streams."""

    def open_stream(self, whole: bool = False) -> AudioStream:
        """Does as `Translator.open_stream`."""

    def encode(self, streams: Sequence[AudioStream]) -> Memory:
        """Does as `Translator.encode_streams`; raises InputError for no audio, or more than the window."""


class WholeEncoder:
    """Encodes all audio anew. Only log-mel features of audio heard before are kept."""

    def __init__(self, model: "AudioLanguageModel", silence_ms: int) -> None:
        """silence_ms: of silence that is heard behind the audio."""
        self._model = model
        self._silence_ms = silence_ms

    def open_stream(self, whole: bool = False) -> LogMelStream:
        return LogMelStream(self._model.mel_bins)

    def encode(self, streams: Sequence[LogMelStream]) -> Memory:
        model = self._model
        heard = model.features_of(streams)
        features = model.features_of(streams, self._silence_ms) if self._silence_ms else heard
        audio = model.audio_embeddings(features)
        ends = frame_ends(*audio.values.shape[:2], model.frame_ms, model.device)
        return Memory(audio.values, audio.lengths, model.frame_lengths(heard.lengths), ends)
