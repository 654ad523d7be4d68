"""Each corpus layout becomes clips and texts that agree; bad rows are listed with the reason."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from models.sound.audio import read_audio
from train.data.manifest import read_manifest
from train.prepare import main


def tone(path, seconds=1.0, rate=16_000, hertz=440.0, **form):
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate)) / rate
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * hertz * time), rate, **form)


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return str(path)


def prepare(*arguments):
    assert main([*map(str, arguments), "--jobs", "1"]) == 0


def rows_of(folder):
    return {row.id: row for row in read_manifest(folder / "manifest.tsv", needs_audio=True).rows}


def skipped_of(folder):
    lines = (folder / "skipped.tsv").read_text().splitlines()
    assert lines[0] == "id\treason\tdetail"
    return {line.split("\t")[0]: line.split("\t")[1] for line in lines[1:]}


def table(folder, *more, rows=()):
    write(folder / "corpus.tsv", "name\tfile\tenglish\tde", *rows)
    columns = ("--id", "name", "--audio", "file", "--text", "en=english", "de")
    return ("table", "--table", folder / "corpus.tsv", *columns, "--output", folder / "out", *more)


def test_a_table_of_any_columns(tmp_path):
    tone(tmp_path / "x.wav", 1.5, 8000)
    tone(tmp_path / "sub/y.flac", 0.5, 44_100)
    prepare(*table(tmp_path, rows=["a\tx.wav\t One  line. \tEins", "b\tsub/y.flac\t\tZwei"]))
    rows = rows_of(tmp_path / "out")
    assert rows["a"].texts == {"en": "One line.", "de": "Eins"} and rows["b"].texts == {"de": "Zwei"}
    assert rows["a"].audio == tmp_path / "x.wav"
    assert (rows["a"].seconds, rows["b"].seconds) == (1.5, 0.5)
    assert not skipped_of(tmp_path / "out") and not (tmp_path / "out/audio").exists()


def test_converted_clips_are_flac_at_sixteen_kilohertz(tmp_path):
    tone(tmp_path / "x.wav", 1.5, 8000)
    prepare(*table(tmp_path, "--convert", rows=["a/1\tx.wav\tOne\tEins"]))
    row = rows_of(tmp_path / "out")["a/1"]
    assert row.audio == tmp_path / "out/audio/a_1.flac"
    header = soundfile.info(row.audio)
    assert (header.samplerate, header.channels, header.frames, header.subtype) == (
        16_000,
        1,
        24_000,
        "PCM_16",
    )
    assert np.abs(read_audio(row.audio) - read_audio(tmp_path / "x.wav")).max() < 1e-4


def test_bad_rows_of_a_table_are_listed(tmp_path, capsys):
    tone(tmp_path / "x.wav", 1.0)
    tone(tmp_path / "long.wav", 3.0)
    tone(tmp_path / "short.wav", 0.05)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no audio")
    names = ("x", "long", "short", "empty", "text", "none")
    rows = [f"{name}\t{name}.wav\tOne\tEins" for name in names]
    rows += [
        "x\tx.wav\tagain\t",
        "silent\tx.wav\t\t",
        "\tx.wav\tno id\t",
        "few\tx.wav",
        "noisy\tx.wav\t(Laughter)\t",
    ]
    prepare(*table(tmp_path, "--maximum-s", "2", "--refuse", r"^\(", rows=rows))
    assert list(rows_of(tmp_path / "out")) == ["x"]
    assert skipped_of(tmp_path / "out") == {
        "line 11": "wrong number of fields",
        "x": "its id occurs before",
        "silent": "no text",
        "": "empty id",
        "noisy": "refused text",
        "long": "longer than 2 s",
        "short": "shorter than 0.1 s",
        "empty": "unusable audio",
        "text": "unusable audio",
        "none": "unusable audio",
    }
    shown = capsys.readouterr().out
    assert "1 clips, 0.00 hours" in shown and "skipped 10 rows (3 x unusable audio; " in shown


def test_a_table_without_any_usable_row_leaves_nothing(tmp_path, capsys):
    assert main([*map(str, table(tmp_path, rows=["a\tnone.wav\tx\ty"])), "--jobs", "1"]) == 1
    assert capsys.readouterr().err == (
        f"error: no row can be used: 1 x unusable audio (the first: a: {tmp_path}/none.wav: no such file: "
        f"correct the path (relative paths start from {Path.cwd()})): correct the input\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.tsv"]


def test_a_table_without_a_column_of_paths_says_so(tmp_path, capsys):
    tone(tmp_path / "x.wav")
    text = write(tmp_path / "corpus.tsv", "id\tpath\ten", "a\tx.wav\tOne", "b\tx.wav\tTwo")
    arguments = ["table", "--table", text, "--text", "en", "--output", str(tmp_path / "out"), "--jobs", "1"]
    assert main(arguments) == 1
    assert capsys.readouterr().err == (
        f"error: {text}, line 2: the id stands for the audio file {tmp_path}/a, which is not there, nor is "
        "that of any of the 2 rows: name the column of paths with --audio, or give --audio-dir and "
        "--audio-suffix\n"
    )
    assert main([*arguments, "--audio", "audio"]) == 1
    assert capsys.readouterr().err == (
        f"error: {text} has no column 'audio': its first line has 'id', 'path', 'en': name one that it has "
        "once\n"
    )
    assert main([*arguments, "--audio", "path"]) == 0


def test_an_asked_column_that_is_there_twice_is_refused(tmp_path, capsys):
    write(tmp_path / "x.tsv", "id\tpath\ten\ten", "a\tx.wav\tOne\tTwo")
    arguments = ("table", "--table", tmp_path / "x.tsv", "--audio", "path", "--text", "en")
    assert main([*map(str, arguments), "--output", str(tmp_path / "out")]) == 1
    assert "x.tsv has the column 'en' twice" in capsys.readouterr().err


def test_an_id_that_is_too_long_for_a_file_is_skipped(tmp_path):
    tone(tmp_path / "x.wav")
    prepare(*table(tmp_path, "--convert", rows=[f"{'a' * 300}\tx.wav\tOne\tEins", "b\tx.wav\tTwo\tZwei"]))
    assert list(rows_of(tmp_path / "out")) == ["b"]
    assert skipped_of(tmp_path / "out") == {"a" * 40: "its id cannot name a file"}


def test_an_interrupted_table_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    rows = [f"{i}\t{i}.wav\tText {i}\t" for i in range(40)]
    for i in range(40):
        tone(tmp_path / f"{i}.wav", 0.2 + 0.01 * i, hertz=300 + i)
    prepare(*table(tmp_path, "--convert", rows=rows))
    expected = (tmp_path / "out").rename(tmp_path / "undisturbed")

    heard = []

    def interrupted(path):
        heard.append(path.name)
        if len(heard) == 20:
            raise KeyboardInterrupt
        return read_audio(path)

    monkeypatch.setattr("train.prepare.corpora.clips.read_audio", interrupted)
    assert main([*map(str, table(tmp_path, "--convert", rows=rows)), "--jobs", "1"]) == 130
    assert "the same command continues" in capsys.readouterr().err
    prepare(*table(tmp_path, "--convert", rows=rows))
    assert heard[20:] == [f"{i}.wav" for i in range(16, 40)]
    for file in ("manifest.tsv", "skipped.tsv", "audio/17.flac"):
        assert (tmp_path / "out" / file).read_bytes() == (expected / file).read_bytes()


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


COVOST = (
    "path\tsentence\ttranslation\tclient_id",
    'a.mp3\tEr sagte \\"ja\\".\tHe said \\"yes\\".\tx',
    "gone.mp3\tWeg.\tGone.\tx",
)


def covost(folder, *more):
    languages = ("--source", "de", "--target", "en")
    clips = ("--clips", folder / "clips")
    return ("covost2", "--table", folder / "t.tsv", *clips, *languages, "--output", folder / "out", *more)


def test_covost_translates_the_mp3_files_of_common_voice(tmp_path):
    tone(tmp_path / "clips/a.mp3", 1.2, 48_000, format="MP3")
    write(tmp_path / "t.tsv", *COVOST)
    prepare(*covost(tmp_path))
    row = rows_of(tmp_path / "out")["a"]
    assert row.texts == {"de": 'Er sagte "ja".', "en": 'He said "yes".'}
    assert row.audio == tmp_path / "clips/a.mp3" and row.seconds == pytest.approx(1.2, abs=0.05)
    assert skipped_of(tmp_path / "out") == {"gone": "unusable audio"}


def test_cvss_has_no_header_and_finds_its_transcripts_elsewhere(tmp_path):
    tone(tmp_path / "clips/a.mp3", 1.2, 48_000, format="MP3")
    write(tmp_path / "t.tsv", "a.mp3\the said yes")
    write(tmp_path / "validated.tsv", "client_id\tpath\tsentence", "x\ta.mp3\tEr sagte ja.")
    prepare(*covost(tmp_path))
    assert rows_of(tmp_path / "out")["a"].texts == {"en": "he said yes"}
    prepare(*covost(tmp_path, "--transcripts", tmp_path / "validated.tsv", "--overwrite"))
    assert rows_of(tmp_path / "out")["a"].texts == {"de": "Er sagte ja.", "en": "he said yes"}


def test_another_table_is_no_covost(tmp_path, capsys):
    write(tmp_path / "t.tsv", "one\ttwo\tthree")
    assert main([*map(str, covost(tmp_path))]) == 1
    assert "neither CoVoST 2's table" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".flac", ".opus"])
def test_mls_finds_clips_by_speaker_and_book(tmp_path, suffix):
    form = {"format": "OGG", "subtype": "OPUS"} if suffix == ".opus" else {}
    tone(tmp_path / f"mls/train/audio/10/20/10_20_000001{suffix}", 1.0, **form)
    write(
        tmp_path / "mls/train/transcripts.txt",
        "10_20_000001\teins zwei",
        "11_20_1\tdrei",
        "odd\tvier",
        "five",
    )
    language = ("--split", "train", "--language", "de")
    prepare("mls", "--root", tmp_path / "mls", *language, "--output", tmp_path / "out")
    row = rows_of(tmp_path / "out")["10_20_000001"]
    assert row.texts == {"de": "eins zwei"} and row.seconds == pytest.approx(1.0, abs=0.01)
    assert skipped_of(tmp_path / "out") == {
        "line 4": "wrong number of fields",
        "odd": "its id is not SPEAKER_BOOK_NUMBER",
        "11_20_1": "unusable audio",
    }


def test_mls_without_audio_is_refused(tmp_path, capsys):
    write(tmp_path / "mls/train/transcripts.txt", "10_20_000001\teins")
    language = ("--split", "train", "--language", "de", "--output", str(tmp_path / "out"))
    assert main(["mls", "--root", str(tmp_path / "mls"), *language]) == 1
    assert "holds no .flac, .opus or .wav in SPEAKER/BOOK" in capsys.readouterr().err
