"""Words of a hypothesis beside those of a reference, as OmniSTEval's SoftSegmenter aligns them, row by row.

The recurrence, its similarity and its ties are those of `omnisteval.alignment.align_sequences` (Polák et al.
2025, arXiv 2509.17349), to the last bit. That function fills a table of Python objects cell by cell: a talk
of two and a half hours would take it half an hour and tens of gigabytes. Here a row is a few operations on
arrays, since gaps cost nothing: within a row, the best so far is a running maximum.

Shapes: N reference words, M hypothesis words.
"""

from collections.abc import Sequence

import numpy as np
from omnisteval.alignment import ALL_PUNCT

# One word each, by its place; None is a gap.
Alignment = list[tuple[int | None, int | None]]


def align(reference: Sequence[str], hypothesis: Sequence[str], char_level: bool) -> Alignment:
    """Pairs of places in reference (N,) and hypothesis (M,), in order, of the greatest sum of similarities.

    char_level: units are characters, which are alike where they are equal; words are by the characters that
    they share.
    """
    rows, of_row = np.unique(np.array(reference, dtype=object), return_inverse=True)
    columns, of_column = np.unique(np.array(hypothesis, dtype=object), return_inverse=True)
    if not len(of_row) or not len(of_column):
        return [(place, None) for place in range(len(of_row))] + [
            (None, place) for place in range(len(of_column))
        ]
    alike = _similarities(rows.tolist(), columns.tolist(), char_level)
    best = np.zeros(len(of_column) + 1)  # sums up to each hypothesis word, of the reference so far
    matched, skipped = [], []  # bits of each row: pair the two words; or leave the reference word alone
    for row in of_row:
        match = best[:-1] + alike[row][of_column]
        delete = best[1:]
        best = np.maximum.accumulate(np.concatenate([[0.0], np.maximum(match, delete)]))
        insert = best[:-1]
        # Where sums are equal a pair comes first, then a word of the reference alone.
        matched.append(np.packbits((match >= delete) & (match >= insert)))
        skipped.append(np.packbits(delete >= insert))
    pairs: Alignment = []
    n, m = len(of_row), len(of_column)
    while n and m:
        byte, bit = (m - 1) // 8, 7 - (m - 1) % 8
        if matched[n - 1][byte] >> bit & 1:
            n, m = n - 1, m - 1
            pairs.append((n, m))
        elif skipped[n - 1][byte] >> bit & 1:
            n -= 1
            pairs.append((n, None))
        else:
            m -= 1
            pairs.append((None, m))
    pairs += [(place, None) for place in reversed(range(n))]
    pairs += [(None, place) for place in reversed(range(m))]
    return pairs[::-1]


def _similarities(rows: Sequence[str], columns: Sequence[str], char_level: bool) -> np.ndarray:
    """Of every pair of different words, (len(rows), len(columns)): Jaccard's index of their characters."""
    if char_level:
        alike = np.equal.outer(np.array(rows, dtype=object), np.array(columns, dtype=object)).astype(float)
    else:
        kinds = {character: place for place, character in enumerate(sorted(set("".join([*rows, *columns]))))}
        first, second = (_characters(words, kinds) for words in (rows, columns))
        shared = (first @ second.T).astype(np.float64)
        union = first.sum(1, dtype=np.float64)[:, None] + second.sum(1, dtype=np.float64) - shared
        alike = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    punctuation = [np.array([word in ALL_PUNCT for word in words], dtype=bool) for words in (rows, columns)]
    alike[np.not_equal.outer(*punctuation)] = -np.inf
    return alike


def _characters(words: Sequence[str], kinds: dict[str, int]) -> np.ndarray:
    """(len(words), number of kinds) float32, 1 where a word has a character."""
    found = np.zeros((len(words), len(kinds)), dtype=np.float32)
    for row, word in enumerate(words):
        found[row, [kinds[character] for character in set(word)]] = 1
    return found
