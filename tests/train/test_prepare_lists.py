"""Lists for SimulEval from a manifest."""

from functools import partial

import pytest

from foundation.errors import InputError
from tests.foundation.run_here import run_here
from train.commands import PREPARE

main = partial(run_here, PREPARE["lists"])


def manifest(folder, *rows):
    for name in "ab":
        (folder / f"{name}.wav").write_bytes(b"")
    file = folder / "manifest.tsv"
    file.write_text("id\taudio\tseconds\ten\tde\n" + "".join("\t".join(row) + "\n" for row in rows))
    return file


def test_lists_hold_the_rows_in_order(tmp_path):
    file = manifest(tmp_path, ("a", "a.wav", "1", "one", "eins"), ("b", "b.wav", "2", "two", "zwei"))
    main(["--manifest", str(file), "--languages", "de", "--output", str(tmp_path / "test")])
    assert (tmp_path / "test" / "source.txt").read_text() == f"{tmp_path}/a.wav\n{tmp_path}/b.wav\n"
    assert (tmp_path / "test" / "target.de.txt").read_text() == "eins\nzwei\n"


def test_lists_that_would_fall_out_of_step_are_refused(tmp_path):
    file = manifest(tmp_path, ("a", "a.wav", "1", "one", "eins"), ("b", "b.wav", "2", "two", ""))
    with pytest.raises(InputError, match="no text in de for 1 rows: b"):
        main(["--manifest", str(file), "--languages", "de"])
    assert not (tmp_path / "source.txt").exists()
