"""MuST-C becomes clips and texts that agree; what disagrees is refused by name."""

import numpy as np
import pytest
import soundfile
import yaml

from models.sound.audio import read_audio
from tests.train.prepare.prepared import prepare, rows_of, skipped_of, tone, write
from train.prepare import main


def mustc(folder, entries, en, de):
    write(folder / "data/dev/txt/dev.yaml", yaml.safe_dump(entries))
    write(folder / "data/dev/txt/dev.en", *en)
    write(folder / "data/dev/txt/dev.de", *de)
    languages = ("--source", "en", "--target", "de")
    return ("mustc", "--root", folder / "data", "--split", "dev", *languages, "--output", folder / "out")


def test_mustc_is_cut_at_its_offsets(tmp_path):
    talk = np.concatenate([np.full(16_000, level, np.float32) for level in (0.1, 0.2, 0.3, 0.4)])
    (tmp_path / "data/dev/wav").mkdir(parents=True)
    soundfile.write(tmp_path / "data/dev/wav/ted_1.wav", talk, 16_000)
    soundfile.write(tmp_path / "data/dev/wav/ted_2.wav", np.repeat(talk, 3), 48_000)
    places = [
        ("ted_1", 0.5, 1.0),
        ("ted_1", 3.0, 1.04),
        ("ted_2", 2.25, 0.5),
        ("ted_1", 5.0, 1.0),
        ("ted_3", 0, 1),
    ]
    entries = [{"wav": f"{wav}.wav", "offset": o, "duration": d, "speaker_id": "s"} for wav, o, d in places]
    entries += [{"wav": "ted_1.wav", "offset": 0.0, "duration": 0.0}, {"wav": "ted_1.wav"}]
    texts = [f"Line {i}." for i in range(7)]
    prepare(*mustc(tmp_path, entries, texts, [text.replace("Line", "Zeile") for text in texts]))
    rows = rows_of(tmp_path / "out")
    assert {name: row.seconds for name, row in rows.items()} == {
        "ted_1_0": 1.0,
        "ted_1_1": 1.0,
        "ted_2_0": 0.5,
    }
    assert rows["ted_2_0"].texts == {"en": "Line 2.", "de": "Zeile 2."}
    assert np.allclose(read_audio(rows["ted_1_0"].audio), talk[8000:24_000], atol=1e-4)
    assert np.allclose(read_audio(rows["ted_1_1"].audio), 0.4, atol=1e-4)
    assert np.allclose(read_audio(rows["ted_2_0"].audio)[200:-200], 0.3, atol=0.01)
    assert skipped_of(tmp_path / "out") == {
        "ted_1_2": "unusable audio",
        "ted_3_0": "unusable audio",
        "ted_1_3": "no length",
        "entry 6": "no wav, offset and duration",
    }


def test_a_segment_that_ends_behind_its_talk_is_refused_by_name(tmp_path):
    """What is there of it would be a shorter clip with the whole text."""
    tone(tmp_path / "data/dev/wav/ted_1.wav", 4.0)
    places = [(0.0, 1.0), (3.0, 1.05), (3.0, 1.06), (3.5, 9.0)]
    entries = [{"wav": "ted_1.wav", "offset": start, "duration": length} for start, length in places]
    prepare(*mustc(tmp_path, entries, list("abcd"), list("efgh")))
    assert {name: row.seconds for name, row in rows_of(tmp_path / "out").items()} == {
        "ted_1_0": 1.0,
        "ted_1_1": 1.0,
    }
    skipped = (tmp_path / "out/skipped.tsv").read_text().splitlines()[1:]
    talk = tmp_path / "data/dev/wav/ted_1.wav"
    mend = "copy the recording again, or correct the times"
    assert skipped == [
        f"ted_1_2\tunusable audio\t{talk} ends at 4.00 s, but ted_1_2 only at 4.06 s: {mend}",
        f"ted_1_3\tunusable audio\t{talk} ends at 4.00 s, but ted_1_3 only at 12.50 s: {mend}",
    ]


def test_times_of_mustc_are_decimal_numbers(tmp_path):
    """YAML itself would read 0500 as 320, 1:30 as 90 and 1_0 as 10."""
    tone(tmp_path / "data/dev/wav/t.wav", 2.0)
    times = ["0500", "1:30", "1_0", ".nan", "-.inf", "0x1", "true", "[1]", "'1.5'", "1e-1", "0.5"]
    lines = [f"- {{wav: t.wav, offset: {time}, duration: 0.5}}" for time in times]
    arguments = mustc(tmp_path, [], times, times)
    write(tmp_path / "data/dev/txt/dev.yaml", *lines)
    prepare(*arguments)
    assert list(rows_of(tmp_path / "out")) == ["t_0", "t_1", "t_2"]
    reason = "no wav, offset and duration"
    assert skipped_of(tmp_path / "out") == {f"entry {number}": reason for number in range(8)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- {wav: a.wav, offset: 0, duration: [1}", "dev.yaml, line 1: it is not YAML"),
        ("[" * 5000, "dev.yaml, line 1: it is not YAML (exceeded maximum nesting depth)"),
        ("k: 0x_", "dev.yaml must hold a list of segments"),
        ("- a\n- \x00", "dev.yaml: it is not YAML (unacceptable character #x0000"),
    ],
    ids=["brackets that do not match", "5000 brackets", "a number that is none", "a control character"],
)
def test_what_is_no_yaml_is_one_line(tmp_path, capsys, content, message):
    arguments = mustc(tmp_path, [], ["one"], ["eins"])
    write(tmp_path / "data/dev/txt/dev.yaml", content)
    assert main([*map(str, arguments)]) == 1
    shown = capsys.readouterr().err
    assert message in shown and shown.count("\n") == 1


def test_mustc_out_of_step_is_refused(tmp_path, capsys):
    arguments = mustc(tmp_path, [{"wav": "a.wav", "offset": 0, "duration": 1}], ["one"], ["eins", "zwei"])
    assert main([*map(str, arguments)]) == 1
    assert "dev.de has 2 lines for 1 entries" in capsys.readouterr().err
    write(tmp_path / "data/dev/txt/dev.yaml", "[{")
    assert main([*map(str, arguments)]) == 1
    assert "not YAML" in capsys.readouterr().err
