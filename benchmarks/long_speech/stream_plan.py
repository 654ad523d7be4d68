"""What comes when in the long stream: utterances of 6 to 20 s, pauses, and sounds that nobody speaks.

All lengths are in samples of 16 kHz. The last part of the stream is its first part again, sample by sample:
what a chunk costs at the end can then be compared with what the same chunk cost at the beginning.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from foundation.errors import InputError
from models.sound.audio import SAMPLE_RATE
from train.prepare.line_table import Line

PAUSE = "pause"  # the kind of a stretch with nothing but silence between two utterances
INNER_PAUSE_S = (0.1, 0.5)
OUTER_PAUSE_S = (0.7, 4.0)
# In the part that comes twice, by their place in it.
OPENING = ((0.15, "babble"), (0.35, "chords"), (0.55, "silence"), (0.8, "noise"))
OPENING_S, OPENING_SILENCE_S = (20.0, 30.0), 60.0
# In the part between: one of these every six minutes, three at least, and two long silences.
SOUNDS = ("babble", "chords", "noise")
SOUND_S, SOUND_EVERY_S = (20.0, 60.0), 360.0
LONG_SILENCES = ((0.33, "silence", 240.0), (0.66, "faint", 150.0))
# A stream that is shorter than 2.5 hours has shorter sounds: at most this share of the opening, of the time
# from one sound to the next, and of the part between.
MOST_OF_OPENING, MOST_OF_TURN, MOST_OF_SILENCE = 1 / 10, 1 / 6, 1 / 32


@dataclass(frozen=True)
class Utterance:
    """Consecutive lines with short pauses between them: what is cut out as one segment."""

    lines: tuple[Line, ...]
    pauses: tuple[int, ...]  # before each line; the first is 0

    @property
    def samples(self) -> int:
        return sum(self.pauses) + sum(samples_of(line) for line in self.lines)


@dataclass(frozen=True)
class Sound:
    """A stretch in which nobody speaks."""

    kind: str
    samples: int
    seed: int


Piece = Utterance | Sound


@dataclass(frozen=True)
class Lengths:
    """In seconds; parts of the stream are whole seconds, so that chunks begin at the same places in both."""

    total_s: int
    repeated_s: int  # the first so many seconds are the last ones, too
    utterance_s: tuple[float, float] = (6.0, 20.0)

    def __post_init__(self) -> None:
        if not 0 < 2 * self.repeated_s < self.total_s:
            raise InputError(
                f"the first {self.repeated_s} s cannot be the last ones, too, of {self.total_s} s: "
                "give a longer stream, or a shorter --repeated-s"
            )
        if not 0 < self.utterance_s[0] <= self.utterance_s[1]:
            low, high = self.utterance_s
            raise InputError(f"utterances must last from more than 0 s up to more, got {low:g} to {high:g} s")


def samples_of(line: Line) -> int:
    return round(line.seconds * SAMPLE_RATE)


def plan_stream(lines: Sequence[Line], lengths: Lengths, seed: int) -> list[Piece]:
    """The pieces of the whole stream. Raises InputError where there are too few lines for it."""
    draw = np.random.default_rng(seed)
    said = Utterances(lines, lengths.utterance_s, INNER_PAUSE_S, draw)
    repeated_s, middle_s = lengths.repeated_s, lengths.total_s - 2 * lengths.repeated_s
    opening = [
        (
            share * repeated_s,
            kind,
            min(
                OPENING_SILENCE_S if kind == "silence" else draw.uniform(*OPENING_S),
                MOST_OF_OPENING * repeated_s,
            ),
        )
        for share, kind in OPENING
    ]
    count = max(len(SOUNDS), round(middle_s / SOUND_EVERY_S))
    middle = [
        (
            (place + 0.5) / count * middle_s,
            SOUNDS[place % len(SOUNDS)],
            min(draw.uniform(*SOUND_S), MOST_OF_TURN * middle_s / count),
        )
        for place in range(count)
    ] + [
        (share * middle_s, kind, min(seconds, MOST_OF_SILENCE * middle_s))
        for share, kind, seconds in LONG_SILENCES
    ]
    first = _fill(said, opening, repeated_s, draw)
    return [*first, *_fill(said, sorted(middle), middle_s, draw), *first]


def plan_passage(lines: Sequence[Line], lengths: Lengths, seed: int) -> list[Piece]:
    """Utterances that follow each other without any pause; the last is followed by a pause up to the end."""
    draw = np.random.default_rng(seed)
    said = Utterances(lines, lengths.utterance_s, (0.0, 0.0), draw)
    left, pieces = lengths.total_s * SAMPLE_RATE, []
    while said.next.samples <= left:
        left -= said.next.samples
        pieces.append(said.take())
    return [*pieces, Sound(PAUSE, left, 0)] if left else pieces


class Utterances:
    """The lines in their order as utterances; each line is used once. `next` is the one to be taken."""

    def __init__(
        self,
        lines: Sequence[Line],
        utterance_s: tuple[float, float],
        pause_s: tuple[float, float],
        draw: np.random.Generator,
    ) -> None:
        self._made = self._make(lines, utterance_s, pause_s, draw)
        self.next = self._advance()

    def take(self) -> Utterance:
        taken, self.next = self.next, self._advance()
        return taken

    def _advance(self) -> Utterance:
        found = next(self._made, None)
        if found is None:
            raise InputError("the lines do not suffice for so long a stream: ask for fewer --minutes")
        return found

    @staticmethod
    def _make(
        lines: Sequence[Line],
        utterance_s: tuple[float, float],
        pause_s: tuple[float, float],
        draw: np.random.Generator,
    ) -> Iterator[Utterance]:
        """Utterances of one group each, as long as drawn; what is shorter than the minimum is left out."""
        least, most = (round(SAMPLE_RATE * seconds) for seconds in utterance_s)
        chosen: list[Line] = []
        pauses: list[int] = []
        wanted = int(draw.integers(least, most + 1))
        for line, following in pairwise([*lines, None]):
            pause = round(SAMPLE_RATE * draw.uniform(*pause_s)) if chosen else 0
            if Utterance((*chosen, line), (*pauses, pause)).samples > most:
                if Utterance(tuple(chosen), tuple(pauses)).samples >= least:
                    yield Utterance(tuple(chosen), tuple(pauses))
                chosen, pauses, pause = [], [], 0
                wanted = int(draw.integers(least, most + 1))
            if samples_of(line) > most:
                continue
            chosen.append(line)
            pauses.append(pause)
            made = Utterance(tuple(chosen), tuple(pauses))
            ends = following is None or following.group != line.group
            if made.samples >= wanted or ends:
                if made.samples >= least:
                    yield made
                chosen, pauses = [], []
                wanted = int(draw.integers(least, most + 1))


def _fill(
    said: Utterances, sounds: Sequence[tuple[float, str, float]], seconds: int, draw: np.random.Generator
) -> list[Piece]:
    """Pieces that last so many seconds exactly.

    sounds: from when on each may begin, its kind, and its length, in seconds.
    """
    left, waiting, pieces = seconds * SAMPLE_RATE, list(sounds), []
    while True:
        pause = Sound(PAUSE, round(SAMPLE_RATE * draw.uniform(*OUTER_PAUSE_S)), 0)
        sound = None
        is_due = waiting and seconds * SAMPLE_RATE - left >= waiting[0][0] * SAMPLE_RATE
        # Between two sounds somebody speaks.
        if is_due and pieces and isinstance(pieces[-1], Utterance):
            _, kind, length_s = waiting[0]
            sound = Sound(kind, round(SAMPLE_RATE * length_s), int(draw.integers(2**31)))
        needed = pause.samples + (sound or said.next).samples
        if needed > left:
            return [*pieces, Sound(PAUSE, left, 0)] if left else pieces
        left -= needed
        pieces += [pause, sound or said.take()]
        if sound is not None:
            waiting.pop(0)
