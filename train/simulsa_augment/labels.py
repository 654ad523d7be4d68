"""Labels of cut clips: how much of each text is learned, and what a journal keeps of them."""

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from foundation.errors import InputError
from models.sound.audio import SAMPLE_RATE, read_audio
from train.prepare.skipped import Skipped
from train.simulsa_augment.sampling import Speculation


@dataclass(frozen=True)
class Label:
    """What is learned of one text."""

    id: str  # of the row
    target: str
    kept: str
    cut: str  # the rest of the text
    kept_tokens: int
    tokens: int  # of the whole text
    doubt: float | None  # probability of the first token that was too unlikely; None: there was none
    same_tokens: bool  # the tokenizer gives the kept text the tokens that it has in the whole


@dataclass(frozen=True)
class HeardText:
    """A text that is to be labelled, with the audio of its clip."""

    speculation: Speculation
    whole: np.ndarray  # (n,) float32 at 16 kHz: all of the clip, also what is not heard

    @property
    def heard(self) -> np.ndarray:
        """(n,) float32: up to the cut."""
        return self.whole[: samples_heard(self.speculation)]


class Labeller(Protocol):
    """Says how much of texts is learned of their cut clips."""

    weights: str  # where those of the model that says so were read
    threshold: float | None  # tokens less likely end a label; None: likelihood is not asked

    def label(self, texts: Sequence[HeardText]) -> list["Label | Skipped"]:
        """A label of each text, or why it has none."""


def samples_heard(speculation: Speculation) -> int:
    return speculation.clip.heard_ms * SAMPLE_RATE // 1000


def label_batch(labeller: Labeller, batch: Sequence[Speculation]) -> tuple[list[Label], list[Skipped]]:
    """Labels of texts whose clips are heard together, and those whose clip cannot be used."""
    texts: list[HeardText] = []
    skipped: list[Skipped] = []
    for one in batch:
        row = one.clip.row
        try:
            audio = read_audio(row.audio)
        except InputError as error:
            skipped.append(Skipped(row.id, "unusable audio", str(error)))
            continue
        if len(audio) < samples_heard(one):
            found = (
                f"{len(audio) / SAMPLE_RATE:.2f} s of {one.clip.heard_ms / 1000:.2f} s that are to be heard"
            )
            skipped.append(Skipped(row.id, "clip shorter than its manifest says", found))
            continue
        texts.append(HeardText(one, audio))
    made = labeller.label(texts) if texts else []
    skipped += [one for one in made if isinstance(one, Skipped)]
    return [one for one in made if isinstance(one, Label)], skipped


def journal_entry(labels: Sequence[Label], skipped: Sequence[Skipped]) -> dict[str, Any]:
    """What a journal keeps of a part of the work, as JSON."""
    return {"labels": [asdict(label) for label in labels], "skipped": [asdict(row) for row in skipped]}


def check_entries(journal: Path, parts: Sequence[Sequence[Speculation]], entries: Sequence[Any]) -> None:
    """Raises InputError, naming the journal, if its entries are not those of the `parts` of the work."""
    for number, (part, entry) in enumerate(zip(parts, entries, strict=True)):
        try:
            _check_entry(part, entry)
        except ValueError as error:
            fault = f"{journal}: part {number} of the work is damaged ({error})"
            raise InputError(f"{fault}: remove the folder {journal.parent}, and begin again") from None


def _check_entry(part: Sequence[Speculation], entry: Any) -> None:
    """Raises ValueError unless `entry` is a `journal_entry` of this part of the work, and of nothing else."""
    try:
        labels = [Label(**one) for one in entry["labels"]]
        skipped = [Skipped(**one) for one in entry["skipped"]]
    except (KeyError, TypeError):
        raise ValueError("it lacks labels or skipped clips, or some of what belongs to them") from None
    for label in labels:
        *texts, kept_tokens, tokens, doubt, same_tokens = astuple(label)
        right = all(isinstance(text, str) for text in texts) and type(same_tokens) is bool
        right = right and type(kept_tokens) is type(tokens) is int and 0 <= kept_tokens <= tokens
        if not right or not (doubt is None or (type(doubt) in (int, float) and 0 <= doubt <= 1)):
            raise ValueError("a label holds values of other types, or none that can be")
        "".join(texts).encode()  # half of a pair of surrogates is no text
    if not all(isinstance(cell, str) for row in skipped for cell in astuple(row)):
        raise ValueError("a skipped clip is not named by texts")
    left_out = {row.id for row in skipped}
    found = {(label.id, label.target) for label in labels if label.id not in left_out}
    asked = {(one.clip.row.id, one.target) for one in part if one.clip.row.id not in left_out}
    if found != asked or not left_out <= {one.clip.row.id for one in part}:
        raise ValueError("it is about other clips")
