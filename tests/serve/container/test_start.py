"""Starting the server by hand: what is wrong is one line, and signals end it."""

import pytest

from serve.container.healthy import is_healthy
from serve.container.start import main


@pytest.mark.parametrize(
    "words, error",
    [
        (["none.yaml"], "error: none.yaml does not exist"),
        (["--port", "0", "some.yaml"], "error: --port must be at least 1, got 0"),
        (["--idle-s", "-1", "some.yaml"], "error: --idle-s must be above 0, got -1.0"),
    ],
)
def test_a_file_or_flag_that_cannot_be_used_is_one_line(words, error, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    told = capsys.readouterr().err
    assert told.startswith(error) and told.count("\n") == 1


def test_a_port_at_which_nobody_listens_is_not_healthy(unused_port):
    assert not is_healthy(unused_port)
