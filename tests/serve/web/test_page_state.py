"""What the page of `simulst serve` keeps of streams and connections, asked in a browser."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("playwright", reason="no browser driver: pip install -e '.[test]'")

from tests.serve.web.live_page import LivePage, live_page

# Answers of a server, and a WebSocket that a test opens and closes itself.
GIVEN = """
const say = (text, ends, place = 0) => ({
    new: text, deleted: "", heard_s: 1, sentence_ends: ends,
    words: text.trim().split(" ").map((word) => ({ text: word, heard_s: 1, written_s: 1 })),
});
class Socket {
    constructor() { this.readyState = 0; this.sent = []; Socket.all.push(this); }
    send(message) { this.sent.push(message); }
    open() { this.readyState = 1; this.onopen(); }
    closing() { this.readyState = 2; }
    closed(code) { this.readyState = 3; this.onclose({ code }); }
}
Socket.all = [];
"""


# Keeps the page's own sockets, so that a test can answer and close them.
KEEP_SOCKETS = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
    constructor(address) { super(address); window.sockets.push(this); }
};
"""


@pytest.fixture(scope="module")
def page(served) -> Iterator[LivePage]:
    with live_page(served.url, None) as live:
        live.page.add_init_script(KEEP_SOCKETS)
        live.open()
        yield live


def found(live: LivePage, script: str) -> Any:
    """What a script returns that knows GIVEN and may import the page's files."""
    return live.page.evaluate(f"async () => {{ {GIVEN} {script} }}")


def test_sentences_end_where_the_server_says_also_behind_a_cleared_page(page):
    assert found(
        page,
        """
        const { Transcript } = await import("/page/transcript.js");
        const transcript = new Transcript();
        transcript.begin();
        transcript.answer(say("One two.", [8]), 1);
        transcript.clear();
        transcript.answer(say(" Three four.", [20]), 1);
        transcript.answer(say(" Five.", [26]), 1);
        return transcript.sentences.map((sentence) => sentence.text);
        """,
    ) == ["Three four.", "Five."]


def test_characters_are_counted_as_the_server_counts_them(page):
    """It ends a sentence behind 21 of them, the first three of which are two each of JavaScript's own."""
    assert found(
        page,
        """
        const { Transcript } = await import("/page/transcript.js");
        const transcript = new Transcript();
        transcript.begin();
        transcript.answer(say("\\u{1F600}\\u{1F600}\\u{1F600} Hello, it is", []), 1);
        transcript.answer(say(" a b. And", [21]), 1);
        return transcript.sentences.map((sentence) => sentence.text);
        """,
    ) == ["😀😀😀 Hello, it is a b.", "And"]


def test_a_second_space_moves_no_end_of_a_later_sentence(page):
    """Nor does a preview, which is shown, and is not final."""
    assert found(
        page,
        """
        const { Transcript } = await import("/page/transcript.js");
        const transcript = new Transcript();
        transcript.begin();
        transcript.answer({ ...say("One  two.", [9]), words: say("One two.").words, preview: "" }, 1);
        transcript.answer({ ...say("", []), words: [], new: " Thr", preview: " Thr" }, 1);
        transcript.answer({ ...say(" Three.", [16]), deleted: " Thr", preview: "" }, 1);
        transcript.answer(say(" Four.", [22]), 1);
        return transcript.sentences.slice(-2).map((sentence) => sentence.text);
        """,
    ) == ["One two. Three.", "Four."]


def test_captions_of_hours_keep_no_paragraph_that_is_not_shown(page):
    kept, shown, last = found(
        page,
        """
        const { Captions } = await import("/page/captions.js");
        const box = document.createElement("div"), list = document.createElement("div");
        const captions = new Captions(box, list, document.createElement("div"));
        const sentences = [];
        for (let number = 0; number < 200; number++) {
            sentences.push({ words: [{ text: `${number}.`, continues: false }], text: `${number}.` });
            captions.draw({ sentences, open: null, preview: "" });
        }
        return [captions.shown.size, list.childElementCount, list.lastElementChild.textContent];
        """,
    )
    assert (kept, shown, last) == (40, 40, "199.")


