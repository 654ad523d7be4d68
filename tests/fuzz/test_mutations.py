"""The mutations themselves, and the promise that they are held against."""

import time
from pathlib import Path

import pytest

from foundation.errors import InputError
from tests.fuzz.mutations import check_reader, mutate, time_limit

TEXT = b'{"index": 0, "prediction": "a man"}\n'


def test_a_seed_decides_the_mutation():
    assert [mutate(TEXT, seed) for seed in range(50)] == [mutate(TEXT, seed) for seed in range(50)]
    assert len({mutate(TEXT, seed) for seed in range(100)}) > 50


def test_a_hang_is_an_error():
    with pytest.raises(TimeoutError, match="longer than 1 s"), time_limit(1):
        time.sleep(5)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (KeyError("index"), "KeyError in .*read: 'index'"),
        (InputError("it is damaged"), "InputError without one.log: it is damaged"),
        (InputError("one.log is damaged:\nrun again"), "InputError of several lines"),
    ],
)
def test_anything_but_one_line_that_names_the_file_fails(tmp_path, error, fault):
    def read(path: Path) -> None:
        if path.read_bytes() != TEXT:
            raise error

    with pytest.raises(pytest.fail.Exception, match=fault):
        check_reader(read, tmp_path / "one.log", TEXT)
