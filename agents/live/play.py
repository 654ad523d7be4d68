"""A source is played to a stream: as fast as can be, or no faster than it was spoken."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agents.live.stream import TranslationStream
from agents.live.word import Word
from foundation.errors import InputError
from models.sound.audio import ChannelEnergy
from models.sound.audio_source import AudioSource

# A source that is spoken now may be behind by so many chunks before it is caught up with.
CHUNKS_BEHIND = 2


def play(
    source: AudioSource, stream: TranslationStream, realtime: bool = False, catch_up: bool = False
) -> Iterator[list[Word]]:
    """What is written after each block of a source: mostly nothing.

    realtime: a block is heard when its last sample would have been spoken. catch_up: a block of more than two
    chunks, which has grown while the chunks before it were translated, is decided upon once.

    Warns at the end of channels that cancel each other out. Raises InputError that names the source for what
    is damaged, and for samples that cannot be used.
    """
    began_s = time.monotonic()
    channels = ChannelEnergy()
    # One block is held back: with the last one the end is told, as SimulEval does.
    held: tuple[Any, int] | None = None
    for block in source.blocks():
        channels.add(block[0])
        if held is not None:
            with _naming(source, stream):
                words = _feed(stream, *held, began_s if realtime else None, catch_up)
            yield words
        held = block
    channels.warn(source.name)
    if held is None:
        yield stream.finish()
        return
    if realtime:
        _wait(began_s, stream, *held)
    with _naming(source, stream):
        words = stream.finish_with(*held)
    yield words


@contextmanager
def _naming(source: AudioSource, stream: TranslationStream) -> Iterator[None]:
    """What is wrong with samples is told with the source, and where about in it they are."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{source.name}, behind {stream.heard_s:.1f} s: {error}") from None


def _feed(
    stream: TranslationStream, samples: Any, rate: int, began_s: float | None, catch_up: bool
) -> list[Word]:
    if began_s is not None:
        _wait(began_s, stream, samples, rate)
    is_behind = catch_up and len(samples) > CHUNKS_BEHIND * stream.chunk_samples(rate)
    return stream.feed(samples, rate, at_once=is_behind)


def _wait(began_s: float, stream: TranslationStream, samples: Any, rate: int) -> None:
    spoken_s = stream.heard_s + len(samples) / rate
    time.sleep(max(0.0, began_s + spoken_s - time.monotonic()))
