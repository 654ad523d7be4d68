"""The page of `simulst serve`, used by a browser."""

import base64
import re

import pytest
import soundfile

pytest.importorskip("playwright", reason="no browser driver: pip install -e '.[test]'")

from foundation.errors import InputError
from tests.serve.web.conftest import serving
from tests.serve.web.live_page import live_page, microphone_file


@pytest.fixture(autouse=True)
def never_catches_up(monkeypatch):
    """What is said into a microphone is then the same however busy the machine is."""
    monkeypatch.setattr("serve.web.inbox.MAY_WAIT_S", 3600.0)


def test_a_microphone_is_captioned_within_the_policys_latency(agent, captions, tmp_path):
    """A word is on the page 1 s after it was written in the stream's own time, however busy the machine is:
    the server tells how long it computed, or waited for the processor, and that is taken off."""
    wav = microphone_file(tmp_path / "microphone.wav", captions["caption_1"])
    with serving(agent, "reina") as server, live_page(server.url, wav) as live:
        live.open()
        assert live.page.input_value("#policy") == "reina"
        assert "1.2 s behind the speaker" in live.page.inner_text("#latency")
        live.page.click("#microphone")
        live.until("Mantel")
        live.until("entlang")
        live.page.click("#microphone")
        live.until("Ready", "#state")
        until_end = live.page.inner_text("#sentences")
        words = live.words()
        unchosen = live.drawn_in("--accent")
        live.page.focus("#strip")
        live.page.keyboard.press("ArrowLeft")
        why = live.page.inner_text("#why")
        chosen = live.drawn_in("--accent")
        assert live.problems == []
    for said in ("Frau", "roten Mantel", "entlang"):
        assert said in until_end
    assert all(0 <= word["writtenS"] - word["heardS"] + 0.25 for word in words)
    slow = [
        word for word in words if word["delayS"] > word["writtenS"] - word["heardS"] + word["serverS"] + 1.0
    ]
    assert slow == []
    assert "was heard at" in why and "written at" in why
    assert re.search(r"Half of the attention: \d+\.\d to \d+\.\d s\.$", why)
    assert unchosen == 0 < chosen


def test_a_file_is_captioned_with_a_preview_and_taken_along(scripted, sound, tmp_path):
    soundfile.write(tmp_path / "talk.wav", sound, 16_000)
    with serving(scripted) as server, live_page(server.url, None) as live:
        live.open()
        live.page.check("#preview")
        live.page.set_input_files("#picked", tmp_path / "talk.wav")
        live.page.wait_for_selector("#sentences .grey")
        assert live.page.inner_text("#file") == "Stop"
        live.until("Ready", "#state")
        words = live.words()
        said = [word["text"] for word in words]
        assert len(said) > 5
        assert live.download("txt").split() == said
        subtitles = live.download("srt")
        assert subtitles.startswith("1\n00:00:00,") and " --> 00:00:" in subtitles
        assert live.download("vtt").startswith("WEBVTT\n\n00:00:00.")
        report = live.download("html")
        assert "<h1>Session report</h1>" in report and f"<td>{said[0]}<td>" in report
        live.page.hover("#words .word")
        assert "was heard at" in live.page.inner_text("#why")
        live.page.click("#clear")
        assert live.words() == []
        assert live.page.inner_text("#sentences") == ""
        assert live.page.is_disabled("#copy")
        assert live.problems == []


def test_the_sound_of_another_tab_is_captioned(agent, captions, tmp_path):
    """A tab that is chosen in the browser's list plays a talk; when it is closed, the page has done."""
    wav = microphone_file(tmp_path / "talk.wav", captions["caption_1"])
    sound = base64.b64encode(wav.read_bytes()).decode()
    with serving(agent, "reina") as server, live_page(server.url, None, tab="A talk") as live:
        live.open()
        talk = live.page.context.new_page()
        talk.set_content(f"<title>A talk</title><audio loop src='data:audio/wav;base64,{sound}'></audio>")
        live.page.bring_to_front()
        live.page.click("#tab")
        live.until("Listening", "#state")
        assert live.page.inner_text("#tab") == "Stop"
        talk.evaluate("() => document.querySelector('audio').play()")
        live.until("Mantel")
        talk.close()
        live.until("Ready", "#state")
        assert live.page.inner_text("#tab") == "Tab sound"
        assert "roten Mantel" in live.page.inner_text("#sentences")
        assert live.problems == []


def test_no_tab_is_shared(served):
    with live_page(served.url, None) as live:
        live.open()
        live.page.evaluate(
            """() => { navigator.mediaDevices.getDisplayMedia = () =>
            Promise.reject(new DOMException("Permission denied", "NotAllowedError")); }"""
        )
        live.page.click("#tab")
        live.until("No tab was shared: press again, choose a tab", "#problem")
        live.page.evaluate(
            """() => { navigator.mediaDevices.getDisplayMedia = async () =>
            document.createElement("canvas").captureStream(); }"""
        )
        live.page.click("#tab")
        live.until("The tab was shared without its sound", "#problem")
        live.page.evaluate("() => { navigator.mediaDevices.getDisplayMedia = undefined; }")
        live.page.click("#tab")
        live.until("This browser cannot share the sound of a tab", "#problem")
        assert live.problems == []


