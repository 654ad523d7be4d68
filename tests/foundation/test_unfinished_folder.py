"""Folders that take long: whole or not there, continued after any interruption."""

import json
from pathlib import Path

import pytest

from foundation.errors import InputError
from foundation.files.journal import Journal, in_parts
from foundation.files.unfinished_folder import NothingUsable, unfinished_folder
from foundation.workers import Workers


def test_a_folder_appears_when_it_is_whole(tmp_path):
    with unfinished_folder(tmp_path / "out", {"seed": 1}) as folder:
        (folder / "a").touch()
        assert not (tmp_path / "out").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "settings.json"]
    assert json.loads((tmp_path / "out/settings.json").read_text()) == {"seed": 1}


def test_interrupted_work_goes_on_with_the_same_settings_only(tmp_path):
    with pytest.raises(KeyboardInterrupt), unfinished_folder(tmp_path / "out", {"seed": 1}) as folder:
        Journal(folder).append("done")
        raise KeyboardInterrupt
    with (
        pytest.raises(InputError, match="begun with seed 1, now it is 2"),
        unfinished_folder(tmp_path / "out", {"seed": 2}),
    ):
        pass
    with unfinished_folder(tmp_path / "out", {"seed": 1}) as folder:
        assert Journal(folder).entries == ["done"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["settings.json"]


def test_settings_may_change_while_nothing_is_done(tmp_path):
    with pytest.raises(KeyboardInterrupt), unfinished_folder(tmp_path / "out", {"seed": 1}):
        raise KeyboardInterrupt
    with unfinished_folder(tmp_path / "out", {"seed": 2}):
        pass
    assert json.loads((tmp_path / "out/settings.json").read_text()) == {"seed": 2}


def test_work_that_is_worth_nothing_leaves_nothing(tmp_path):
    with pytest.raises(NothingUsable), unfinished_folder(tmp_path / "out", {}) as folder:
        Journal(folder).append("done")
        raise NothingUsable("no row")
    assert not list(tmp_path.iterdir())


def test_a_folder_whose_replacement_was_killed_is_not_replaced_unasked(tmp_path):
    """Between the two renames of --overwrite the earlier folder stands beside its place."""
    (tmp_path / ".out.replaced").mkdir()
    (tmp_path / ".out.replaced/settings.json").write_text("{}")
    with (
        pytest.raises(InputError, match="exists: name another --output"),
        unfinished_folder(tmp_path / "out", {}),
    ):
        pass
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["settings.json"]


def test_two_processes_do_not_fill_one_folder(tmp_path):
    with (
        unfinished_folder(tmp_path / "out", {}),
        pytest.raises(
            InputError, match=r"another process \(\d+\) is writing .*out: wait for it, or name another output"
        ),
        unfinished_folder(tmp_path / "out", {}),
    ):
        pass


def test_what_is_there_stays_unless_it_is_to_be_replaced(tmp_path):
    (tmp_path / "mine").mkdir()
    with (
        pytest.raises(InputError, match="exists: name another --output, or add --overwrite"),
        unfinished_folder(tmp_path / "mine", {}),
    ):
        pass
    with (
        pytest.raises(InputError, match="not made by this command"),
        unfinished_folder(tmp_path / "mine", {}, overwrite=True),
    ):
        pass
    for content in "a", "b":
        with unfinished_folder(tmp_path / "out", {}, overwrite=True) as folder:
            (folder / content).touch()
    assert not (tmp_path / "out/a").exists() and (tmp_path / "out/b").exists()
    with pytest.raises(InputError, match="no such folder"), unfinished_folder(tmp_path / "no/out", {}):
        pass


def test_a_cut_line_of_the_journal_is_not_done(tmp_path):
    journal = Journal(tmp_path)
    journal.append(["ä", 1])
    journal.append(2)
    content = journal.path.read_bytes()
    journal.path.write_bytes(content + b'{"half')
    again = Journal(tmp_path)
    assert again.entries == [["ä", 1], 2]
    again.append(3)
    assert journal.path.read_bytes() == content + b"3\n"


def test_only_what_is_not_done_is_worked_out(tmp_path):
    Journal(tmp_path).append("earlier")
    calls = []
    entries = Journal(tmp_path).work_through(
        in_parts(range(5), 2),
        lambda rows: calls.append(list(rows)) or sum(rows),
        Workers(),
        entry=lambda result: result + 1,
    )
    assert entries == ["earlier", 6, 5] and calls == [[2, 3], [4]]
    assert Journal(tmp_path).work_through(in_parts(range(5), 2), None, Workers()) == ["earlier", 6, 5]


def test_a_damaged_journal_is_named_with_its_mend(tmp_path):
    (tmp_path / "journal.jsonl").write_bytes(b'1\n{"a": \n2\n')
    with pytest.raises(InputError, match=r"journal.jsonl is damaged \(line 2\): remove this file, and run"):
        Journal(tmp_path)
    (tmp_path / "journal.jsonl").write_bytes(b"1\n2\n3\n")
    with pytest.raises(InputError, match=r"damaged \(3 entries where there are 1 parts\)"):
        Journal(tmp_path).work_through(in_parts(range(2), 2), None, Workers())


def test_half_a_pair_of_surrogates_is_kept(tmp_path):
    Journal(tmp_path).append(["a\ud800", "ü"])
    assert Journal(tmp_path).entries == [["a\ud800", "ü"]]


def test_damaged_settings_are_named(tmp_path):
    (tmp_path / "out.unfinished").mkdir()
    Journal(tmp_path / "out.unfinished").append("done")
    (tmp_path / "out.unfinished/settings.json").write_text("{")
    with pytest.raises(InputError, match="settings.json is damaged: remove .*out.unfinished, and run"):
        with unfinished_folder(tmp_path / "out", {}):
            pass


def test_work_on_a_full_disk_is_kept_and_goes_on(tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="out: No space left on device: make room"):
        with unfinished_folder(tmp_path / "out", {}) as folder:
            Journal(folder).append("done")
            full()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.unfinished"]
    with unfinished_folder(tmp_path / "out", {}) as folder:
        assert Journal(folder).entries == ["done"]


def test_a_journal_that_the_disk_does_not_take_is_named(tmp_path):
    journal = Journal(tmp_path)
    journal.path = Path("/dev/full")
    with pytest.raises(InputError, match="/dev/full: No space left on device: make room"):
        journal.append("done")
    assert journal.entries == []
