"""Manifests come back as they were written; what cannot be used is named, missing clips all at once."""

import re
from pathlib import Path

import pytest

from foundation.errors import InputError
from train.data.manifest import (
    AUDIO_COLUMNS,
    LABEL_COLUMNS,
    NOTES,
    Row,
    check_language_codes,
    read_manifest,
    write_manifest,
)

PAGE = Path(__file__).parents[3] / "docs/MANIFEST.md"


def write(path, *lines):
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_rows_come_back_as_written(tmp_path):
    rows = [
        Row(
            "a",
            {"en": "One\u2028line.", "de": "Eins"},
            tmp_path / "a.flac",
            1.25,
            {"voice": "x", "speed": "1.000"},
        ),
        Row("b", {"en": "Two"}, tmp_path / "b.flac", 2.0, {}),
    ]
    write_manifest(tmp_path / "m.tsv", rows, ["en", "de"])
    manifest = read_manifest(tmp_path / "m.tsv")
    assert manifest.languages == ("en", "de")
    assert manifest.rows == (Row("a", {"en": "One line.", "de": "Eins"}, *vars_of(rows[0])), rows[1])


def vars_of(row):
    return row.audio, row.seconds, row.notes


def test_the_file_is_what_the_docstring_says(tmp_path):
    write_manifest(tmp_path / "m.tsv", [Row("a", {"de": "Eins"}, tmp_path / "a.flac", 1.0, {})], ["en", "de"])
    text = (tmp_path / "m.tsv").read_text()
    assert text == f"id\taudio\tseconds\ten\tde\na\t{tmp_path}/a.flac\t1.000\t\tEins\n"
    write_manifest(tmp_path / "t.tsv", [Row("a", {"de": "Eins"})], ["en", "de"])
    assert (tmp_path / "t.tsv").read_text() == "id\ten\tde\na\t\tEins\n"


def test_the_page_has_a_table_that_is_read_and_names_all_columns(tmp_path):
    page = PAGE.read_text(encoding="utf-8")
    (table,) = re.findall(r"```tsv\n(.*?)```", page, re.DOTALL)
    (tmp_path / "m.tsv").write_text(table, encoding="utf-8")
    manifest = read_manifest(tmp_path / "m.tsv")
    assert manifest.languages == ("en", "de", "fr")
    assert [(row.id, row.seconds, sorted(row.texts)) for row in manifest.rows] == [
        ("talk_0001", 3.42, ["de", "en", "fr"]),
        ("talk_0002", 2.1, ["de", "en"]),
    ]
    described = set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\|([^|]*)\|", page, re.MULTILINE))))
    assert {"id", *AUDIO_COLUMNS, *LABEL_COLUMNS, *NOTES} <= described


def test_paths_start_from_the_manifest_and_empty_text_means_none(tmp_path):
    write(tmp_path / "m.tsv", "id\taudio\ten\tde", "a\tsub/a.wav\t \tEins", "b\t/b.wav\tTwo\t")
    first, second = read_manifest(tmp_path / "m.tsv").rows
    assert (first.audio, first.texts, first.seconds) == (tmp_path / "sub/a.wav", {"de": "Eins"}, None)
    assert (str(second.audio), second.texts) == ("/b.wav", {"en": "Two"})


def test_chosen_languages_are_kept(tmp_path):
    write(tmp_path / "m.tsv", "id\ten\tde\tfr", "a\tone\teins\tun")
    assert read_manifest(tmp_path / "m.tsv", ["fr", "en"]).rows[0].texts == {"fr": "un", "en": "one"}


def test_missing_clips_are_counted_and_twenty_are_named(tmp_path):
    (tmp_path / "3.wav").touch()
    write(tmp_path / "m.tsv", "id\taudio\ten", *(f"{i}\t{i}.wav\tx" for i in range(30)))
    with pytest.raises(InputError) as error:
        read_manifest(tmp_path / "m.tsv", needs_audio=True)
    message = str(error.value)
    assert "names 29 audio files that do not exist" in message
    named = re.findall(r"(\d+)\.wav", message)
    assert named == [str(i) for i in range(21) if i != 3]
    assert len(read_manifest(tmp_path / "m.tsv").rows) == 30


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], r"has no column 'id'"),
        (["id\ten"], "is empty: it has no rows"),
        (["name\ten", "a\tx"], "has no column 'id': its first line has 'name', 'en'"),
        (["id\ten", "a\tx\ty"], "line 2: 3 fields, but the header has 2"),
        (["id\ten", "a\tx", "\ty"], "line 3: the id is empty"),
        (["id\ten", "a\tx", "", "a\ty"], "has the id 'a' twice, in lines 2 and 4: give each row its own"),
        (["id\ten\ten", "a\tx\ty"], "has a column twice"),
        (["id\taudio", "a\tx.wav"], "has no column of text"),
        (["id\ten\tTranslation", "a\tx\ty"], "no language codes: 'Translation'"),
        (["id\tseconds\ten", "a\tlong\ty"], "line 2: 'long' is no number of seconds"),
        (["id\tseconds\ten", "a\t1\tx", "b\tnan\ty"], "m.tsv, line 3: 'nan' is no number of seconds"),
        (["id\tseconds\ten", "a\tinf\ty"], "m.tsv, line 2: 'inf' is no number of seconds"),
        (["id\tseconds\ten", "a\t0\ty"], "m.tsv, line 2: '0' s is no length: it must be above 0"),
        (["id\tseconds\ten", "a\t1e9\ty"], "must be above 0 and below 10000000"),
        (["id\tseconds\ten", "a\t-1\ty"], "m.tsv, line 2: '-1' s is no length: it must be above 0"),
        (["id\tseconds\ten", "a\t1:30\ty"], "m.tsv, line 2: '1:30' is no number of seconds"),
        (["id\tseconds\ten", "a\t0500\ty"], "m.tsv, line 2: '0500' is no number of seconds"),
        (["id\ten", "a\tx", "b\rc\ty"], "m.tsv, line 3: its id, audio or notes hold a control character"),
        (["id\taudio\ten", "a\tx\0.wav\ty"], "m.tsv, line 2: its id, audio or notes hold a control"),
        (["id\tseconds\ten", "a\t1_0\ty"], "m.tsv, line 2: '1_0' is no number of seconds"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, lines, message):
    with pytest.raises(InputError, match=message):
        read_manifest(write(tmp_path / "m.tsv", *lines))


