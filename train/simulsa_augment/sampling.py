"""Which clips are augmented, how much of each is heard, and which of them are worked on together."""

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.errors import InputError
from models.sound.audio import check_audio_file
from train.data.manifest import Row
from train.prepare.skipped import Skipped
from train.simulsa_augment.truncation import Truncation, draw

# Logits of a large vocabulary, (rows, tokens, V) float32, take more memory than short audio does.
MOST_ROWS = 64  # of a batch


@dataclass(frozen=True)
class HeardClip:
    """A sampled clip and how much of it is heard."""

    row: Row
    heard_ms: int


@dataclass(frozen=True)
class Speculation:
    """One text of a clip that is to be labelled."""

    clip: HeardClip
    target: str  # language
    tokens: tuple[int, ...]

    @property
    def text(self) -> str:
        return self.clip.row.texts[self.target]


def sample_rows(rows: Sequence[Row], count: int | None, ratio: float | None, seed: int) -> list[Row]:
    """So many rows, or that share of them, in their order; more rows include all of fewer.

    Raises InputError if it is none, or more than there are.
    """
    wanted = count if count is not None else round(len(rows) * ratio)
    if wanted == 0:
        raise InputError(
            f"a ratio of {ratio:g} of {len(rows)} clips is none: there is nothing to augment, raise --ratio"
        )
    if wanted > len(rows):
        raise InputError(f"{wanted} clips are to be sampled, but there are {len(rows)}: lower --count")
    ranked = sorted(range(len(rows)), key=lambda at: (draw(seed, "sample", rows[at].id), at))
    return [rows[at] for at in sorted(ranked[:wanted])]


def usable_rows(rows: Sequence[Row], targets: Sequence[str]) -> tuple[list[Row], list[Skipped]]:
    """Rows with a clip and a text in every target language, and the others."""
    usable, skipped = [], []
    for row in rows:
        absent = [target for target in targets if target not in row.texts]
        if row.audio is None:
            skipped.append(Skipped(row.id, "no audio"))
        elif row.heard_ms is not None:
            skipped.append(Skipped(row.id, "truncated already"))
        elif absent:
            skipped.append(Skipped(row.id, f"no text in {absent[0]}"))
        else:
            usable.append(row)
    return usable, skipped


def truncate(rows: Sequence[Row], truncation: Truncation, seed: int) -> tuple[list[HeardClip], list[Skipped]]:
    """Clips cut at random, and those that cannot be."""
    clips, skipped = [], []
    for row in rows:
        try:
            seconds = check_audio_file(row.audio, None) if row.seconds is None else row.seconds
        except InputError as error:
            skipped.append(Skipped(row.id, "unusable audio", str(error)))
            continue
        heard_ms = truncation.heard_ms(1000 * seconds, draw(seed, "truncate", row.id))
        if heard_ms is None:
            skipped.append(Skipped(row.id, "too short to cut", f"{seconds:.2f} s"))
        else:
            clips.append(HeardClip(row, heard_ms))
    return clips, skipped


def batches(speculations: Sequence[Speculation], seconds: float) -> list[list[Speculation]]:
    """Neighbours in length, as many as `seconds` of audio hold when all are padded to the longest.

    But never more than MOST_ROWS.
    """
    result: list[list[Speculation]] = []
    for one in sorted(speculations, key=lambda one: (one.clip.heard_ms, len(one.tokens))):
        # Sorted by length, so the newcomer is the longest.
        rows = len(result[-1]) + 1 if result else 1
        if not result or rows > MOST_ROWS or rows * one.clip.heard_ms > 1000 * seconds:
            result.append([])
        result[-1].append(one)
    return result
