"""`simulst serve` with the shipped model: simulstream's own client, and several policies at once."""

import asyncio
import json
import subprocess
import sys

import pytest
import soundfile

from tests.serve.web.conftest import alone, connect, serving, speak, text_of

POLICIES = [
    {"policy": "reina"},
    {"policy": "reina", "knob": -0.2, "target_lang": "fr"},
    {"policy": "alignatt", "knob": 38},
    {"policy": "local_agreement"},
    {"policy": "holdn", "knob": 8, "stability": "preview"},
]


@pytest.fixture(scope="module")
def reina(agent):
    with serving(agent, "reina", streams_at_once=4) as server:
        yield server


def test_the_client_of_simulstream_gets_the_words_of_simuleval(agent, captions, written, tmp_path):
    """It sends the last 0.1 s of a file twice, and prints nothing: the log of sessions holds the words."""
    pytest.importorskip("simulstream")
    clip, log = captions["caption_2"], tmp_path / "sessions.jsonl"
    soundfile.write(tmp_path / "clip.wav", clip, 16_000, subtype="PCM_16")
    (tmp_path / "talks.txt").write_text("clip.wav\n")
    with serving(agent, "reina", session_log=log) as server:
        client = [sys.executable, "-m", "simulstream.client.wav_reader_client", "--uri", server.uri]
        talks = ["--wav-list-file", str(tmp_path / "talks.txt"), "--src-lang", "en", "--tgt-lang", "de"]
        done = subprocess.run([*client, *talks], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[0]["metadata"]["wav_name"].endswith("clip.wav")
    assert lines[-1]["total_audio_processed"] == pytest.approx(len(clip) / 16_000 + 0.1, abs=0.01)
    said = "".join("".join(line.get("generated_tokens", [])) for line in lines).split()
    assert said[:4] == written(clip).words[:4]


def test_policies_and_languages_share_a_model_and_none_notices(reina, captions):
    clip = captions["caption_1"][:40_000]

    async def one(place):
        async with connect(reina.uri) as client:
            await asyncio.sleep(0.1 * place)
            return text_of(await speak(client, clip, POLICIES[place], piece=1000 + 700 * place))

    async def together():
        return await asyncio.gather(*map(one, range(len(POLICIES))))

    expected = [alone(reina, clip, settings) for settings in POLICIES]
    assert asyncio.run(together()) == expected
    assert len(set(expected)) == 2  # German and French: here policies differ in their times only


def test_words_have_the_times_at_which_they_were_heard(reina, captions, written):
    clip = captions["caption_1"]

    async def one():
        async with connect(reina.uri) as client:
            return await speak(client, clip, {"report": ["times", "scores", "sentences"]}, piece=331)

    told = asyncio.run(one())
    words = [word for answer in told[:-1] for word in answer["words"]]
    assert words[0] == {"text": "Eine", "heard_s": 0.78, "written_s": 1.25}
    assert [word["text"] for word in words] == written(clip).words == text_of(told).split()
    assert [word["written_s"] for word in words] == written(clip).times_s
    assert told[2]["wait"] == {"score": 0.1206, "limit": -0.18, "token": None}
    assert [end for answer in told[:-1] for end in answer["sentence_ends"]] == [len(text_of(told))]
