"""Self-labelling: as much of a text as the model itself finds likely, given what it has heard (SimulSA).

One teacher-forced pass over the reference y gives the probability of each of its tokens; i is the first
position whose probability is below factor / V, and the label is y[:i]. Where that would end inside a
character (tokens of a byte-level vocabulary are bytes) it ends before the character.
"""

import codecs
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from foundation.errors import InputError
from models.sound.audio import SAMPLE_RATE, read_audio
from train.prepare.skipped import Skipped
from train.simulsa_augment.sampling import Speculation


class SpeculatingModel(Protocol):
    """What self-labelling asks of a model."""

    vocabulary_size: int
    maximum_audio_ms: float
    maximum_text: int  # tokens behind the prompt and the longest audio
    weights: str  # where they were read

    def encode(self, text: str) -> list[int]: ...
    def decode(self, tokens: Sequence[int]) -> str: ...
    def token_bytes(self, token: int) -> bytes: ...

    def probabilities(
        self, waveforms: Sequence[np.ndarray], targets: Sequence[str], texts: Sequence[Sequence[int]]
    ) -> list[np.ndarray]:
        """How likely each token of B texts is after those before it: B arrays (N,).

        waveforms: (n,) float32 at 16 kHz; targets: the texts' languages.
        """


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


def confident_tokens(probabilities: np.ndarray, threshold: float) -> int:
    """The first position below the threshold, or how many there are."""
    below = np.flatnonzero(probabilities < threshold)
    return int(below[0]) if len(below) else len(probabilities)


def whole_characters(pieces: Sequence[bytes]) -> int:
    """How many of the tokens, from the first on, end with a complete UTF-8 character."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    whole = 0
    for count, piece in enumerate(pieces, start=1):
        decoder.decode(piece)
        if not decoder.getstate()[0]:
            whole = count
    return whole


def label_batch(
    model: SpeculatingModel, batch: Sequence[Speculation], factor: float
) -> tuple[list[Label], list[Skipped]]:
    """Labels of texts whose clips are heard together, and those whose clip cannot be used."""
    heard: list[Speculation] = []
    waveforms: list[np.ndarray] = []
    skipped: list[Skipped] = []
    for one in batch:
        row, samples = one.clip.row, one.clip.heard_ms * SAMPLE_RATE // 1000
        try:
            audio = read_audio(row.audio)
        except InputError as error:
            skipped.append(Skipped(row.id, "unusable audio", str(error)))
            continue
        if len(audio) < samples:
            found = f"{len(audio) / SAMPLE_RATE:.2f} s of {row.seconds:.2f} s"
            skipped.append(Skipped(row.id, "clip shorter than its manifest says", found))
            continue
        heard.append(one)
        waveforms.append(audio[:samples])
    if not heard:
        return [], skipped
    targets, texts = [one.target for one in heard], [one.tokens for one in heard]
    likely = model.probabilities(waveforms, targets, texts)
    threshold = factor / model.vocabulary_size
    return [_label(model, *one, threshold) for one in zip(heard, likely, strict=True)], skipped


def _label(
    model: SpeculatingModel, speculation: Speculation, probabilities: np.ndarray, threshold: float
) -> Label:
    tokens = speculation.tokens
    confident = confident_tokens(probabilities, threshold)
    kept = whole_characters([model.token_bytes(token) for token in tokens[:confident]])
    text = model.decode(tokens[:kept])
    return Label(
        id=speculation.clip.row.id,
        target=speculation.target,
        kept=text,
        cut=model.decode(tokens[kept:]),
        kept_tokens=kept,
        tokens=len(tokens),
        doubt=float(probabilities[confident]) if confident < len(tokens) else None,
        same_tokens=tuple(model.encode(text)) == tuple(tokens[:kept]),
    )


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