def test_a_new_connection_begins_with_the_stream_and_not_with_sound_of_the_lost_one(page):
    """Sound that came while the connection closed has no rate: the server would hear it at its usual one."""
    assert found(
        page,
        """
        const { Connection } = await import("/page/connection.js");
        const own = window.WebSocket;
        Object.assign(Socket, { OPEN: 1 });
        window.WebSocket = Socket;
        try {
            const connection = new Connection("ws://localhost/");
            connection.onlost = () => { connection.say({ sample_rate: 48000 }); return false; };
            connection.connect();
            Socket.all[0].open();
            Socket.all[0].closing();
            connection.send(new Int16Array(4800));
            Socket.all[0].closed(1012);
            connection.send(new Int16Array(10));
            connection.connect();
            Socket.all[1].open();
            return Socket.all[1].sent.map((one) => (typeof one === "string" ? JSON.parse(one) : one.length));
        } finally {
            window.WebSocket = own;
        }
        """,
    ) == [{"sample_rate": 48_000}, 10]


def test_a_button_that_is_pressed_twice_begins_one_sound(page):
    """The browser asks the user meanwhile: two sounds would be mixed in one stream."""
    asked = page.page.evaluate(
        """async () => {
        let asked = 0;
        const own = navigator.mediaDevices;
        Object.defineProperty(navigator, "mediaDevices", { configurable: true, value: {
            getUserMedia: async () => { asked += 1; await new Promise((done) => setTimeout(done, 50));
                throw new DOMException("", "NotAllowedError"); } } });
        for (let times = 0; times < 3; times++) document.getElementById("microphone").click();
        await new Promise((done) => setTimeout(done, 100));
        document.getElementById("microphone").click();
        await new Promise((done) => setTimeout(done, 100));
        Object.defineProperty(navigator, "mediaDevices", { configurable: true, value: own });
        return asked;
        }"""
    )
    assert asked == 2
    page.until("The browser may not use the microphone", "#problem")


def test_how_far_the_server_is_behind_is_forgotten_with_its_connection(page, tmp_path):
    """A new one tells it once it is behind, too."""
    soundfile.write(tmp_path / "talk.wav", np.zeros(160_000, np.int16), 16_000)
    page.page.set_input_files("#picked", tmp_path / "talk.wav")
    page.until("Listening", "#state")
    page.page.evaluate(
        """() => sockets.at(-1).onmessage({ data: JSON.stringify({ new: "", deleted: "", behind_s: 9 }) })"""
    )
    page.until("Listening, 9 s behind", "#state")
    page.page.evaluate("() => sockets.at(-1).close()")
    page.until("Not connected", "#state")
    page.until("Listening", "#state")
    assert page.page.inner_text("#state") == "Listening"
    page.page.click("#file")
    page.until("Ready", "#state")


def test_the_servers_own_setting_is_kept_until_the_slider_is_moved(page):
    """Hold-n of 4, for which the ladder of the model has no place; the page took the middle one, 12."""
    script = """
        const { Choices } = await import("/page/choices.js");
        const choices = new Choices(await (await fetch("/settings")).json());
        const slider = document.getElementById("slider"), latency = document.getElementById("latency");
        const told = [[choices.wishes().knob ?? null, latency.textContent]];
        slider.value = 1;
        choices.movePace();
        told.push([choices.wishes().knob, latency.textContent]);
        document.getElementById("policy").value = "edatt";
        choices.showPolicy();
        told.push([choices.wishes().knob]);
        document.getElementById("policy").value = "holdn";
        choices.showPolicy();
        return told;
        """
    own, moved, other = found(page, script)
    assert own == [None, "as the server is setheld_tokens 4"]
    assert moved == [10, "sooner than sure1.3 s behind the speaker, as measured"]
    assert other == [0.007]


def test_a_file_is_heard_to_its_last_sample(page, tmp_path):
    """1.05 s are no whole number of pieces; the last of them came when the stream had been ended."""
    soundfile.write(tmp_path / "talk.wav", np.zeros(16_800, np.int16), 16_000)
    before_s = page.page.evaluate("() => transcript.sentS")
    page.page.set_input_files("#picked", tmp_path / "talk.wav")
    page.until("Stop", "#file")
    page.until("File", "#file")
    heard_s = page.page.evaluate("() => transcript.sentS") - before_s
    assert heard_s == pytest.approx(1.05, abs=0.01)
