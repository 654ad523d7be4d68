"""Parallel texts become a manifest under the rules that were asked for; ids do not depend on the rules."""

import gzip

import pytest

from train.data.manifest import read_manifest
from train.prepare import main

EN = ("One dog runs.", "two  dogs", "", "A man & a dog.", "One dog runs.", "Far away.\u2028There.")
DE = ("Ein Hund läuft.", "zwei Hunde", "leer", "Ein Mann.", "Ein Hund rennt.", "Weit weg, und das ist lang.")


@pytest.fixture
def files(tmp_path):
    (tmp_path / "x.de").write_text("".join(line + "\n" for line in DE), encoding="utf-8")
    with gzip.open(tmp_path / "x.en.gz", "wt", encoding="utf-8", newline="\n") as file:
        file.write("\n".join(EN))  # the last line without its end
    return [
        "--files",
        f"en={tmp_path / 'x.en.gz'}",
        f"de={tmp_path / 'x.de'}",
        "--output",
        str(tmp_path / "out"),
    ]


def prepare(tmp_path, *arguments):
    assert main(["text", *arguments]) == 0
    rows = {row.id: row.texts for row in read_manifest(tmp_path / "out/manifest.tsv").rows}
    lines = [line.split("\t") for line in (tmp_path / "out/skipped.tsv").read_text().split("\n")[1:-1]]
    return rows, {line[0]: line[1] for line in lines}


def test_files_in_step_are_one_manifest(tmp_path, files):
    rows, skipped = prepare(tmp_path, *files)
    assert list(rows) == ["out_00000", "out_00001", "out_00003", "out_00004", "out_00005"]
    assert rows["out_00001"] == {"en": "two dogs", "de": "zwei Hunde"}
    assert rows["out_00005"]["en"] == "Far away. There."
    assert skipped == {"out_00002": "no text in en"}


@pytest.mark.parametrize(
    ("rules", "reasons"),
    [
        (["--minimum-words", "3"], {1: "fewer than 3 words"}),
        (["--maximum-words", "3"], {3: "more than 3 words"}),
        (["--minimum-ratio", "0.7"], {3: "length unlike the source's"}),
        (["--maximum-ratio", "1.5"], {5: "length unlike the source's"}),
        (["--unique"], {4: "occurs before"}),
        (["--refuse", "[&]|rennt"], {3: "refused text", 4: "refused text"}),
        (["--require", "^[A-Z]"], {1: "not as required"}),
    ],
)
def test_each_rule_skips_and_says_why(tmp_path, files, rules, reasons):
    rows, skipped = prepare(tmp_path, *files, "--prefix", "x", *rules)
    reasons = {2: "no text in en", **reasons}
    assert skipped == {f"x_{number:05d}": reason for number, reason in reasons.items()}
    assert list(rows) == [f"x_{number:05d}" for number in range(6) if number not in reasons]


def test_columns_of_a_table_and_rows_without_a_translation(tmp_path):
    (tmp_path / "t.tsv").write_text(
        "German\ten\tfr\nEins\tone\t\nZwei\t\tdeux\nDrei\t\t\nVier\n", encoding="utf-8"
    )
    table = ["--table", str(tmp_path / "t.tsv"), "--columns", "de=German", "en", "fr"]
    table += ["--output", str(tmp_path / "out")]
    rows, skipped = prepare(tmp_path, *table, "--incomplete")
    assert rows == {"out_00000": {"de": "Eins", "en": "one"}, "out_00001": {"de": "Zwei", "fr": "deux"}}
    assert skipped == {"line 5": "wrong number of fields", "out_00002": "no text in en"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda words: words[2:], "give either --files, or --table"),
        (lambda words: [*words, "--table", "t.tsv", "--columns", "en"], "give either --files, or --table"),
        (lambda words: [words[0], words[1].replace("en=", "English="), *words[2:]], "'English' cannot name"),
        (lambda words: [*words, "--refuse", "("], "--refuse '(' is not a regular expression"),
        (lambda words: [*words, "--minimum-words", "9"], "no row can be used: 5 x fewer than 9 words"),
        (lambda words: [*words, "--minimum-words", "3", "--maximum-words", "2"], "must be at least 3, got 2"),
    ],
)
def test_bad_commands_are_one_line(tmp_path, files, change, message, capsys):
    words = change(files)
    words = words if "--output" in words else [*words, "--output", str(tmp_path / "out")]
    words = [word for word in words if not word.startswith("de=")] if words[0] != "--files" else words
    assert main(["text", *words]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_files_out_of_step_or_damaged_are_refused(tmp_path, files, capsys):
    (tmp_path / "x.de").write_text("one line\n")
    assert main(["text", *files]) == 1
    assert (
        "not in step" in (message := capsys.readouterr().err)
        and "x.en.gz 6" in message
        and "x.de 1" in message
    )
    (tmp_path / "x.en.gz").write_bytes((tmp_path / "x.en.gz").read_bytes()[:30])
    assert main(["text", *files]) == 1
    assert "x.en.gz is damaged or not gzip" in capsys.readouterr().err
