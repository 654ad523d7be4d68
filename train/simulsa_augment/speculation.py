"""Labels by likelihood: as much of a text as a model finds likely, given what it has heard (SimulSA).

One teacher-forced pass over the reference y gives the probability of each of its tokens; i is the first
position whose probability is below factor / V, and the label is y[:i]. Where that would end inside a
character (tokens of a byte-level vocabulary are bytes) it ends before the character.

The model is the one that is to be trained (`OwnLabels`, the paper's), or another (`OtherLabels`), which
divides the text into tokens of its own, and whose V is its own; what it keeps is given as text.
"""

import codecs
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from train.prepare.skipped import Skipped
from train.simulsa_augment.labels import HeardText, Label
from train.simulsa_augment.prefixes import label_up_to, same_length, solid_end


class ReadingModel(Protocol):
    """What labelling asks of a model."""

    vocabulary_size: int
    maximum_audio_ms: float | None  # None: any length
    maximum_text: int  # tokens behind the prompt and the longest audio
    weights: str  # where they were read

    def encode(self, text: str) -> list[int]: ...

    def decode(self, tokens: Sequence[int]) -> str:
        """Their text; of the bytes of an incomplete character nothing."""

    def probabilities(
        self, waveforms: Sequence[np.ndarray], targets: Sequence[str], texts: Sequence[Sequence[int]]
    ) -> list[np.ndarray]:
        """How likely each token of B texts is after those before it: B arrays (N,).

        waveforms: (n,) float32 at 16 kHz; targets: the texts' languages.
        """


class SpeculatingModel(ReadingModel, Protocol):
    """What self-labelling asks of the model that is to be trained."""

    maximum_audio_ms: float

    def token_bytes(self, token: int) -> bytes: ...


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


class OwnLabels:
    """The model that is to be trained says what it can tell by then."""

    def __init__(self, model: SpeculatingModel, factor: float) -> None:
        self._model = model
        self.weights = model.weights
        self.threshold = factor / model.vocabulary_size

    def label(self, texts: Sequence[HeardText]) -> list[Label | Skipped]:
        waveforms = [text.heard for text in texts]
        targets = [text.speculation.target for text in texts]
        likely = self._model.probabilities(waveforms, targets, [text.speculation.tokens for text in texts])
        return [self._label(*one) for one in zip(texts, likely, strict=True)]

    def _label(self, text: HeardText, probabilities: np.ndarray) -> Label:
        model, speculation = self._model, text.speculation
        tokens = speculation.tokens
        confident, doubt = _told(probabilities, self.threshold)
        kept = whole_characters([model.token_bytes(token) for token in tokens[:confident]])
        own = model.decode(tokens[:kept])
        return Label(
            id=speculation.clip.row.id,
            target=speculation.target,
            kept=own,
            cut=model.decode(tokens[kept:]),
            kept_tokens=kept,
            tokens=len(tokens),
            doubt=doubt,
            same_tokens=tuple(model.encode(own)) == tuple(tokens[:kept]),
        )


class OtherLabels:
    """Another model says what it can tell by then, for the model that is to be trained."""

    def __init__(self, trained: ReadingModel, labeller: ReadingModel, factor: float) -> None:
        self._trained = trained
        self._model = labeller
        self.weights = labeller.weights
        self.threshold = factor / labeller.vocabulary_size

    def label(self, texts: Sequence[HeardText]) -> list[Label | Skipped]:
        model = self._model
        tokens = [model.encode(text.speculation.text) for text in texts]
        faults = [self._fault(*one) for one in zip(texts, tokens, strict=True)]
        usable = [place for place, fault in enumerate(faults) if fault is None]
        result: list[Label | Skipped | None] = list(faults)
        if usable:
            waveforms = [texts[place].heard for place in usable]
            targets = [texts[place].speculation.target for place in usable]
            likely = model.probabilities(waveforms, targets, [tokens[place] for place in usable])
            for place, found in zip(usable, likely, strict=True):
                confident, doubt = _told(found, self.threshold)
                speculation = texts[place].speculation
                end = solid_end(speculation.text, model.decode(tokens[place][:confident]))
                result[place] = label_up_to(self._trained, speculation, end, doubt)
        return result

    def _fault(self, text: HeardText, tokens: Sequence[int]) -> Skipped | None:
        model, speculation = self._model, text.speculation
        row, heard_ms = speculation.clip.row, speculation.clip.heard_ms
        if model.maximum_audio_ms is not None and heard_ms > model.maximum_audio_ms:
            return Skipped(row.id, "longer than the labeller's window", f"{heard_ms} ms")
        if len(tokens) > model.maximum_text:
            return Skipped(row.id, "text longer than the labeller's context", f"{len(tokens)} tokens")
        written = model.decode(tokens)
        if not same_length(speculation.text, written):
            return Skipped(row.id, "the labeller cannot write the text", f"{speculation.target}: {written}")
        return None


def _told(probabilities: np.ndarray, threshold: float) -> tuple[int, float | None]:
    """How many tokens can be told, and how likely the first is that cannot."""
    confident = confident_tokens(probabilities, threshold)
    return confident, float(probabilities[confident]) if confident < len(probabilities) else None
