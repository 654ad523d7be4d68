"""Lines become segments whose audio, lists and texts agree; bad input is named; nothing half-made stays."""

import csv
import hashlib
import re
from functools import partial

import numpy as np
import pytest
import soundfile

from foundation.errors import InputError
from models.sound.audio import read_audio
from tests.foundation.run_here import run_here
from train.commands import PREPARE
from train.prepare.join import SegmentLengths, plan, spread
from train.prepare.line_table import Line

main = partial(run_here, PREPARE["join"])


def write_corpus(folder, seconds=(2.0,) * 12, sample_rate=11_025):
    """Rows a_1_0, a_1_1 ... and a_2_..., half of them in each group; each a tone with its own level."""
    (folder / "audio").mkdir()
    rows = ["id\ten\tde"]
    for i, length in enumerate(seconds):
        group = 1 if i < len(seconds) / 2 else 2
        name = f"a_{group}_{i}"
        time = np.arange(round(length * sample_rate)) / sample_rate
        soundfile.write(folder / "audio" / f"{name}.wav", 0.05 * (i + 1) * np.sin(2000 * time), sample_rate)
        rows.append(f"{name}\tLine {i}.\tZeile {i}.")
    (folder / "table.tsv").write_text("\n".join(rows) + "\n")


def arguments(folder, *more):
    return [
        *("--table", str(folder / "table.tsv"), "--audio-dir", str(folder / "audio")),
        *("--audio-suffix", ".wav", "--text", "en", "de", "--group-pattern", r"a_(\d)_"),
        *("--output", str(folder / "out")),
        *more,
    ]


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def lines_of(path):
    return path.read_text().splitlines()


def fail(folder, *more):
    """The message of a command that must not leave anything behind."""
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(InputError) as error:
        main(arguments(folder, *more))
    assert sorted(path.name for path in folder.iterdir()) == before
    return str(error.value)


def test_every_line_is_in_one_segment_in_order_and_groups_are_not_mixed(tmp_path):
    write_corpus(tmp_path)
    main(arguments(tmp_path))
    segments = table(tmp_path / "out/segments.tsv")
    members = [segment["members"].split() for segment in segments]
    assert sum(members, []) == [f"a_{1 if i < 6 else 2}_{i}" for i in range(12)]
    assert all(len({name.split("_")[1] for name in group}) == 1 for group in members)
    assert lines_of(tmp_path / "out/skipped.tsv") == ["id\treason\tdetail"]


def test_audio_is_the_lines_with_pauses_at_sixteen_kilohertz_and_their_level(tmp_path):
    write_corpus(tmp_path)
    main(arguments(tmp_path, "--pause-s", "0.5"))
    for segment in table(tmp_path / "out/segments.tsv"):
        path = tmp_path / "out" / segment["audio"]
        header = soundfile.info(path)
        assert (header.samplerate, header.channels, header.subtype) == (16_000, 1, "PCM_16")
        parts = [read_audio(tmp_path / f"audio/{name}.wav") for name in segment["members"].split()]
        expected = np.concatenate([piece for part in parts for piece in (np.zeros(8000), part)][1:])
        assert np.abs(read_audio(path) - expected).max() < 1e-4
        assert float(segment["seconds"]) == pytest.approx(header.duration, abs=1e-3)
        assert 6 <= header.duration <= 20


def test_pauses_are_drawn_between_the_bounds_and_most_are_short(tmp_path):
    write_corpus(tmp_path)
    main(arguments(tmp_path, "--pause-s", "0.2", "--longest-pause-s", "2"))
    for segment in table(tmp_path / "out/segments.tsv"):
        spoken = sum(len(read_audio(tmp_path / f"audio/{name}.wav")) for name in segment["members"].split())
        pauses = float(segment["seconds"]) - spoken / 16_000
        count = len(segment["members"].split()) - 1
        assert 0.2 * count - 1e-3 <= pauses <= 2 * count + 1e-3
    lengths = SegmentLengths(pause_s=0.2, longest_pause_s=2.2)
    drawn = [lengths.pause_behind_s(Line(str(i), "g", None, 1.0, ("x",))) for i in range(2000)]
    assert min(drawn) == pytest.approx(0.2, abs=0.01) and max(drawn) == pytest.approx(2.2, abs=0.02)
    assert np.median(drawn) == pytest.approx(0.2 + 2 * 0.25, abs=0.05)


def test_shuffled_lines_are_the_same_lines_in_an_order_that_the_seed_alone_decides(tmp_path):
    write_corpus(tmp_path)
    orders = []
    for name, options in (("a", []), ("b", []), ("c", ["--seed", "1"])):
        main(arguments(tmp_path, "--output", str(tmp_path / name), "--shuffle", *options))
        members = [segment["members"].split() for segment in table(tmp_path / name / "segments.tsv")]
        assert all(len({line.split("_")[1] for line in group}) == 1 for group in members)
        orders.append(sum(members, []))
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0], key=lambda line: int(line.split("_")[2]))


