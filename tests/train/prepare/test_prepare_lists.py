"""Lists for SimulEval from a manifest."""

from functools import partial

import pytest

from agents.test_set.input_lists import read_references
from foundation.errors import InputError
from tests.foundation.run_here import run_here
from train.commands import PREPARE

main = partial(run_here, PREPARE["lists"])


def manifest(folder, *rows):
    for name in "ab":
        (folder / f"{name}.wav").write_bytes(b"")
    file = folder / "manifest.tsv"
    file.write_text("id\taudio\tseconds\ten\tde\n" + "".join("\t".join(row) + "\n" for row in rows), "utf-8")
    return file


def test_lists_hold_the_rows_in_order(tmp_path):
    file = manifest(tmp_path, ("a", "a.wav", "1", "one", "eins"), ("b", "b.wav", "2", "two", "zwei"))
    main(["--manifest", str(file), "--languages", "de", "--output", str(tmp_path / "test")])
    assert (tmp_path / "test" / "source.txt").read_text() == f"{tmp_path}/a.wav\n{tmp_path}/b.wav\n"
    assert (tmp_path / "test" / "target.de.txt").read_text() == "eins\nzwei\n"


def test_a_text_with_other_line_ends_stays_one_line(tmp_path):
    file = manifest(tmp_path, ("a", "a.wav", "1", "one", "eins\u2028zwei\x85\x0cdrei\u00a0vier"))
    main(["--manifest", str(file), "--languages", "de", "en"])
    assert (tmp_path / "target.de.txt").read_bytes() == b"eins zwei drei vier\n"
    assert read_references(str(tmp_path / "target.de.txt")) == ["eins zwei drei vier"]


def test_a_path_that_would_be_read_as_another_is_refused(tmp_path):
    file = manifest(tmp_path, ("a", "a .wav", "1", "one", "eins"))
    (tmp_path / "a .wav").write_bytes(b"")
    main(["--manifest", str(file), "--languages", "de"])
    assert (tmp_path / "source.txt").read_text() == f"{tmp_path}/a .wav\n"
    (tmp_path / "b.wav ").write_bytes(b"")
    file = manifest(tmp_path, ("b", "b.wav ", "1", "one", "eins"))
    with pytest.raises(InputError, match="readers of lists take the outer spaces off"):
        main(["--manifest", str(file), "--languages", "de", "--output", str(tmp_path / "test")])
    assert not list((tmp_path / "test").iterdir())


def test_lists_that_would_fall_out_of_step_are_refused(tmp_path):
    file = manifest(tmp_path, ("a", "a.wav", "1", "one", "eins"), ("b", "b.wav", "2", "two", ""))
    with pytest.raises(InputError, match="no text in de for 1 rows: b"):
        main(["--manifest", str(file), "--languages", "de"])
    assert not (tmp_path / "source.txt").exists()


def test_beginnings_of_clips_are_refused(tmp_path):
    """A list names files, all of which SimulEval hears."""
    (tmp_path / "a.wav").write_bytes(b"")
    file = tmp_path / "manifest.tsv"
    file.write_text("id\taudio\tseconds\theard_ms\tde\na\ta.wav\t2\t\teins zwei\na@1\ta.wav\t2\t1000\teins\n")
    with pytest.raises(InputError, match=r"beginnings of clips \(heard_ms\), of which .* hear all: a@1"):
        main(["--manifest", str(file), "--languages", "de"])
    assert not (tmp_path / "source.txt").exists()
