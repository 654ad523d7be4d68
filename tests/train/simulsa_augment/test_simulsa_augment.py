"""Self-labelling with a model whose probabilities are known, and the files of the whole command."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.train.scripted_speculator import run
from train.data.manifest import Row, read_manifest
from train.simulsa_augment.labels import Label
from train.simulsa_augment.report import write_report
from train.simulsa_augment.sampling import HeardClip, Speculation, batches
from train.simulsa_augment.speculation import confident_tokens, whole_characters
from train.simulsa_augment.truncation import Truncation, draw

PROJECT = Path(__file__).parents[3]
GERMAN = "Zwölf Männer über der Straße hören süße Töne."
FRENCH = "Douze hommes écoutent, là-bas."
SECONDS = (0.4, 0.9, 1.3, 2.0, 2.4, 3.1, 4.0, 1.1)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spoken")
    lines = ["id\taudio\tseconds\tvoice\ten\tde\tfr"]
    for number, seconds in enumerate(SECONDS):
        noise = np.random.default_rng(number).standard_normal(round(16_000 * seconds))
        soundfile.write(folder / f"{number}.wav", 0.1 * noise, 16_000)
        lines.append(f"r{number}\t{number}.wav\t{seconds:.3f}\tv\tx\t{GERMAN[number:]}\t{FRENCH}")
    (folder / "manifest.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "manifest.tsv"


@pytest.fixture
def command(tmp_path, manifest):
    """Every clip, in batches of a few."""
    files = ["--model", "scripted", "--manifest", str(manifest), "--output", str(tmp_path / "out")]
    return [*files, "--targets", "de", "fr", "--count", "8", "--batch-seconds", "2"]


def expected_label(text: str, heard_ms: int) -> str:
    """Ten bytes a second, but whole characters."""
    return text.encode()[: heard_ms * 16 // 1600].decode(errors="ignore")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_label_ends_before_the_first_unlikely_token():
    assert confident_tokens(np.array([0.9, 0.1, 0.0999, 0.9]), threshold=0.1) == 2
    assert confident_tokens(np.array([0.05, 0.9]), threshold=0.1) == 0
    assert confident_tokens(np.array([0.5, 0.9]), threshold=0.1) == 2


def test_a_label_never_ends_inside_a_character():
    """Pieces of a byte-level vocabulary: "Stra", the two bytes of "ß", then "e" with half of an "€"."""
    pieces = [b"Stra", b"\xc3", b"\x9f", b"e\xe2", b"\x82", b"\xac"]
    assert [whole_characters(pieces[:count]) for count in range(7)] == [0, 1, 1, 3, 3, 3, 6]


def test_the_manifest_holds_cut_clips_with_what_can_be_told_of_them(tmp_path, manifest, command):
    assert run(command) == 0
    result = read_manifest(tmp_path / "out/manifest.tsv", needs_audio=True)
    assert result.languages == ("de", "fr")
    assert [row.id for row in result.rows] == [f"r{number}" for number in range(1, 8)]
    for number, row in enumerate(result.rows, start=1):
        uniform = draw(0, "truncate", row.id)
        assert row.heard_ms == Truncation().heard_ms(1000 * SECONDS[number], uniform)
        assert row.texts["de"] == expected_label(GERMAN[number:], row.heard_ms).strip()
        assert row.texts["fr"] == expected_label(FRENCH, row.heard_ms).strip()
        assert row.ends and row.notes == {"voice": "v"} and row.seconds == SECONDS[number]
    skipped = (tmp_path / "out/skipped.tsv").read_text().splitlines()
    assert skipped == ["id\treason\tdetail", "r0\ttoo short to cut\t0.40 s"]


def test_literal_labels(tmp_path, command):
    grid = ["--truncation", "discrete", "--chunks-ms", "1000"]
    assert run([*command, *grid]) == 0
    texts = {row.id: row.texts for row in read_manifest(tmp_path / "out/manifest.tsv").rows}
    assert texts["r2"] == {"de": "ölf Männ", "fr": "Douze homm"}
    # The tenth byte is the first half of "ü".
    assert texts["r5"] == {"de": "Männer", "fr": "Douze homm"}
    lines = [line.split("\t") for line in (tmp_path / "out/labels.tsv").read_text().splitlines()]
    assert lines[1] == ["r2", "de", "1000", "10", "51", "0.02", *lines[1][6:]]


def test_statistics_and_plot(tmp_path, command):
    grid = ["--truncation", "discrete", "--chunks-ms", "1000", "--factor", "10"]
    assert run([*command, *grid]) == 0
    found = json.loads((tmp_path / "out/statistics.json").read_text())
    assert (found["clips"], found["labels"], found["threshold"]) == (6, 12, 0.01)
    assert found["skipped"] == {"too short to cut": 2} and found["heard_ms"]["mean"] == 1000
    # 0.02 is likely enough for a factor of 10: all is kept.
    assert found["targets"]["fr"]["whole"] == 6 and found["targets"]["fr"]["kept_share"]["50%"] == 1
    assert (tmp_path / "out/distributions.png").read_bytes().startswith(b"\x89PNG")


def test_empty_labels_are_kept_dropped_or_worth_nothing_without_their_end(tmp_path, manifest, command):
    """A text that starts with a character of four bytes can tell nothing after 300 ms."""
    changed = manifest.with_name("emoji.tsv")
    changed.write_text(manifest.read_text().replace("r3\t3.wav\t2.000\tv\tx\t", "r3\t3.wav\t2.000\tv\tx\t😀"))
    short = ["--manifest", str(changed), "--truncation", "discrete", "--chunks-ms", "300"]
    short += ["--shortest-ms", "300"]
    assert run([*command, *short]) == 0
    rows = {row.id: row for row in read_manifest(tmp_path / "out/manifest.tsv").rows}
    assert rows["r3"].texts == {"de": "", "fr": "Dou"} and len(rows) == 8
    assert run([*command, *short, "--drop-empty", "--overwrite"]) == 0
    assert "r3" not in {row.id for row in read_manifest(tmp_path / "out/manifest.tsv").rows}
    assert "r3\tempty label\tde" in (tmp_path / "out/skipped.tsv").read_text()
    assert run([*command, *short, "--open-end", "--overwrite"]) == 0
    rows = {row.id: row for row in read_manifest(tmp_path / "out/manifest.tsv").rows}
    assert not rows["r3"].ends and len(rows) == 8


def test_a_killed_run_goes_on_to_the_same_result(tmp_path, command):
    assert run(command) == 0
    undisturbed = contents((tmp_path / "out").rename(tmp_path / "undisturbed"))
    killed = subprocess.run(
        [sys.executable, "-m", "tests.train.scripted_speculator", "3", *command],
        cwd=PROJECT,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -9
    journal = tmp_path / "out.unfinished/journal.jsonl"
    assert len(journal.read_text().splitlines()) == 3
    journal.write_text(journal.read_text() + '{"labels": [{"id')
    assert run([*command, "--seed", "1"]) == 1  # other settings do not go on
    assert run(command) == 0
    assert contents(tmp_path / "out") == undisturbed


@pytest.mark.parametrize("executor", ["local", "submitit-local"])
def test_two_processes_give_the_result_of_one(tmp_path, command, executor):
    if executor != "local":
        pytest.importorskip("submitit")
    assert run(command) == 0
    alone = contents((tmp_path / "out").rename(tmp_path / "alone"))
    assert run([*command, "--jobs", "2", "--executor", executor]) == 0
    assert contents(tmp_path / "out") == alone


def test_torchrun_is_refused(command, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert run(command) == 1
    assert "give --jobs N in place of torchrun" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--targets", "es"], "has no column 'es': its languages are en, de, fr"),
        (["--count", "9"], "9 clips are to be sampled, but there are 8"),
        (["--ratio", "0.5"], "give either --count or --ratio"),
        (["--factor", "0"], "--factor must be above 0, got 0"),
        (["--shortest-ms", "4500"], "none of 8 sampled clips can be augmented: 8 x too short to cut"),
        (["--targets", "de", "en"], "--targets must be different languages other than 'en'"),
    ],
)
def test_bad_commands_are_one_line(tmp_path, command, more, message, capsys):
    assert run([*command, *more]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))


def test_a_batch_holds_so_much_audio_and_so_many_rows():
    clips = [HeardClip(Row(f"r{number}", {}), 500) for number in range(130)]
    texts = [Speculation(clip, "de", (1, 2)) for clip in clips]
    assert [len(batch) for batch in batches(texts, seconds=120)] == [64, 64, 2]
    assert [len(batch) for batch in batches(texts, seconds=30)] == [60, 60, 10]


def test_examples_of_the_picture_may_be_any_text(tmp_path):
    clip = HeardClip(Row("r", {}), 500)
    label = Label("r", "zh", "从 $5^ 到 $6_", "很" * 200, 1, 2, 0.1, True)
    write_report(tmp_path, [clip], [label], [], 0.1)
    assert (tmp_path / "distributions.png").read_bytes().startswith(b"\x89PNG")


def test_an_empty_set_is_refused(tmp_path, manifest, command, capsys):
    header = manifest.read_text().splitlines()[0]
    (tmp_path / "empty.tsv").write_text(header + "\n")
    assert run([*command, "--manifest", str(tmp_path / "empty.tsv")]) == 1
    assert "is empty: it has no rows below its header" in capsys.readouterr().err
    (tmp_path / "texts.tsv").write_text(
        f"{header}\na\t\t1.0\tv\tx\tEins\tUn\nb\t{manifest}\t1.0\tv\tx\tZwei\t\n"
    )
    assert run([*command, "--manifest", str(tmp_path / "texts.tsv"), "--count", "1"]) == 1
    assert "no clip that can be augmented: 1 x no audio; 1 x no text in fr" in capsys.readouterr().err


def test_damaged_clips_are_listed_and_left_out(tmp_path, manifest, command):
    (manifest.parent / "bad.wav").write_text("no audio")
    lines = manifest.read_text().replace("\t3.wav\t2.000", "\tbad.wav\t3.000")
    (manifest.parent / "damaged.tsv").write_text(lines.replace("\t7.wav\t1.100", "\t7.wav\t3.000"))
    cut = ["--truncation", "discrete", "--chunks-ms", "3000"]
    assert run([*command, "--manifest", str(manifest.parent / "damaged.tsv"), *cut]) == 0
    skipped = [line.split("\t") for line in (tmp_path / "out/skipped.tsv").read_text().splitlines()[1:]]
    assert ["r3", "unusable audio"] in [line[:2] for line in skipped]
    assert ["r7", "clip shorter than its manifest says", "1.10 s of 3.00 s that are to be heard"] in skipped
    assert [row.id for row in read_manifest(tmp_path / "out/manifest.tsv").rows] == ["r5", "r6"]


def test_clips_and_texts_beyond_the_model_are_listed(tmp_path, manifest, command, capsys):
    """The scripted model hears 3.5 s and writes 100 bytes."""
    long_text = manifest.with_name("long.tsv")
    long_text.write_text(manifest.read_text().replace(GERMAN[4:], "lang " * 30))
    chunks = ["--manifest", str(long_text), "--truncation", "discrete", "--chunks-ms", "600", "4000"]
    assert run([*command, *chunks, "--seed", "2"]) == 0
    skipped = [line.split("\t") for line in (tmp_path / "out/skipped.tsv").read_text().splitlines()[1:]]
    assert ["r4", "text longer than the model's context", "150 tokens"] in skipped
    chunks = ["--truncation", "discrete", "--chunks-ms", "4000", "--overwrite"]
    assert run([*command, *chunks]) == 1
    assert "none of 1 clips fits the model: 1 x longer than the model's window" in capsys.readouterr().err
