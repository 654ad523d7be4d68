"""The sounds and models that the batched engine is tested on."""

import pytest

from tests.evaluation.batched_settings import write_models, write_test_set


@pytest.fixture(scope="module")
def test_set(tmp_path_factory):
    return write_test_set(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("models"))
