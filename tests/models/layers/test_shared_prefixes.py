"""Which text has been read together with which."""

import pytest

from models.layers.shared_prefixes import holders


@pytest.mark.parametrize(
    "texts, expected",
    [
        ([(1,)], [0]),
        ([(1, 2, 3), (1,), (1, 2)], [0, 0, 0]),
        ([(1, 2), (1, 3), (1,)], [0, 1, 0]),
        ([(2, 1), (1, 2), ()], [0, 1, 1]),
        ([(1,), (1,), (2,)], [1, 1, 2]),
    ],
)
def test_holder_is_the_longest_text_that_goes_on(texts, expected):
    assert holders(texts) == expected
