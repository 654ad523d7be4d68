"""A whole hypothesis against the references of all segments: errors, and which words belong to which segment.

The alignment is that of the fewest word errors over the whole stream, as mwerSegmenter's (Matusov et al.
2005), and the cut segments are aligned the same way, as one text. Words are compared as
`evaluation.metrics.normalized_text` has them. Shapes: N segments, W written words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jiwer
import numpy as np

from evaluation.metrics.normalized_text import normalize


@dataclass(frozen=True)
class Word:
    """A word as it was written, with punctuation, and the audio of the stream that had been heard by then."""

    text: str
    heard_ms: float


@dataclass(frozen=True)
class Alignment:
    """What each segment was given."""

    reference_words: np.ndarray  # (N,) int64
    errors: np.ndarray  # (N,) int64; what was inserted counts for the segment before it
    words: tuple[tuple[Word, ...], ...]  # of each of N segments

    @property
    def error_rate(self) -> float:
        """WER over the whole stream, in %."""
        return 100 * float(self.errors.sum() / self.reference_words.sum())

    @property
    def texts(self) -> list[str]:
        """The hypothesis, cut where the segments are."""
        return [" ".join(word.text for word in words) for words in self.words]


def written_words(chunks: Sequence[Mapping], offset_ms: float = 0.0) -> list[Word]:
    """The words of a stream's chunks, each at the time of the chunk that began it.

    What a chunk adds without a space in front, such as a comma, belongs to the word before. offset_ms: where
    the stream begins in the whole one.
    """
    words: list[Word] = []
    word_is_open = False
    for chunk in chunks:
        parts = chunk["text"].split()
        if parts and word_is_open and not chunk["text"][0].isspace():
            words[-1] = Word(words[-1].text + parts.pop(0), words[-1].heard_ms)
        words += [Word(part, offset_ms + chunk["heard_ms"]) for part in parts]
        if chunk["text"]:
            word_is_open = not chunk["text"][-1].isspace()
    return words


def align(references: Sequence[str], words: Sequence[Word]) -> Alignment:
    """references: of N segments, in the order of the stream."""
    said = [normalize(reference).split() for reference in references]
    segment_of_word = np.repeat(np.arange(len(said)), [len(some) for some in said])  # of a reference's word
    tokens, word_of_token = [], []
    for place, word in enumerate(words):
        for token in normalize(word.text).split():
            tokens.append(token)
            word_of_token.append(place)
    found = jiwer.process_words(" ".join(token for some in said for token in some), " ".join(tokens))
    errors = np.zeros(len(said), np.int64)
    segment_of: dict[int, int] = {}  # by written word
    for part in found.alignments[0]:
        written = range(part.hyp_start_idx, part.hyp_end_idx)
        if part.type == "insert":
            segment = int(segment_of_word[max(0, part.ref_start_idx - 1)])
            errors[segment] += len(written)
            segments = [segment] * len(written)
        else:
            segments = segment_of_word[part.ref_start_idx : part.ref_end_idx].tolist()
            if part.type != "equal":
                np.add.at(errors, segments, 1)
        for token, segment in zip(written, segments if written else [], strict=True):
            segment_of.setdefault(word_of_token[token], segment)
    given: list[list[Word]] = [[] for _ in said]
    current = 0
    for place, word in enumerate(words):
        current = segment_of.get(place, current)  # of a lone sign: that of the word before
        given[current].append(word)
    return Alignment(np.array([len(some) for some in said]), errors, tuple(map(tuple, given)))
