"""Numbers near 0 count as 0 while a command works, and no longer."""

import sys

import pytest

from train.prepare.denormals import flushed_denormals


def are_flushed():
    return sys.float_info.min * 0.5 == 0.0


def test_inside_only():
    with flushed_denormals():
        assert are_flushed()
        with flushed_denormals():
            assert are_flushed()
        assert are_flushed()
    assert not are_flushed() and float("1e-320") > 0


def test_a_failure_ends_it_too():
    @flushed_denormals()
    def fail():
        raise ValueError("inside")

    for _ in range(2):
        with pytest.raises(ValueError, match="inside"):
            fail()
        assert not are_flushed()
