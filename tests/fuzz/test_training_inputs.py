"""What training reads, damaged at random: it is read, or refused in one line that names the file."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from fairseq2.utils.structured import StandardValueConverter, StructureError

from models.policy.folder import StoredPolicy, load_policy, save_policy
from tests.fuzz.mutations import check_reader
from tests.models.tiny_reina import tiny_policy
from tests.train.tiny_training import build
from train.data.encoder_cache import COLUMNS, EncoderCache
from train.data.manifest import Row, read_manifest
from train.prepare.corpora.mustc import MustcOptions, read_corpus
from train.prepare.corpora.table import TableOptions
from train.prepare.corpora.table import read_corpus as read_table_of_clips
from train.prepare.line_table import LineTable
from train.prepare.skipped import Skipped
from train.recipes.checks import check_data
from train.simulsa_augment.labels import Label, check_entries, journal_entry
from train.simulsa_augment.sampling import HeardClip, Speculation
from train.translator.recipe import TranslationConfig

MANIFEST = """id\taudio\tseconds\theard_ms\tends\tvoice\ten\tde
a\ta.wav\t0.100\t\t\tslt\tOne dog.\tEin Hund.
b\ta.wav\t2.5\t50\tno\tslt\t\tZwei Hunde.
"""
TABLE = """id\tpath\tenglish\tde
1_a\ta.wav\tOne DOG.\tEin Hund.
1_b\ta.wav\tTwo dogs.\tZwei Hunde.
"""


@pytest.fixture
def folder(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(1600, 0.1, np.float32), 16_000)
    return tmp_path


def test_a_damaged_manifest_is_read_or_refused(folder):
    def read(path: Path) -> None:
        read_manifest(path, needs_audio=True)

    check_reader(read, folder / "manifest.tsv", MANIFEST.encode())


def test_a_damaged_table_of_clips_is_read_or_refused(folder):
    def read(path: Path) -> None:
        columns = ("en=english", "de")
        read_table_of_clips(TableOptions(table=path, text=columns, audio="path", output=folder / "out"))

    check_reader(read, folder / "table.tsv", TABLE.encode())


def test_a_damaged_table_of_lines_is_read_or_refused(folder):
    def read(path: Path) -> None:
        LineTable(path, ("english", "de"), audio_column="path", group_pattern=r"(\d+)_").usable_lines()

    check_reader(read, folder / "lines.tsv", TABLE.encode())


def test_damaged_segments_of_mustc_are_read_or_refused(folder):
    texts = folder / "dev/txt"
    texts.mkdir(parents=True)
    for language in ("en", "de"):
        (texts / f"dev.{language}").write_text("One.\nTwo.\n")
    entries = [{"wav": "a.wav", "offset": 0.5 * at, "duration": 0.25, "speaker_id": "s"} for at in range(2)]
    options = MustcOptions(root=folder, split="dev", source="en", target=("de",), output=folder / "out")

    def read(path: Path) -> None:
        for clip in read_corpus(options).clips:
            assert 0 <= clip.start_s < 1e13 and 0 < clip.duration_s < 1e13

    check_reader(read, texts / "dev.yaml", yaml.safe_dump(entries).encode(), name="dev")


@pytest.mark.parametrize("name", ["cache.json", "index.tsv", "frames.f16"])
def test_a_damaged_encoder_cache_is_read_or_refused(tmp_path, name):
    index = ["\t".join(COLUMNS), "a\t0\t640\t640\t0\t2", "a\t1\t320\t640\t2\t1", ""]
    valid = {
        "cache.json": json.dumps({"width": 4, "frame_ms": 20.0, "encoder_sha256": "0", "seed": 0}).encode(),
        "index.tsv": "\n".join(index).encode(),
        "frames.f16": np.arange(12, dtype="<f2").tobytes(),
    }
    for file, content in valid.items():
        (tmp_path / file).write_bytes(content)

    def read(path: Path) -> None:
        cache = EncoderCache(tmp_path)
        if "a" in cache:
            for version, one in enumerate(cache["a"].versions):
                assert cache["a"].frames_of(version).shape == (one.frames, cache.width)

    # Another width or index shows in how many frames there are.
    check_reader(read, tmp_path / name, valid[name], name=tmp_path.name)


def test_damaged_labels_of_an_earlier_run_are_read_or_refused(tmp_path):
    texts = {"de": "Ein Hund.", "fr": "Un chien."}
    parts, lines = [], []
    for name in ("r0", "r1", "r2"):
        clip = HeardClip(Row(name, texts, tmp_path / "a.wav", 2.0), 900)
        parts.append([Speculation(clip, target, (1, 2, 3)) for target in texts])
        labels = [Label(name, one, text[:3], text[3:], 1, 3, 0.01, True) for one, text in texts.items()]
        is_skipped = name == "r2"
        skipped = [Skipped(name, "unusable audio", "cut off")] if is_skipped else []
        lines.append(json.dumps(journal_entry([] if is_skipped else labels, skipped)))

    def read(path: Path) -> None:
        try:
            entries = [json.loads(line) for line in path.read_bytes().splitlines()]
        except (ValueError, RecursionError):
            return  # refused by the journal itself
        if len(entries) == len(parts):
            check_entries(path, parts, entries)
            for entry in entries:
                for label in entry["labels"]:
                    json.dumps(asdict(Label(**label)), allow_nan=False).encode()

    check_reader(read, tmp_path / "journal.jsonl", "\n".join(lines).encode() + b"\n")


def test_a_damaged_policy_is_read_or_refused(tmp_path):
    save_policy(tmp_path, StoredPolicy(tiny_policy(), 0.3, "openai/whisper-tiny.en"))
    content = (tmp_path / "policy.json").read_bytes()
    check_reader(lambda path: load_policy(path.parent), tmp_path / "policy.json", content, name="policy.")


def test_a_damaged_configuration_of_a_stage_is_read_or_refused(tmp_path):
    """What is no YAML, and what has other types, fairseq2's command line refuses before it comes to this."""
    world = build(tmp_path)
    converter = StandardValueConverter()

    def read(path: Path) -> None:
        try:
            content = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except Exception:
            return
        try:
            config = converter.structure(content, TranslationConfig)
        except (StructureError, OverflowError):
            return
        check_data(config)

    configuration = {"label_smoothing": 0.1, "truncation": {"cut_probability": 0.8}, **world.stage1()}
    check_reader(read, tmp_path / "stage.yaml", yaml.safe_dump(configuration).encode(), name="")