def test_lists_agree_line_by_line_and_work_from_any_folder(tmp_path, monkeypatch):
    write_corpus(tmp_path)
    monkeypatch.chdir(tmp_path)
    main(arguments(tmp_path, "--output", "out"))
    segments = table(tmp_path / "out/segments.tsv")
    assert lines_of(tmp_path / "out/source.txt") == [str(tmp_path / "out" / row["audio"]) for row in segments]
    assert lines_of(tmp_path / "out/target.en.txt") == [row["en"] for row in segments]
    assert lines_of(tmp_path / "out/target.de.txt") == [row["de"] for row in segments]
    assert segments[0]["en"].startswith("Line 0. Line 1. Line 2.")


def test_source_paths_can_be_relative(tmp_path):
    write_corpus(tmp_path)
    main(arguments(tmp_path, "--paths-from", str(tmp_path)))
    assert lines_of(tmp_path / "out/source.txt")[0] == "out/audio/a_1_0.flac"


def test_the_output_is_a_table_of_the_same_kind(tmp_path):
    write_corpus(tmp_path)
    main(arguments(tmp_path))
    again = ["--table", str(tmp_path / "out/segments.tsv"), "--audio", "audio", "--text", "en"]
    main([*again, "--maximum-s", "25", "--output", str(tmp_path / "again")])
    texts = [" ".join(lines_of(tmp_path / name / "target.en.txt")) for name in ("out", "again")]
    assert texts[0] == texts[1]


def test_two_runs_give_the_same_files_and_another_seed_does_not(tmp_path):
    write_corpus(tmp_path, seconds=(1.0,) * 60)

    def digests(name, *more):
        output = tmp_path / name
        main(arguments(tmp_path, "--paths-from", str(output), *more, "--output", str(output)))
        files = sorted(path for path in output.rglob("*") if path.is_file())
        return {file.relative_to(output): hashlib.sha1(file.read_bytes()).hexdigest() for file in files}

    assert digests("one") == digests("two")
    assert digests("three", "--seed", "1") != digests("one", "--overwrite")


def test_a_group_is_joined_in_the_same_way_whichever_others_are_chosen(tmp_path):
    write_corpus(tmp_path, seconds=(1.0,) * 60)
    main(arguments(tmp_path))
    main(arguments(tmp_path, "--groups", "2", "--output", str(tmp_path / "second")))
    both = [row["members"] for row in table(tmp_path / "out/segments.tsv")]
    second = [row["members"] for row in table(tmp_path / "second/segments.tsv")]
    assert second == [members for members in both if members.startswith("a_2")]


def test_a_limit_spreads_the_segments(tmp_path):
    assert spread(list("abcdefghij"), 3) == ["b", "f", "i"]
    assert spread(list("abc"), 3) == spread(list("abc"), None) == list("abc")
    write_corpus(tmp_path, seconds=(1.0,) * 60)
    main(arguments(tmp_path, "--limit", "2"))
    groups = [row["id"].split("_")[1] for row in table(tmp_path / "out/segments.tsv")]
    assert groups == ["1", "2"]


def test_planned_lengths_vary_within_the_bounds():
    lines = [Line(str(i), "g", None, 1.0 + 0.1 * (i % 13), ("x",)) for i in range(500)]
    lengths = SegmentLengths(6, 20, 0.3)
    segments, skipped = plan(lines, lengths)
    seconds = [lengths.joined_s(segment) for segment in segments]
    assert sum(len(segment) for segment in segments) + len(skipped) == 500
    assert min(seconds) >= 6 and max(seconds) <= 20
    assert np.std(seconds) > 3


def test_lines_that_fit_nowhere_are_listed():
    lines = [Line(str(i), "g", None, seconds, ("x",)) for i, seconds in enumerate([3, 25, 18, 3])]
    segments, skipped = plan(lines, SegmentLengths(6, 20, 0.3))
    assert [[line.id for line in segment] for segment in segments] == [["2"]]
    assert [(row.id, row.reason) for row in skipped] == [
        ("0", "left over: too short for a segment"),
        ("1", "too long for a segment"),
        ("3", "left over: too short for a segment"),
    ]


def test_a_short_end_joins_the_segment_before_it_unless_another_line_is_between():
    for lengths, joined in (([10, 3], 2), ([10, 25, 3], 1)):
        lines = [Line(str(i), "g", None, seconds, ("x",)) for i, seconds in enumerate(lengths)]
        [segment], skipped = plan(lines, SegmentLengths(10, 20, 0.3))
        assert (len(segment), len(skipped)) == (joined, len(lengths) - joined)


