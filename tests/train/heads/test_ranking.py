"""Paths and scores of heads, against all paths and on attention whose truth is known."""

from itertools import combinations

import numpy as np
import pytest

from train.heads.alignment import monotone_spans
from train.heads.ranking import HeardText, head_scores

FRAMES_OF_A_TOKEN = 10


def all_paths(tokens, frames):
    """Every way to share the frames among the tokens in their order, as last frames."""
    for inner in combinations(range(frames - 1), tokens - 1):
        yield [*inner, frames - 1]


def test_the_path_is_the_best_of_all():
    attention = np.random.default_rng(0).random((5, 4, 9)).astype(np.float32)
    spans = monotone_spans(attention)
    for head, found in zip(attention / attention.max(-1, keepdims=True), spans, strict=True):

        def gain(ends, head=head):
            begins = [0, *(end + 1 for end in ends[:-1])]
            return sum(
                head[n, begin : end + 1].sum()
                for n, (begin, end) in enumerate(zip(begins, ends, strict=True))
            )

        best = max(all_paths(4, 9), key=gain)
        assert found[:, 1].tolist() == best
        assert found[:, 0].tolist() == [0, *(end + 1 for end in best[:-1])]


def test_more_tokens_than_frames_have_no_path():
    with pytest.raises(ValueError, match="4 tokens cannot share 3 frames"):
        monotone_spans(np.ones((1, 4, 3)))


def heard(shifts, tokens=8, spans=None, seed=0):
    """Heads of one layer that look `shift` tokens behind the next one; None looks anywhere."""
    generator = np.random.default_rng(seed)
    frames = FRAMES_OF_A_TOKEN * tokens
    attention = generator.random((1, len(shifts), tokens, frames)).astype(np.float32) / 100
    for head, shift in enumerate(shifts):
        for token in range(tokens):
            middle = FRAMES_OF_A_TOKEN * (token - (shift or 0)) + FRAMES_OF_A_TOKEN / 2
            if shift is None:
                middle = generator.integers(frames)
            attention[0, head, token] += np.maximum(0, 1 - np.abs(np.arange(frames) - middle) / 5)
    return HeardText(attention / attention.sum(-1, keepdims=True), 20.0, spans)


def test_heads_that_follow_the_next_token_are_found_among_those_that_follow_the_last_one():
    # More heads are late by a token than in time.
    texts = [heard((1, 1, 0, None, 1, 0, 1), seed=seed) for seed in range(3)]
    scores = head_scores(texts)[0]
    assert (scores[[2, 5]] == 1).all()
    assert (scores[[0, 1, 4, 6]] == 0).all()
    assert scores[3] < 0.5


def test_times_of_words_are_believed():
    begins = FRAMES_OF_A_TOKEN * np.arange(8)
    # So the heads a token behind are right.
    before = np.stack([begins - FRAMES_OF_A_TOKEN, begins - 1], -1).clip(0)
    scores = head_scores([heard((1, 0), spans=before)])[0]
    assert scores[0] == 7 / 8  # before the first token there is nothing to look at
    assert scores[1] < 0.5
