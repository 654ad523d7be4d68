"""`simulst translate`: words of files as they come, subtitles, files for each, and one line for bad input."""

import json
import os
import re
import signal
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from agents.live.output import output_paths
from agents.live.translate_arguments import TranslateArguments
from foundation.command_line import parse_with_keys
from foundation.errors import InputError
from simulst import main
from tests.agents.live.conftest import CLIPS
from tests.models.sound.recordings import write_recording, write_silent_film

CLIP, OTHER = str(CLIPS / "caption_1.flac"), str(CLIPS / "caption_2.flac")


@pytest.fixture
def translate(live, monkeypatch, capsys):
    """translate(*words): (exit status, standard output and error), with the model that is loaded already."""
    monkeypatch.setattr("agents.live.loading.load_live", lambda configuration, with_times: live)

    def run(*words) -> tuple[int, str, str]:
        try:
            status = main(["translate", *map(str, words)])
        except SystemExit as stop:
            status = stop.code
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture(scope="module")
def silence(tmp_path_factory):
    path = tmp_path_factory.mktemp("silence") / "silence.wav"
    soundfile.write(path, np.zeros(40_000, np.float32), 16_000)
    return str(path)


def test_a_pipe_gets_a_line_for_each_word(translate, live):
    status, out, err = translate(CLIP)
    assert status == 0
    lines = [line.split("\t") for line in out.splitlines()]
    assert [word for _, word in lines[:3]] == ["Eine", "Frau", "in"]
    assert [float(at_s) for at_s, _ in lines] == [word.written_s for word in live.stream(CLIP)]
    # Where that takes over half a minute, the progress stands before it.
    assert err.splitlines()[-1].startswith(f"caption_1.flac: 4.5 s, {len(lines)} words, real-time factor ")


def test_several_files_are_told_apart(translate):
    status, out, _ = translate(CLIP, OTHER)
    assert status == 0
    assert [line for line in out.splitlines() if line.startswith("#")] == [f"# {CLIP}", f"# {OTHER}"]
    status, out, _ = translate(CLIP, OTHER, "--format", "json")
    objects = [json.loads(line) for line in out.splitlines()]
    assert [one["source"] for one in objects if "source" in one] == [CLIP, OTHER]
    assert objects[1]["text"] == "Eine" and objects[1]["heard_s"] <= objects[1]["written_s"]


def test_several_files_get_subtitles_of_their_own(translate, tmp_path):
    status, out, _ = translate(CLIP, OTHER, "--format", "srt", "--output", tmp_path / "subtitles")
    assert (status, out) == (0, "")
    first, second = (tmp_path / "subtitles" / f"caption_{place}.srt" for place in (1, 2))
    assert first.read_text().startswith("1\n00:00:0") and "Eine Frau" in first.read_text()
    assert "Zwei Kinder" in second.read_text()
    status, _, err = translate(CLIP, OTHER, "--format", "srt", "--output", tmp_path / "subtitles")
    assert status == 1 and err.startswith(f"error: output {first} exists: name another --output, or add")


def test_text_in_a_file_is_sentences(translate, tmp_path):
    path = write_recording(tmp_path / "talk.m4a", soundfile.read(CLIP, dtype="float32")[0], 16_000)
    assert translate(path, "--output", tmp_path / "talk.txt")[:2] == (0, "")
    text = (tmp_path / "talk.txt").read_text()
    assert text.startswith("Eine Frau in einem roten Mantel") and text.count("\n") == 1
    (tmp_path / "talk.txt").write_text("earlier")
    assert translate(path, "--output", tmp_path / "talk.txt", "--overwrite")[0] == 0
    assert (tmp_path / "talk.txt").read_text() == text


