"""What a search has finished, against plain lists."""

import random

import pytest
import torch

from models.decoding.finished import FinishedHypotheses
from models.decoding.hypotheses import Hypothesis


def test_the_best_of_each_stream_is_kept_and_of_equal_ones_the_first():
    finished = FinishedHypotheses(3, 2)
    rows = [0, 0, 2], [[5], [6], [7]], [-1.0, -1.0, -torch.inf], [1, 2, 3]
    finished.keep(*map(torch.tensor, rows))
    assert finished.over.tolist() == [False, False, False]
    assert finished.average_log_probabilities.tolist() == [-1.0, -torch.inf, -torch.inf]
    finished.keep(*map(torch.tensor, ([0, 1], [[5, 6], [8, 9]], [-0.5, -2.0], [4, 5])))
    assert finished.over.tolist() == [True, False, False]
    assert finished.best() == [
        Hypothesis((5, 6), -0.5, 4),
        Hypothesis((8, 9), -2.0, 5),
        Hypothesis((7,), -torch.inf, 3),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_any_rows_in_any_order(seed):
    draw = random.Random(seed)
    finished, lists = FinishedHypotheses(4, 3), [[] for _ in range(4)]
    for length in range(6):
        rows = [
            (draw.randrange(4), [draw.randrange(9) for _ in range(length)], -draw.randrange(8) / 8, length)
            for _ in range(draw.randrange(1, 6))
        ]
        for stream, tokens, average, next_token in rows:
            lists[stream].append(Hypothesis(tuple(tokens), average, next_token))
        streams, tokens, averages, next_tokens = map(torch.tensor, zip(*rows, strict=True))
        finished.keep(streams, tokens, averages, next_tokens)
        assert finished.over.tolist() == [len(one) > 3 for one in lists]
    found = [max(one, key=lambda one: one.average_log_probability) for one in lists if one]
    assert [one for one in finished.best() if one] == found
