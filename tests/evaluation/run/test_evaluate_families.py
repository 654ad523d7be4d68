"""`simulst evaluate` from audio files to scores on a tiny checkpoint of every audio-language family."""

import json

import pytest

from simulst import main
from tests.evaluation.tiny_evaluation import REFERENCES, write_sounds
from tests.models.tiny_families import FAMILIES


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_evaluated_with_attention_as_its_policy(name, tmp_path):
    FAMILIES[name].write(tmp_path / "model", seed=3, end_scale=1.0)
    write_sounds(tmp_path)
    (tmp_path / "target.txt").write_text("\n".join(REFERENCES) + "\n", encoding="utf-8")
    (tmp_path / "alignatt.yaml").write_text(
        f"agent: alignatt\nmodel: {tmp_path / 'model'}\nsource: {tmp_path / 'source.txt'}\n"
        f"target: {tmp_path / 'target.txt'}\noutput: {tmp_path / 'result'}\nchunk_ms: 300\nrecent_frames: 1\n"
        "source_language: en\ntarget_language: de\ndecode_silence: true\n",
        encoding="utf-8",
    )
    assert main(["evaluate", str(tmp_path / "alignatt.yaml")]) == 0
    lines = (tmp_path / "result" / "instances.log").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(REFERENCES)
    found = [json.loads(line) for line in lines]
    assert any(line["prediction"] for line in found)
    assert all(line["delays"] == sorted(line["delays"]) for line in found)
