"""What `benchmarks.previews` plays: the same text with and without, and grey words that change."""

import numpy as np
import soundfile

from agents.alignatt_agent import AlignAttPolicy
from benchmarks.previews import play
from tests.agents.test_engine import GERMAN, engine
from tests.models.scripted_translator import random_script


def test_previews_are_counted_and_change_no_text(tmp_path):
    clip = tmp_path / "clip.flac"
    soundfile.write(clip, np.zeros(40_000, np.int16), 16_000)
    loop = engine(random_script(3, 10, sharpness=4.0), vocabulary=10)
    without, shown = (
        play(loop, AlignAttPolicy(recent_frames=20), GERMAN, clip, 200, previews)
        for previews in (False, True)
    )
    assert shown.shown.final_text == without.shown.final_text != ""
    assert without.shown.normalised_erasure == 0 and without.ahead == [0] * 13
    assert shown.shown.deleted_words > 0 and max(shown.ahead) >= 2 and shown.ahead[-1] == 0
