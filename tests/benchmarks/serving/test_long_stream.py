"""What the client says who speaks for long: recordings in order, in whole chunks."""

import numpy as np
import pytest
import soundfile

from benchmarks.serving.long_stream import LongStreamOptions, chunks
from foundation.errors import InputError


def test_recordings_are_cut_into_chunks_with_half_a_second_between(tmp_path):
    for name, value in (("b", 2), ("a", 1)):
        soundfile.write(tmp_path / f"{name}.flac", np.full(12_000, value, np.int16), 8000)
    rate, cut = chunks(tmp_path, seconds=5.5, chunk_ms=500)
    said = [np.frombuffer(chunk, np.int16) for chunk in cut]
    assert rate == 8000
    assert [len(chunk) for chunk in said] == [4000] * 11
    # 1.5 s each and 0.5 s of pause, and from the first one again.
    assert [int(chunk[0]) for chunk in said] == [1, 1, 1, 0, 2, 2, 2, 0, 1, 1, 1]


def test_recordings_of_two_rates_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds no FLAC files"):
        LongStreamOptions(tmp_path)
    for name, rate in (("a", 8000), ("b", 16_000)):
        soundfile.write(tmp_path / f"{name}.flac", np.zeros(4000, np.int16), rate)
    with pytest.raises(InputError, match="b.flac has 16000 samples a second, others 8000"):
        list(chunks(tmp_path, 60, 500)[1])