def test_a_terminal_shows_words_and_how_far_it_is(translate, monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(getattr(sys, name), "isatty", lambda: True)
    monkeypatch.setattr("agents.live.progress.DRAWN_S", 0.0)
    status, out, err = translate(CLIP)
    assert status == 0
    assert (
        "Eine Frau in einem roten Mantel" in out and "caption_1.flac: 2." in out and "real-time factor" in out
    )
    assert "\t" not in out and err.count("\n") == 1
    # Lines that go to the terminal are left alone.
    status, out, err = translate(CLIP, "--format", "json")
    assert "\x1b" not in out + err


def test_elsewhere_a_line_says_now_and_then_how_far_it_is(translate, monkeypatch):
    monkeypatch.setattr("agents.live.progress.INTERVAL_S", 0.0)
    _, _, err = translate(CLIP)
    assert "caption_1.flac: 0.1 of 4.5 s heard, real-time factor" in err


def test_silence_is_told_and_the_others_are_translated(translate, silence, tmp_path):
    status, out, err = translate(silence, CLIP)
    assert status == 1 and "\tEine\n" in out
    assert err.splitlines()[-1] == (
        f"error: no words were written about {silence}, where nobody is heard to speak: listen to it, or "
        "decode silence, too, by --decode-silence"
    )
    assert translate(silence, "--format", "vtt", "--output", tmp_path / "none.vtt")[0] == 1
    assert not (tmp_path / "none.vtt").exists()


def test_channels_that_cancel_each_other_out_are_told(translate, captions, tmp_path, caplog):
    path = tmp_path / "anti.wav"
    soundfile.write(path, np.stack([captions["caption_1"], -captions["caption_1"]], 1), 16_000)
    assert translate(path)[0] == 1
    assert caplog.messages == [
        f"{path}: the average of its 2 channels has 0.0% of their energy, since they cancel each other out "
        "(opposite phase): give one channel of it"
    ]


def test_what_stood_in_a_file_that_is_replaced_never_stays(translate, silence, tmp_path):
    path = tmp_path / "talk.txt"
    path.write_text("An earlier translation.\n")
    assert translate(silence, "--output", path, "--overwrite")[0] == 1
    assert path.read_bytes() == b""


def test_a_recording_is_not_replaced_by_its_translation(translate, tmp_path):
    recording, other = tmp_path / "talk.flac", tmp_path / "link.txt"
    recording.write_bytes((CLIPS / "caption_1.flac").read_bytes())
    other.symlink_to(recording)
    for path in (recording, other):
        status, _, err = translate(recording, "--output", path, "--overwrite")
        assert status == 1
        assert err == f"error: output {path} is the recording {recording} itself: name another --output\n"
    assert recording.read_bytes() == (CLIPS / "caption_1.flac").read_bytes()


def test_a_full_disk_is_told_with_the_file(translate):
    status, _, err = translate(CLIP, "--output", "/dev/full", "--overwrite")
    assert status == 1
    assert err == "error: /dev/full: No space left on device: make room, or name another output\n"


def test_samples_that_cannot_be_used_are_told_with_their_file_and_place(translate, captions, tmp_path):
    samples = captions["caption_1"].copy()
    samples[20_000] = np.nan
    soundfile.write(tmp_path / "talk.wav", samples, 16_000, subtype="FLOAT")
    status, _, err = translate(tmp_path / "talk.wav")
    assert status == 1
    assert err.startswith(f"error: {tmp_path / 'talk.wav'}, behind 1.2 s: audio must be finite, got nan")


def test_closed_standard_streams_are_told(translate, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdin", None)
        assert translate("-")[2].startswith("error: standard input is closed")
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(InputError, match="standard output is closed: name a file by --output"):
        output_paths([CLIP], None, "text", False)


@pytest.fixture
def heeds_ctrl_c():
    """Programs in the background of a shell do not, nor does what they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("kind", ["json", "vtt"])
def test_ctrl_c_leaves_what_was_written_whole(translate, heeds_ctrl_c, tmp_path, kind):
    path = tmp_path / f"talk.{kind}"

    def interrupt():
        ends_s = time.monotonic() + 20
        while not path.exists() and time.monotonic() < ends_s:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    status, _, err = translate(CLIP, "--realtime", "--format", kind, "--output", path)
    thread.join()
    assert (status, err.splitlines()[-1]) == (130, "interrupted")
    text = path.read_text()
    if kind == "json":
        assert [json.loads(line)["text"] for line in text.splitlines()][:1] == ["Eine"]
    else:
        assert re.fullmatch(r"WEBVTT\n\n00:00:0\d\.\d{3} --> 00:00:0\d\.\d{3}\nEine .*\n\n", text, re.DOTALL)


def test_what_is_spoken_is_written_and_ctrl_c_ends_it(
    translate, heeds_ctrl_c, captions, monkeypatch, tmp_path
):
    class InputStream:
        active = True

        def __init__(self, callback, **_):
            self._callback = callback

        def __enter__(self):
            self._callback(captions["caption_1"][:, None], 71_600, None, None)
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()

        def __exit__(self, *error):
            pass

    sounddevice = SimpleNamespace(
        PortAudioError=OSError,
        InputStream=InputStream,
        query_devices=lambda device, kind: {"default_samplerate": 16_000.0},
        check_input_settings=lambda device, channels, samplerate: None,
    )
    monkeypatch.setitem(sys.modules, "sounddevice", sounddevice)
    before = signal.getsignal(signal.SIGINT)
    status, out, err = translate("--microphone")
    assert status == 0 and "\tEine\n" in out
    assert err.startswith("microphone: 4.5 s, ")
    assert signal.getsignal(signal.SIGINT) is before
    there = tmp_path / "talk.txt"
    there.write_text("An earlier translation.\n")
    status, _, err = translate("--microphone", "--output", there)
    assert status == 1 and err.startswith(f"error: output {there} exists: name another --output, or add")
    assert there.read_text() == "An earlier translation.\n"


def test_bad_input_is_told_in_one_line_before_a_model_is_loaded(tmp_path, monkeypatch, capsys):
    def load_nothing(*_):
        raise AssertionError("a model is loaded")

    monkeypatch.setattr("agents.live.loading.load_live", load_nothing)
    text = tmp_path / "talk.m4a"
    text.write_text("no audio " * 99)
    film = write_silent_film(tmp_path / "film.mp4")
    for words, said in [
        ([], "name recordings, before any --KEY VALUE (- is standard input), or give --microphone in"),
        ([CLIP, "--microphone"], "name recordings, before"),
        ([CLIP, "--input-device", "3"], "--input-device is of --microphone: give that, too"),
        (["-", "-"], "- stands for standard input, which is heard once: name it once"),
        ([tmp_path / "none.wav"], f"{tmp_path / 'none.wav'}: no such file"),
        ([CLIP, text], f"{text} is not audio that can be read"),
        ([film], f"{film} has no audio track: give a recording with sound"),
        ([CLIP, "--to", "germn"], "command line: there is no language 'germn': did you mean 'de' (German)?"),
        ([CLIP, "--agent", "riena"], "command line: there is no agent 'riena': did you mean 'reina'?"),
        ([CLIP, "--bean", "3"], "command line: there is no option 'bean': did you mean 'beam'?"),
        ([CLIP, "--beam", "0"], "command line: beam must be at least 1, got 0"),
        ([CLIP, "--model", "no/such/model"], "command line: model 'no/such/model' was not found"),
        ([CLIP, OTHER, "--format", "vtt"], "subtitles of 2 recordings need a file each"),
        ([CLIP, CLIP, "--output", tmp_path / "o"], "two recordings are called 'caption_1'"),
        ([CLIP, "--output", tmp_path], f"--output {tmp_path} is a folder: name the file to write"),
        ([CLIP, "--output", tmp_path / "no/x"], f"--output {tmp_path / 'no/x'}: there is no folder"),
    ]:
        assert main(["translate", *map(str, words)]) == 1, words
        out, err = capsys.readouterr()
        assert out == "" and err.startswith(f"error: {said}") and err.count("\n") == 1, err


def test_files_may_stand_behind_the_flags_of_the_command():
    def read(*words):
        return parse_with_keys(TranslateArguments, "simulst translate", "It translates.", words)

    options, keys = read("a.wav", "b.wav", "--from", "en", "--to", "fr", "--beam", "3")
    assert (options.files, options.from_, options.to, keys) == (
        ("a.wav", "b.wav"),
        "en",
        "fr",
        {"beam": ["3"]},
    )
    assert read("--realtime", "--to", "fr", "a.wav")[0].files == ("a.wav",)
    assert read("-", "--format", "srt")[0].files == ("-",)
    options, keys = read("a.wav", "--beam", "3", "--to", "fr", "--", "-b.wav", "--c.wav")
    assert (options.files, options.to, keys) == (("a.wav", "-b.wav", "--c.wav"), "fr", {"beam": ["3"]})
    assert read("--", "-b.wav")[0].files == ("-b.wav",)


def test_a_format_that_is_none_is_wrong_usage(translate):
    status, _, err = translate(CLIP, "--format", "subrip")
    assert status == 2 and "choose from" in err