def test_bad_rows_are_listed_with_the_reason_and_the_rest_is_joined(tmp_path, capsys):
    write_corpus(tmp_path)
    (tmp_path / "audio/a_1_0.wav").unlink()
    (tmp_path / "audio/a_1_1.wav").write_text("not audio")
    (tmp_path / "audio/a_2_6.wav").write_bytes(b"")
    rows = lines_of(tmp_path / "table.tsv")
    rows[8] = "a_2_7\t \tZeile"
    rows += ["a_2_9\tagain\tnochmal", "stranger\tx\ty", "a_2_20\ttoo few", "\tno\tid"]
    (tmp_path / "table.tsv").write_text("\n".join(rows) + "\n")
    main(arguments(tmp_path))
    skipped = {row["id"]: (row["reason"], row["detail"]) for row in table(tmp_path / "out/skipped.tsv")}
    assert "no such file" in skipped["a_1_0"][1]
    assert "not audio" in skipped["a_1_1"][1]
    assert "empty file" in skipped["a_2_6"][1]
    assert skipped["a_2_7"][0] == "empty text in column en"
    assert skipped["a_2_9"][0] == "its id occurs before"
    assert skipped["stranger"][0] == skipped[""][0] == "its id does not match the group pattern"
    assert skipped["line 16"] == ("wrong number of fields", "2, the header has 3")
    assert len(skipped) == 8
    assert "skipped 8 rows (3 x unusable audio" in capsys.readouterr().out
    members = " ".join(row["members"] for row in table(tmp_path / "out/segments.tsv")).split()
    assert members == ["a_1_2", "a_1_3", "a_1_4", "a_1_5", "a_2_8", "a_2_9", "a_2_10", "a_2_11"]


def test_a_row_without_id_is_listed(tmp_path):
    write_corpus(tmp_path)
    content = (tmp_path / "table.tsv").read_text() + "\tno\tid\n"
    (tmp_path / "table.tsv").write_text(content)
    main([word for word in arguments(tmp_path) if word not in ("--group-pattern", r"a_(\d)_")])
    assert lines_of(tmp_path / "out/skipped.tsv")[1:] == ["\tempty id\tno / id"]


def test_emphasis_goes_unless_capitals_are_kept(tmp_path):
    write_corpus(tmp_path)
    content = (tmp_path / "table.tsv").read_text().replace("Line 0.", r"It is \"VERY\" LINC.")
    (tmp_path / "table.tsv").write_text(content)
    main(arguments(tmp_path, "--acronyms", "LINC"))
    assert table(tmp_path / "out/segments.tsv")[0]["en"].startswith('It is "very" LINC. Line 1.')
    main(arguments(tmp_path, "--capitals", "keep", "--overwrite"))
    assert table(tmp_path / "out/segments.tsv")[0]["en"].startswith('It is "VERY" LINC. Line 1.')


def test_an_existing_output_stays_unless_it_is_to_be_overwritten(tmp_path):
    write_corpus(tmp_path)
    main(arguments(tmp_path))
    assert "out exists" in fail(tmp_path)
    (tmp_path / "out/stale").touch()
    main(arguments(tmp_path, "--overwrite"))
    assert not (tmp_path / "out/stale").exists()


def test_a_folder_of_something_else_is_never_overwritten(tmp_path):
    write_corpus(tmp_path)
    said = fail(tmp_path, "--overwrite", "--output", str(tmp_path / "audio"))
    assert "was not made by this command" in said
    assert len(list((tmp_path / "audio").iterdir())) == 12


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--table", "missing.tsv"], "missing.tsv: no such file"),
        (["--text", "en", "fr"], "no column 'fr'.*'id', 'en', 'de'"),
        (["--id", "name"], "no column 'name'"),
        (["--groups", "1", "7"], r"no id has the group '7': the groups are \['1', '2'\]"),
        (["--group-pattern", "a_("], "not a regular expression"),
        (["--group-pattern", "a_1"], r"has no \(...\)"),
        (["--minimum-s", "30"], "0 < minimum <= maximum, got 30 and 20 s"),
        (["--maximum-s", "nan"], "--maximum-s must be a finite number, got nan"),
        (["--pause-s", "-1"], "pause must not be negative, got -1 s"),
        (["--longest-pause-s", "0.1"], "longest pause must not be below the shortest, got 0.1 and 0.3 s"),
        (["--limit", "0"], "--limit must be at least 1, got 0"),
        (["--output", "missing/out"], "missing: no such folder"),
        (["--audio-suffix", ".flac"], "gives no segment: 12 x unusable audio"),
        (["--maximum-s", "1.5", "--minimum-s", "1"], "gives no segment: 12 x too long"),
    ],
)
def test_bad_commands_get_one_message_and_leave_nothing(tmp_path, monkeypatch, more, message):
    write_corpus(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert re.search(message, fail(tmp_path, *more))


def test_a_table_that_is_empty_or_not_text_is_refused(tmp_path):
    write_corpus(tmp_path)
    (tmp_path / "table.tsv").write_text("")
    assert "no column 'id'" in fail(tmp_path)
    (tmp_path / "table.tsv").write_text("id\ten\tde\n")
    assert "gives no segment: it has no rows" in fail(tmp_path)
    (tmp_path / "table.tsv").write_bytes(b"id\ten\tde\na_1_0\t\xff\xfe\n")
    assert "not UTF-8" in fail(tmp_path)


def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    write_corpus(tmp_path)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("train.prepare.join.write_lists", interrupt)
    with pytest.raises(KeyboardInterrupt):
        main(arguments(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audio", "table.tsv"]
