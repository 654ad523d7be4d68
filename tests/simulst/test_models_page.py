"""docs/MODELS.md is what families say; its costs are those of their sizes."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from benchmarks.floating_point_work import WorkCounter
from models.audio_language.families import FAMILIES
from models.canary.encoder_work import encoder_work
from models.registry import load_translator
from models.translator import TranslatorOptions
from models.whisper.translator import PUBLISHED
from models.whisper.work import ChunkFrames, chunk_frames, decoder_work
from models.whisper.work import encoder_work as whisper_work
from simulst.models_page import HEARD_S, MODELS, Row, models_page
from tests.evaluation.tiny_evaluation import ROOT
from tests.models.tiny_whisper import write_tiny_whisper


def test_the_page_is_up_to_date():
    written = (ROOT / "docs" / "MODELS.md").read_text(encoding="utf-8")
    assert written == models_page(), "python -m simulst.models_page > docs/MODELS.md"


def test_every_family_has_published_models_and_a_place_in_the_readme():
    published = json.loads((MODELS / "audio_language" / "published.json").read_text(encoding="utf-8"))
    assert {FAMILIES[one["model_type"]] for one in published} == set(FAMILIES.values())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for family in set(FAMILIES.values()):
        assert f"| {family.family} |" in readme


def test_memory_by_precision():
    row = Row("", "", "", "", "", "", "", weights=8_397_094_912, in_layers=6_476_005_376)
    assert row.memory_gb(4) == pytest.approx(33.588, abs=1e-3)
    assert row.int8_gb == pytest.approx(14.160, abs=1e-3)  # 6.476 in 8 bits, and four times 1.921


def test_canary_costs_what_was_counted_on_an_empty_network():
    sizes = json.loads((MODELS / "canary" / "published.json").read_text(encoding="utf-8"))[0]["sizes"]
    found = [round(encoder_work(sizes, 100 * seconds) / 1e9) for seconds in (5, 10, 20, 40)]
    assert found == [108, 216, 441, 915]


def test_whisper_costs_what_is_counted_while_it_hears(tmp_path):
    """The eleventh second of a stream, under the hearing of published Whispers."""
    folder = write_tiny_whisper(tmp_path / "tiny", width=64, layers=3)
    translator = load_translator(str(folder), TranslatorOptions())
    sizes = asdict(translator.model.dimensions)
    stream, second = translator.open_stream(), np.random.default_rng(0).normal(0, 0.1, 16_000)
    for _ in range(HEARD_S):
        stream.append(second.astype(np.float32))
        with WorkCounter() as counter:
            memory = translator.encode_streams([stream])
    frames = chunk_frames(PUBLISHED, 1000 * HEARD_S)
    assert frames == ChunkFrames(fresh=475, dense=250, seen=825) and memory.end_ms.shape[1] == frames.seen
    keys = decoder_work(sizes, 0, frames)
    assert counter.flops == pytest.approx(whisper_work(sizes, frames) + keys, rel=0.02)
    tokens = [*range(40)]
    with WorkCounter() as counter:
        translator.start(memory, [tokens])
    assert counter.flops == pytest.approx(
        decoder_work(sizes, len(tokens), ChunkFrames(0, 0, frames.seen)), rel=0.02
    )
