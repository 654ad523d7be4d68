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


@pytest.mark.parametrize(
    "told, has_gpu, words, device",
    [
        ("cpu", False, [], "cpu"),
        ("cpu", True, [], "cuda"),
        ("cuda:1", True, [], "cuda:1"),
        (None, True, [], "cuda"),
        ("cpu", True, ["--device", "cpu"], "cpu"),
    ],
)
def test_the_gpu_is_taken_where_there_is_one(told, has_gpu, words, device, tmp_path, monkeypatch):
    pytest.importorskip("simulstream", reason="simulstream is not installed: pip install -e '.[serve]'")
    file, served = tmp_path / "processor.yaml", []
    file.write_text("type: x\n" + ("" if told is None else f"device: {told}\n"), encoding="utf-8")
    monkeypatch.setattr("torch.cuda.is_available", lambda: has_gpu)
    monkeypatch.setattr("serve.container.start._serve", lambda config, options: served.append(config))
    assert main([str(file), *words]) == 0
    assert served[0].device == device


def test_a_processor_that_cannot_be_made_is_one_line(tmp_path, capsys):
    pytest.importorskip("simulstream", reason="simulstream is not installed: pip install -e '.[serve]'")
    file = tmp_path / "processor.yaml"
    file.write_text("type: serve.processor.StreamingProcessor\nagent: waitk\nbean: 2\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="^error: .*there is no option 'bean': did you mean 'beam'"):
        main([str(file)])


def test_a_port_at_which_nobody_listens_is_not_healthy(unused_port):
    assert not is_healthy(unused_port)
