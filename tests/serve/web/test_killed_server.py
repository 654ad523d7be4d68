"""A server that is killed (SIGKILL) and started again: what clients are told, and what is left of its log."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import soundfile

pytest.importorskip("playwright", reason="no browser driver: pip install -e '.[test]'")
pytest.importorskip("simulstream", reason="simulstream is not installed: pip install -e '.[serve]'")

from tests.evaluation.tiny_evaluation import ROOT
from tests.serve.web.live_page import live_page, microphone_file
from tests.serve.web.test_session_log import read


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def server(port, log) -> Iterator[subprocess.Popen]:
    """`simulst serve` as a process of its own, once it is ready."""
    words = [sys.executable, "-m", "simulst", "serve", "--port", str(port), "--session-log", str(log)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == f"ready at http://127.0.0.1:{port}/\n"
        yield process
    finally:
        process.kill()
        process.wait()


def simulstream_client(port, folder) -> subprocess.Popen:
    client = [sys.executable, "-m", "simulstream.client.wav_reader_client"]
    uri = ["--uri", f"ws://127.0.0.1:{port}/", "--wav-list-file", str(folder / "talks.txt")]
    return subprocess.Popen([*client, *uri], stderr=subprocess.PIPE, text=True)


def test_clients_say_so_connect_again_and_the_log_is_whole(captions, tmp_path):
    port, log = free_port(), tmp_path / "log.jsonl"
    clip = captions["caption_1"]
    talk = np.concatenate([clip, np.zeros(16_000, np.int16)] * 20)  # more than is translated before the end
    soundfile.write(tmp_path / "talk.wav", talk, 16_000, subtype="PCM_16")
    (tmp_path / "talks.txt").write_text("talk.wav\n")
    spoken = np.concatenate([clip, np.zeros(16_000, np.int16)] * 30)
    wav = microphone_file(tmp_path / "microphone.wav", spoken)
    with server(port, log) as process, live_page(f"http://127.0.0.1:{port}/", wav) as live:
        live.open()
        live.page.click("#microphone")
        live.until("Mantel")
        client = simulstream_client(port, tmp_path)
        while '"id": 2, "total_audio_processed"' not in log.read_text():
            live.page.wait_for_timeout(50)
        process.send_signal(signal.SIGKILL)
        live.until("The server is gone. This page connects again in", "#problem")
        assert "What you say is kept meanwhile." in live.page.inner_text("#problem")
        assert "no close frame received or sent" in client.communicate(timeout=60)[1]
        assert client.returncode == 1
        before = live.words()
        assert process.wait(60) == -signal.SIGKILL
        texts = read(log)  # which parses each line to the last
        assert set(texts) == {"stream_1", "talk"} and "Mantel" in texts["stream_1"]

        soundfile.write(tmp_path / "again.wav", clip, 16_000, subtype="PCM_16")
        (tmp_path / "talks.txt").write_text("again.wav\n")
        with server(port, log):  # at once: the port is free
            live.until("Listening", "#state")
            assert live.page.is_hidden("#problem")
            while len(live.words()) < len(before) + 3:
                live.page.wait_for_timeout(100)
            words = live.words()
            client = simulstream_client(port, tmp_path)
            assert client.communicate(timeout=120)[1] and client.returncode == 0
        assert words[: len(before)] == before
        assert all(word["heardS"] >= before[-1]["heardS"] for word in words[len(before) :])
        texts = read(log)
        assert set(texts) == {"stream_1", "talk", "stream_3", "again"} and "roten Mantel" in texts["again"]
        assert live.problems == []
