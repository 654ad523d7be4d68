"""Folders that take long: whole or not there, continued after any interruption; processes keep the order."""

import json
import os

import pytest

from foundation.errors import InputError
from train.journal import Journal
from train.unfinished_folder import NothingUsable, unfinished_folder
from train.worker_processes import in_order

OFFSET = 0


def double(rows):
    return [OFFSET + 2 * row for row in rows]


def set_offset(offset):
    global OFFSET
    OFFSET = offset


def die(row):
    os._exit(1)


def refuse(row):
    raise InputError(f"row {row} is bad")


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


def test_two_processes_do_not_fill_one_folder(tmp_path):
    with (
        unfinished_folder(tmp_path / "out", {}),
        pytest.raises(InputError, match="another process fills"),
        unfinished_folder(tmp_path / "out", {}),
    ):
        pass


def test_what_is_there_stays_unless_it_is_to_be_replaced(tmp_path):
    (tmp_path / "mine").mkdir()
    with (
        pytest.raises(InputError, match="exists: name another output"),
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
        range(5), 2, lambda rows: calls.append(list(rows)) or sum(rows), 1, entry=lambda result: result + 1
    )
    assert entries == ["earlier", 6, 5] and calls == [[2, 3], [4]]
    assert Journal(tmp_path).work_through(range(5), 2, None, 1) == ["earlier", 6, 5]


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_keep_the_order_of_the_tasks(jobs, monkeypatch):
    monkeypatch.setattr(f"{__name__}.OFFSET", 0)
    tasks = [[i, i + 1] for i in range(20)]
    results = list(in_order(double, tasks, jobs, set_offset, (100,)))
    assert results == [[100 + 2 * i, 102 + 2 * i] for i in range(20)]


def test_errors_of_processes_reach_the_user():
    with pytest.raises(InputError, match="row 0 is bad"):
        list(in_order(refuse, range(20), 2))
    with pytest.raises(InputError, match="died.*fewer --jobs"):
        list(in_order(die, range(20), 2))
