"""A tiny Whisper and two clips, shared by the tests of this folder."""

import numpy as np
import pytest
import soundfile

from tests.models.tiny_whisper import write_tiny_whisper

SETTINGS = """
chunk_ms: 700
decode_silence: true
repeated_phrase: 0
maximum_words_per_second: 1000
policies:
  holdn: {held_tokens: 2}
  alignatt: {recent_frames: 4}
settings:
  exact: {trailing_silence_ms: 30000, frozen_after_s: 30}
  frozen: {frozen_after_s: 1, silence_stride: 8}
"""


@pytest.fixture(scope="session")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chunk_compute")
    # With these weights whole words are written in most chunks, so later ones start from a forced prefix.
    write_tiny_whisper(folder / "tiny", width=64, heads=2, seed=4)
    generator = np.random.default_rng(0)
    for number, seconds in enumerate((3.2, 2.1)):
        soundfile.write(folder / f"{number}.wav", generator.normal(0, 0.1, round(16_000 * seconds)), 16_000)
    (folder / "source.txt").write_text(f"{folder}/0.wav\n{folder}/1.wav\n")
    (folder / "target.txt").write_text("the cat sat\non the mat\n")
    (folder / "settings.yaml").write_text(SETTINGS)
    return folder