def test_a_missing_file_a_missing_language_and_missing_audio_are_refused(tmp_path):
    path = write(tmp_path / "m.tsv", "id\ten", "a\tx")
    with pytest.raises(InputError, match="no such manifest"):
        read_manifest(tmp_path / "other.tsv")
    with pytest.raises(InputError, match="no column 'de': its languages are en"):
        read_manifest(path, ["de"])
    with pytest.raises(InputError, match="no column 'audio'"):
        read_manifest(path, needs_audio=True)
    path.write_bytes(b"id\ten\na\t\xff\n")
    with pytest.raises(InputError, match="m.tsv is not UTF-8"):
        read_manifest(path)
    with pytest.raises(InputError, match="no such manifest"):
        read_manifest(tmp_path / ("x" * 300))


def test_a_clip_whose_name_is_too_long_is_missing(tmp_path):
    path = write(tmp_path / "m.tsv", "id\taudio\ten", f"a\t{'x' * 300}.wav\tOne")
    with pytest.raises(InputError, match="m.tsv names 1 audio files that do not exist"):
        read_manifest(path, needs_audio=True)


def test_a_length_may_be_written_in_any_plain_way(tmp_path):
    lengths = ("2", "2.500", "0.25", "1e1", "12.5E-1")
    lines = [f"{number}\t{length}\tx" for number, length in enumerate(lengths)]
    rows = read_manifest(write(tmp_path / "m.tsv", "id\tseconds\ten", *lines)).rows
    assert [row.seconds for row in rows] == [2.0, 2.5, 0.25, 10.0, 1.25]


def test_another_spelling_of_a_language_leads_to_its_column(tmp_path):
    file = write(tmp_path / "m.tsv", "id\teng\tzh", "a\tone\t一")
    for spelling, column in (("cmn", "zh"), ("zh_TW", "zh"), ("en", "eng"), ("English", "eng")):
        with pytest.raises(InputError, match=f"no column '{spelling}'.*; did you mean '{column}'"):
            read_manifest(file, [spelling])


@pytest.mark.parametrize(
    ("code", "hint"),
    [("zh_TW", "write zh"), ("German", "write de"), ("", "a code such as"), ("Klingon", "a code such as")],
)
def test_what_could_not_be_read_back_names_no_column(code, hint):
    check_language_codes(["en", "pt-BR", "zho", "zh-Hant-TW"])
    with pytest.raises(InputError, match=f"'{code}' cannot name a language's column.*{hint}"):
        check_language_codes(["en", code])


def test_cut_clips_come_back_with_their_labels_empty_ones_too(tmp_path):
    rows = [
        Row("a", {"de": "Ein", "fr": ""}, tmp_path / "a.flac", 2.0, heard_ms=700, ends=False),
        Row("b", {"de": "Zwei"}, tmp_path / "b.flac", 2.0),
    ]
    write_manifest(tmp_path / "m.tsv", rows, ["de", "fr"])
    lines = (tmp_path / "m.tsv").read_text().splitlines()
    assert lines[0] == "id\taudio\tseconds\theard_ms\tends\tde\tfr"
    assert lines[1] == f"a\t{tmp_path}/a.flac\t2.000\t700\tno\tEin\t"
    manifest = read_manifest(tmp_path / "m.tsv")
    assert manifest.rows == tuple(rows)
    assert [(row.heard_s, row.heard_samples) for row in manifest.rows] == [(0.7, 11_200), (2.0, None)]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("-5\t", "line 2: heard_ms must be whole and above 0, got '-5'"),
        ("1.5\t", "line 2: heard_ms must be whole and above 0, got '1.5'"),
        (f"{'9' * 5000}\t", "line 2: heard_ms must be whole and above 0, got '999"),
        ("700\tmaybe", "line 2: ends must be yes, no or empty, got 'maybe'"),
    ],
)
def test_bad_cuts_are_named(tmp_path, cells, message):
    write(tmp_path / "m.tsv", "id\taudio\theard_ms\tends\tde", f"a\ta.wav\t{cells}\tEins")
    with pytest.raises(InputError, match=re.escape(message)):
        read_manifest(tmp_path / "m.tsv")


def test_what_is_heard_ends_before_the_clip_does(tmp_path):
    header = "id\taudio\tseconds\theard_ms\tde"
    write(tmp_path / "m.tsv", header, "a\ta.wav\t0.500\t500\tEins", "b\tb.wav\t0.500\t502\tZwei")
    with pytest.raises(InputError, match="line 3: heard_ms 502 lies behind the clip's end at 0.5 s"):
        read_manifest(tmp_path / "m.tsv")
