"""What a Whisper costs under the hearing that it has by default, by its sizes; for docs/MODELS.md.

Sizes are the fields of `models.whisper.network.SpeechDimensions`.
"""

from collections.abc import Mapping
from typing import NamedTuple

from models.layers.work import attention, linear, transformer, whisper_convolutions
from models.sound.log_mel import HOP_MS
from models.whisper.hearing import Hearing
from models.whisper.network import FRAME_MS, STRIDE


class ChunkFrames(NamedTuple):
    """Memory frames that the encoder meets at one chunk."""

    fresh: int  # encoded anew
    dense: int  # of these, not thinned: only they are convolved
    seen: int  # attended to


def encoder_work(sizes: Mapping[str, int], frames: ChunkFrames) -> int:
    """Floating-point operations of the encoder."""
    width = sizes["n_audio_state"]
    convolutions = whisper_convolutions(STRIDE * frames.dense, sizes["n_mels"], width)
    return convolutions + transformer(frames.fresh, frames.seen, width, 4 * width, sizes["n_audio_layer"])


def decoder_work(sizes: Mapping[str, int], tokens: int, frames: ChunkFrames) -> int:
    """For a text that is read in one pass, and for the keys of fresh frames.

    What may come next is asked at its end alone.
    """
    width, layers = sizes["n_text_state"], sizes["n_text_layer"]
    keys = 2 * linear(frames.fresh, width, width)
    cross = 2 * linear(tokens, width, width) + attention(tokens, frames.seen, width)
    own = transformer(tokens, tokens, width, 4 * width, layers)
    return own + layers * (keys + cross) + linear(min(tokens, 1), width, sizes["n_vocab"])


def chunk_frames(hearing: Hearing, heard_ms: int, window_frames: int = 3000) -> ChunkFrames:
    """Those of a chunk that ends at a full second.

    heard_ms: of audio, all seconds of which came one by one. window_frames: feature frames of 10 ms.
    """
    layout = hearing.layout(heard_ms // HOP_MS, window_frames)
    frozen = 0
    if hearing.frozen_after_ms is not None:
        # A second ago frames were frozen that were old enough then.
        frozen = max(0, int((heard_ms - 1000 - hearing.frozen_after_ms) / FRAME_MS))
    return ChunkFrames(len(layout) - frozen, layout.dense - frozen, len(layout))
