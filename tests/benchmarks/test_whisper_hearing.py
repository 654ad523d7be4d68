"""Hearings against the whole window: of logs whose word errors are known."""

import json

import pytest
import yaml

from benchmarks.whisper_hearing.cost import rows_of
from benchmarks.whisper_hearing.report import main

WORDS = "one two three four five six seven eight nine ten".split()


def write_run(folder, wrong):
    """Ten utterances of ten words, of which the first `wrong` have one word too few."""
    folder.mkdir(parents=True)
    lines = []
    for index in range(10):
        written = WORDS[: 9 if index < wrong else 10]
        delays = [500.0 * (place + 1) for place in range(len(written))]
        entry = {"index": index, "prediction": " ".join(written), "delays": delays, "elapsed": delays}
        entry |= {"prediction_length": len(written), "reference": " ".join(WORDS), "source": [f"{index}.wav"]}
        lines.append(json.dumps(entry | {"source_length": 5000.0}))
    (folder / "instances.log").write_text("\n".join(lines) + "\n")
    (folder / "evaluation.yaml").write_text(yaml.safe_dump({"quality_metrics": ["WER_NORM"]}))


@pytest.fixture
def sweep(tmp_path):
    write_run(tmp_path / "sweep" / "runs" / "holdn-window" / "frozen_after_s=30", wrong=0)
    write_run(tmp_path / "sweep" / "runs" / "holdn-thinned" / "frozen_after_s=3", wrong=5)
    return tmp_path / "sweep"


def test_differences_to_the_window_are_those_of_the_words(sweep, tmp_path, capsys):
    assert main(["--sweep", str(sweep), "--output", str(tmp_path / "report")]) == 0
    lines = (tmp_path / "report" / "hearing.tsv").read_text().splitlines()
    thinned, window = [line.split("\t") for line in lines[1:]]
    assert window[:5] == ["holdn", "window", "30", "0.000", "0.000"]
    # Five of a hundred words are missing; each utterance adds 0 or 1 to ten draws.
    assert thinned[:7] == ["holdn", "thinned", "3", "5.000", "5.000", "2.000", "8.000"]
    assert (tmp_path / "report" / "hearing.png").stat().st_size > 10_000
    assert "thinned" in capsys.readouterr().out


def test_a_sweep_without_the_window_is_told(sweep, tmp_path, capsys):
    (sweep / "runs" / "holdn-window" / "frozen_after_s=30" / "instances.log").unlink()
    assert main(["--sweep", str(sweep), "--output", str(tmp_path / "report")]) != 0
    assert "no finished run of holdn-window: finish the sweep" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_costs_are_compared_with_the_first_hearing_of_a_policy():
    window, thinned = ("holdn", "window", "30"), ("holdn", "thinned", "3")
    chunks = [
        {"agent": agent, "cpu_ms": cost} for agent, cost in ((window, 90.0), (thinned, 20.0), (window, 30.0))
    ]
    first, second = rows_of(chunks)
    assert (first["hearing"], first["chunks"], first["cpu_ms"], first["ratio"]) == ("window", 2, 60.0, 1.0)
    assert (second["hearing"], second["cpu_ms"], second["ratio"]) == ("thinned", 20.0, 3.0)
