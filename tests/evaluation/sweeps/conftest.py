"""The file that the tests of `simulst sweep` run."""

import pytest

from tests.evaluation.tiny_sweep import write_tiny_sweep


@pytest.fixture(scope="module")
def tiny_sweep(tmp_path_factory):
    return write_tiny_sweep(tmp_path_factory.mktemp("tiny"))
