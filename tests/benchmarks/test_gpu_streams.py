"""The whole benchmark on the processor, with a toy network: what it counts, writes and refuses."""

import json

import pytest
import torch

from benchmarks.gpu_streams.random_whisper import random_whisper
from benchmarks.gpu_streams.run import main
from benchmarks.gpu_streams.streams import Held, chunk_work, set_mode
from models.static_steps import StaticSteps
from models.translator import TranslatorOptions

TOY = ["--device", "cpu", "--precision", "float32", "--shape", "toy"]


def test_streams_and_a_sweep_are_measured(tmp_path, capsys):
    folder = tmp_path / "out"
    few = ["--streams", "1", "3", "--chunks", "1", "--utterances", "1"]
    main([*TOY, *few, "--output", str(folder)])
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    measured = [(one["hearing"], one["mode"], one["streams"]) for one in results["streams"]]
    # A busy machine may not hold three.
    firsts = [(hearing, mode, 1) for hearing in ("window", "default") for mode in ("plain", "static")]
    assert set(firsts) <= set(measured) <= {*firsts, *((*one[:2], 3) for one in firsts)}
    assert all(one["parts_s"].keys() == {"encode", "prefill", "steps"} for one in results["streams"])
    work = {one["hearing"]: one["chunk_flops"] for one in results["streams"]}
    assert 0 < work["default"] < work["window"]
    assert len(results["sweep"]) == 4 and all(one["seconds"] > 0 for one in results["sweep"])
    header, *rows = (folder / "streams.tsv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == len(measured) and header.split("\t")[:4] == ["hearing", "steps", "streams", "held"]
    assert (folder / "sweep.tsv").is_file() and (folder / "streams.png").is_file()
    out = capsys.readouterr().out
    assert "graphs are for CUDA devices" in out and "large products run at" in out


def test_what_does_not_begin_in_time_is_left_out_and_said(tmp_path, capsys):
    main([*TOY, "--limit-s", "-1", "--hearing", "default", "--output", str(tmp_path / "out")])
    out = capsys.readouterr().out
    assert "left out: default, plain, 1 streams" in out and "left out: default, sweep" in out


def test_bad_arguments_leave_nothing(tmp_path):
    with pytest.raises(SystemExit, match="exists: name another output"):
        main([*TOY, "--output", str(tmp_path)])
    with pytest.raises(SystemExit, match="cannot be used here"):
        main(["--device", "cuda:99", "--output", str(tmp_path / "out")])
    with pytest.raises(SystemExit):
        main([*TOY, "--streams", "0", "--output", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_streams_are_held_if_a_second_of_them_takes_no_longer():
    held = Held("plain", 3, 0.2, (0.5, 0.8), {}, 1.0, 0.0)
    assert held.second_s == 1.0 and held.holds
    assert not Held("plain", 3, 0.3, (0.5, 0.8), {}, 1.0, 0.0).holds


@torch.inference_mode()
def test_the_work_of_a_chunk_is_that_of_its_products():
    """The window of a toy: two layers of width 32 over 400 frames, and what steps add."""
    options = TranslatorOptions(trailing_silence_ms=30_000, frozen_after_s=30.0)
    translator = random_whisper("toy", options)
    set_mode(translator, "static")
    work = chunk_work(translator, 1)
    assert isinstance(translator.static_steps, StaticSteps)
    frames, width = 400, 32
    convolutions = 2 * 3 * width * (80 * 2 * frames + width * frames)
    layer = 2 * 12 * width**2 * frames + 4 * frames**2 * width
    cross = 2 * 2 * width**2 * frames
    encoder = convolutions + 2 * (layer + cross)
    assert encoder < work < 1.2 * encoder
