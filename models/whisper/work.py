"""What a Whisper costs under the hearing that it has by default, by its sizes; for docs/MODELS.md.

Sizes are the fields of `models.whisper.network.SpeechDimensions`.
"""

from collections.abc import Mapping

from models.layers.work import attention, linear, transformer, whisper_convolutions
from models.sound.log_mel import HOP_MS
from models.whisper.hearing import Hearing
from models.whisper.network import STRIDE

FRAME_MS = STRIDE * HOP_MS


def encoder_work(sizes: Mapping[str, int], frames: int, seen: int) -> int:
    """Floating-point operations for so many memory frames, which attend to `seen` each."""
    width = sizes["n_audio_state"]
    convolutions = whisper_convolutions(STRIDE * frames, sizes["n_mels"], width)
    return convolutions + transformer(frames, seen, width, 4 * width, sizes["n_audio_layer"])


def decoder_work(sizes: Mapping[str, int], tokens: int, frames: int, seen: int) -> int:
    """For a text that is read in one pass over `seen` frames, of which the keys of `frames` are made anew.

    What may come next is asked at its end alone.
    """
    width, layers = sizes["n_text_state"], sizes["n_text_layer"]
    keys = 2 * linear(frames, width, width)
    cross = 2 * linear(tokens, width, width) + attention(tokens, seen, width)
    own = transformer(tokens, tokens, width, 4 * width, layers)
    return own + layers * (keys + cross) + linear(min(tokens, 1), width, sizes["n_vocab"])


def chunk_frames(hearing: Hearing, heard_ms: int, window_frames: int = 3000) -> tuple[int, int]:
    """Memory frames that are encoded anew, and all that are seen, at a chunk that ends at a full second.

    heard_ms: of audio, all seconds of which came one by one. window_frames: feature frames of 10 ms.
    """
    seen = len(hearing.layout(heard_ms // HOP_MS, window_frames))
    if hearing.frozen_after_ms is None:
        return seen, seen
    # A second ago frames were frozen that were old enough then.
    frozen_ms = heard_ms - 1000 - hearing.frozen_after_ms
    return seen - max(0, int(frozen_ms / FRAME_MS)), seen
