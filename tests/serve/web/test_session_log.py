"""Session logs: readable by simulstream's readers whatever clients said, and however the server ended."""

import asyncio
import json
from types import SimpleNamespace

import pytest

pytest.importorskip("simulstream", reason="simulstream is not installed: pip install -e '.[serve]'")

from simulstream.metrics.readers import LogReader

from foundation.errors import InputError
from serve.web.session_log import SessionLog
from serve.web.shown_text import ShownText
from tests.serve.web.conftest import connect, serving, speak, text_of

JOINED = SimpleNamespace(detokenizer_type="simuleval", latency_unit="char")


def read(path) -> dict[str, str]:
    """The final text of each stream, as simulstream reads it."""
    outputs = LogReader(JOINED, str(path)).final_outputs_and_latencies()
    return {name: one.final_text for name, one in outputs.items()}


def test_streams_without_names_and_with_previews_are_read(scripted, sound, tmp_path):
    log = tmp_path / "log.jsonl"

    async def client(uri):
        async with connect(uri) as one:
            told = [await speak(one, sound, {"stability": "preview"})]
            told.append(await speak(one, sound, {"stability": "append", "metrics_metadata": {"of": "me"}}))
            told.append(await speak(one, sound, {"metrics_metadata": {"wav_name": "talk.wav"}}))
            return [text_of(one).strip() for one in told]

    with serving(scripted, session_log=log) as server:
        said = asyncio.run(client(server.uri))
    assert {name: text.strip() for name, text in read(log).items()} == dict(
        zip(("stream_1", "stream_2", "talk"), said, strict=True)
    )
    assert json.loads(log.read_text().splitlines()[-1])["id"] == 3


def test_previews_without_spaces_are_read(tmp_path):
    """Readers take back whole tokens, and a preview of Chinese changes within what came as one."""
    log, shown = SessionLog(tmp_path / "log.jsonl"), ShownText()
    number = log.new_stream()
    log.note_metadata(number, None)
    for at_s, (text, preview) in enumerate([("", "今天天"), ("今天", "天空"), ("", "天气"), ("天气好", "")]):
        change = shown.write(text, preview)
        log.note_decision(number, at_s, 0.1, change.new, change.deleted, in_characters=True)
    log.close()
    assert read(tmp_path / "log.jsonl") == {"stream_1": shown.final_text} == {"stream_1": "今天天气好"}


def test_a_stream_into_chinese_is_logged_in_characters(scripted, sound, tmp_path):
    log = tmp_path / "log.jsonl"

    async def client(uri):
        async with connect(uri) as one:
            return text_of(await speak(one, sound, {"stability": "preview", "target_lang": "zh"}))

    with serving(scripted, session_log=log) as server:
        said = asyncio.run(client(server.uri))
    assert read(log) == {"stream_1": said}
    lines = [json.loads(line) for line in log.read_text().splitlines()[1:]]
    assert {len(token) for line in lines for token in line["generated_tokens"]} == {1}


def test_the_next_server_goes_on_with_other_numbers(tmp_path):
    path = tmp_path / "log.jsonl"
    for _ in range(2):
        log = SessionLog(path)
        for text in ("one", "two"):
            number = log.new_stream()
            log.note_metadata(number, None)
            log.note_decision(number, 1.0, 0.1, text, "")
        log.close()
    assert read(path) == {"stream_1": "one", "stream_2": "two", "stream_3": "one", "stream_4": "two"}


def test_half_a_line_is_taken_off(tmp_path, caplog):
    path = tmp_path / "log.jsonl"
    whole = '{"id": 7, "metadata": {"wav_name": "a.wav"}}\n'
    path.write_text(whole + '{"id": 7, "total_aud')
    log = SessionLog(path)
    assert path.read_text() == whole
    assert log.new_stream() == 8
    assert "ends within a line, which is taken off" in caplog.text


@pytest.mark.parametrize("content", ["notes\n", "notes", '{"id": "a"}\n', "[]\n", "\n"])
def test_another_file_is_refused_and_left_as_it_is(content, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(InputError, match="notes.txt, line 1: this is no line of a session log"):
        SessionLog(path)
    assert path.read_text() == content
