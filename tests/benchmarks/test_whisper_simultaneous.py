"""Pooled scores of language pairs, of logs whose words are known; sentences cut from a recording."""

import gzip
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from benchmarks.chunk_compute.simulstreaming import share_encoder
from benchmarks.whisper_simultaneous import pooled, prompts, simulstreaming
from evaluation.logs.run_log import Utterance

WORDS = "one two three four five six seven eight nine ten".split()


def write_run(folder, texts, delay_ms):
    """Utterances of ten words; each word is written after delay_ms."""
    folder.mkdir(parents=True)
    lines = []
    for index, written in enumerate(texts):
        delays = [delay_ms] * len(written)
        entry = {"index": index, "prediction": " ".join(written), "delays": delays, "elapsed": delays}
        entry |= {"prediction_length": len(written), "reference": " ".join(WORDS), "source": [f"{index}.wav"]}
        lines.append(json.dumps(entry | {"source_length": 5000.0}))
    (folder / "instances.log").write_text("\n".join(lines) + "\n")
    values = {"quality_metrics": ["BLEU"], "sacrebleu_tokenizer": "13a"}
    (folder / "evaluation.yaml").write_text(yaml.safe_dump(values))


@pytest.fixture
def sweep(tmp_path):
    runs = tmp_path / "sweep" / "runs"
    for pair, texts in (("fr-en", [WORDS, WORDS[::-1]]), ("es-en", [WORDS] * 3)):
        write_run(runs / pair / "holdn" / "held_tokens=6", texts, 2000.0)
        write_run(runs / pair / "offline" / "holdn", [WORDS] * len(texts), 5000.0)
    return tmp_path / "sweep"


def test_sentences_of_all_pairs_are_one_test_set(sweep, tmp_path, capsys):
    assert pooled.main(["--sweep", str(sweep), "--output", str(tmp_path / "report")]) == 0
    head, *lines = [
        line.split("\t") for line in (tmp_path / "report" / "pooled.tsv").read_text().splitlines()
    ]
    run, offline = [dict(zip(head, line, strict=True)) for line in lines]
    # One sentence of five is reversed: all 50 words match, 36 of 45 pairs, 32 of 40 triples, 28 of 35 fours.
    expected = 100 * (1 * 0.8**3) ** 0.25
    assert float(run["BLEU"]) == pytest.approx(expected, abs=0.05)
    assert float(run["BLEU_below_offline"]) == pytest.approx(100 - expected, abs=0.05)
    assert (offline["BLEU"], offline["BLEU_below_offline"], offline["LAAL_s"]) == (
        "100.000",
        "0.000",
        "5.000",
    )
    assert run["LAAL_s"] == "-0.250"  # 2 s, less the half seconds 0 to 9 at which words were spoken
    assert "holdn" in capsys.readouterr().out


def test_a_run_that_one_pair_lacks_is_named(sweep, tmp_path, capsys):
    (sweep / "runs" / "es-en" / "holdn" / "held_tokens=6").rename(sweep / "runs" / "es-en" / "holdn" / "x")
    assert pooled.main(["--sweep", str(sweep), "--output", str(tmp_path / "report")]) != 0
    assert "no finished run of holdn" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_pieces_of_a_recording_lose_no_sample():
    samples = np.arange(16_000 * 3)
    pieces = prompts.cut(samples, (0.5, 2.0))
    assert [len(piece) for piece in pieces] == [8_000, 24_000, 16_000]
    assert (np.concatenate(pieces) == samples).all()


def test_each_piece_has_a_sentence(tmp_path):
    texts = tmp_path / "core-sounds-en.txt.gz"
    texts.write_bytes(gzip.compress(b"; list\nother: No.\ndemo-instruct: Dial 2 now.  Or 28.8.  Bye.\n"))
    assert prompts.english_sentences(texts) == ["Dial 2 now.", "Or 28.8.", "Bye."]
    assert {name: len(one.cuts_s) + one.first_sentence for name, one in prompts.RECORDINGS.items()} == {
        "fr": 10,
        "es": 9,
        "it": 10,
    }


def test_missing_packages_are_told(tmp_path, capsys):
    assert prompts.main(["--packages", str(tmp_path), "--output", str(tmp_path / "out")]) != 0
    assert "extract asterisk-core-sounds-en into --packages" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_word_in_two_pieces_is_written_with_the_second():
    utterance = Utterance(3, "", "one two three", (), (), 2500.0, "a.wav")
    line = simulstreaming.entry(
        utterance, [(1000.0, ""), (1000.0, " one tw"), (2000.0, "o three"), (3000.0, " four")]
    )
    assert line["prediction"] == "one two three four"
    # What comes with the last, shorter piece of audio comes at its end.
    assert line["delays"] == line["elapsed"] == [1000.0, 2000.0, 2000.0, 2500.0]
    assert (line["index"], line["prediction_length"], line["source_length"]) == (3, 4, 2500.0)


def test_a_sentence_that_nothing_was_written_of_has_no_delays():
    line = simulstreaming.entry(Utterance(0, "", "one", (), (), 900.0), [(900.0, "")])
    assert (line["prediction"], line["delays"]) == ("", [])


def test_agents_that_share_an_encoder_encode_what_they_all_hear_once():
    attention = SimpleNamespace(use_sdpa=False)
    calls = []

    def encode(mel):
        calls.append(attention.use_sdpa)
        return mel + 1

    package = SimpleNamespace(network=SimpleNamespace(MultiHeadAttention=attention))
    agents = [
        SimpleNamespace(package=package, network=SimpleNamespace(encoder=SimpleNamespace(forward=encode)))
        for _ in range(2)
    ]
    share_encoder(agents)
    for value in (1.0, 2.0):
        for agent in agents:
            assert agent.network.encoder.forward(torch.full((2,), value)).tolist() == [value + 1] * 2
    assert calls == [True, True]
    assert attention.use_sdpa is False
