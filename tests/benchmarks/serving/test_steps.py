"""What a step costs: every way plays the same streams, and whatever wrote something else is told."""

import numpy as np
import pytest
import soundfile

from agents.configuration.agent_configuration import configure_agent
from agents.configuration.agent_engine import load_engine
from benchmarks.serving.steps import Played
from tests.evaluation.tiny_evaluation import ROOT


def test_parts_make_up_the_whole_and_texts_are_compared():
    values = {"agent": "reina", "model": "reina-mini", "chunk_ms": 500}
    configuration, _ = configure_agent(values, "test")
    clip = soundfile.read(
        ROOT / "eval_configs" / "quickstart_de" / "audio" / "caption_1.flac", dtype="int16"
    )[0]
    played = Played(load_engine(configuration), configuration, np.stack([clip[:32_000], clip[16_000:48_000]]))
    together = played.measure(2, workers=1, threads=1)
    parts = [together[name] for name in ("encoder", "text", "steps", "rest")]
    assert min(parts) >= 0 and sum(parts) == pytest.approx(together["processor_s_per_audio_s"], abs=0.01)
    shared = played.measure(1, workers=2, threads=1)
    assert shared["processor_s_per_audio_s"] > 0 and shared["encoder"] == ""
    played._texts[1] += " and more"
    with pytest.raises(RuntimeError, match="stream 1 wrote .* and before .* and more"):
        played.measure(1, workers=2, threads=1)
