"""How an audio-language model hears streams that grow: what is encoded again, and which frames are final.

The decoder asks only how many first frames of a stream's memory are final (`Memory.final`). By default none
are: encoders that attend in both directions change every frame with every chunk, so
`models.audio_language.whole_encoder` encodes all audio anew. For encoders of Whisper's kind
`models.audio_language.freezing_encoder` never encodes frames again once they are old enough. An encoder that
hears its audio block by block is a third class, `models.audio_language.block_encoder`: its stream holds the
embeddings of finished blocks and a dict for `FinalFrames`, both of which `drop_before` empties, and its
memory counts the frames of these blocks.
"""

from collections.abc import Sequence
from typing import Protocol

from models.translator import AudioStream, Memory


class AudioStreamEncoder(Protocol):
    """Makes the memories of streams."""

    def open_stream(self, whole: bool = False) -> AudioStream:
        """Does as `Translator.open_stream`."""

    def encode(self, streams: Sequence[AudioStream]) -> Memory:
        """Does as `Translator.encode_streams`; raises InputError for no audio, or more than the window."""