def test_previews_are_offered_where_there_are_any(scripted, sound, tmp_path):
    """Under AlignAtt, too, which stops the search; before any word is final grey text has its own line."""
    soundfile.write(tmp_path / "talk.wav", sound, 16_000)
    with serving(scripted) as server, live_page(server.url, None) as live:
        live.open()
        live.page.check("#preview")
        live.page.select_option("#policy", "offline")
        assert live.page.is_disabled("#preview")
        assert "hears everything first" in live.page.locator("label.check").get_attribute("title")
        assert "when all has been heard" in live.page.inner_text("#latency")
        live.page.set_input_files("#picked", tmp_path / "talk.wav")
        live.page.wait_for_selector(".sentence")
        live.until("Ready", "#state")
        assert live.page.is_hidden("#problem")
        live.page.click("#clear")
        live.page.select_option("#policy", "alignatt")
        live.page.set_input_files("#picked", tmp_path / "talk.wav")
        live.page.wait_for_selector("#sentences .sentence .grey")
        live.until("Ready", "#state")
        assert "grey words changed a word" in live.page.inner_text("#measured")
        assert "words of the preview changed" in live.download("html")
        assert live.page.locator(".grey").count() == 0
        assert live.problems == []


def test_a_stream_that_is_refused_is_not_asked_for_again(scripted, monkeypatch, sound, tmp_path):
    """Each of two languages may go with the server's other one, and both not together."""

    def prompt(tokenizer, source, target):
        if (source, target) == ("it", "fr"):
            raise InputError("this model cannot translate 'it' into 'fr'")
        return []

    monkeypatch.setattr(type(scripted.engine.engine.translator.tokenizer), "prompt", prompt)
    soundfile.write(tmp_path / "talk.wav", sound, 16_000)
    with serving(scripted) as server, live_page(server.url, None) as live:
        live.open()
        live.page.select_option("#source", "it")
        live.page.select_option("#target", "fr")
        live.page.set_input_files("#picked", tmp_path / "talk.wav")
        live.until("The server refuses this: this model cannot translate 'it' into 'fr'.", "#problem")
        live.page.wait_for_timeout(1500)
        assert live.page.inner_text("#state") == "Not connected"
        assert live.page.inner_text("#file") == "File"
        live.page.select_option("#source", "en")
        live.page.set_input_files("#picked", tmp_path / "talk.wav")
        live.page.wait_for_selector(".sentence")
        assert live.page.is_hidden("#problem")
        assert live.problems == []


def test_the_slider_turns_the_knob_of_the_stream(scripted, captions, tmp_path):
    wav = microphone_file(tmp_path / "microphone.wav", captions["caption_1"], after_s=60)
    with serving(scripted) as server, live_page(server.url, wav) as live:
        live.open()
        live.page.evaluate(
            """() => { window.sent = []; const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (data) {
                if (typeof data === "string") window.sent.push(data); return send.call(this, data); }; }"""
        )
        live.page.click("#microphone")
        live.page.wait_for_selector(".sentence")
        live.page.focus("#slider")
        live.page.keyboard.press("End")
        assert "as sure as can be" in live.page.inner_text("#latency")
        live.page.select_option("#policy", "waitk")
        live.page.select_option("#target", "fr")
        live.page.keyboard.press("p")
        sent = live.page.evaluate("() => window.sent.map(JSON.parse)")
        assert live.problems == []
    assert sent[0]["policy"] == "holdn" and sent[0]["target_lang"] == "de"
    assert sent[1] == {"policy": "holdn", "knob": 17}
    assert sent[2] == {"policy": "waitk", "knob": 3}
    assert sent[3] == {"end_of_stream": True}
    assert sent[4]["target_lang"] == "fr"


def test_what_is_wrong_is_told_in_words(scripted):
    with serving(scripted) as server, live_page(server.url, None) as live:
        live.open()
        live.page.click("#microphone")
        live.page.wait_for_selector("#problem:not([hidden])")
        told = live.page.inner_text("#problem")
        assert "microphone" in told and "Error" not in told
        live.page.set_input_files(
            "#picked", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no sound"}
        )
        live.until("“notes.txt” holds no sound that this browser can play", "#problem")
        assert live.problems == []


def test_the_page_connects_again_and_goes_on(scripted, captions, tmp_path):
    wav = microphone_file(tmp_path / "microphone.wav", captions["caption_1"], after_s=120)
    with serving(scripted) as server, live_page(server.url, wav) as live:
        live.open()
        live.page.click("#microphone")
        live.page.wait_for_selector(".sentence")
        before = len(live.words())
        port = server.port
        server.stop()
        live.until("The server", "#problem")
        assert "connects again" in live.page.inner_text("#problem")
        with serving(scripted, port=port):
            live.until("Listening", "#state")
            assert live.page.is_hidden("#problem")
            while len(live.words()) <= before:
                live.page.wait_for_timeout(100)
        assert live.words()[before]["heardS"] >= live.words()[before - 1]["heardS"]


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_wider_than_the_window(served, width):
    with live_page(served.url, None, viewport={"width": width, "height": 780}) as live:
        live.open()
        assert live.page.evaluate("() => document.documentElement.scrollWidth") <= width
        for name in ("microphone", "tab", "file", "pause", "copy", "slider", "policy"):
            box = live.page.locator(f"#{name}").bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width
        assert live.problems == []
