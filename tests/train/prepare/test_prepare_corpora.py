"""Each corpus layout becomes clips and texts that agree; bad rows are listed with the reason."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.sound.audio import read_audio
from tests.train.prepare.prepared import prepare, rows_of, skipped_of, tone, write
from train.prepare import main


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
