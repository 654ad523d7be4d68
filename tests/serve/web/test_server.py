"""Clients of `simulst serve`, over a model whose every word depends on audio and prefix."""

import asyncio
import json
import urllib.request
from dataclasses import replace
from pathlib import Path

from tests.serve.web.conftest import alone, connect, serving, speak, text, text_of, until

POLICIES = [
    {"policy": "holdn"},
    {"policy": "holdn", "knob": 0},
    {"policy": "holdn", "knob": 1, "stability": "preview", "report": ["times"]},
    {"policy": "alignatt", "knob": 20},
    {"policy": "edatt", "knob": 0.3},
    {"policy": "local_agreement", "knob": 2},
    {"policy": "simulsa", "knob": 1},
    {"policy": "waitk", "knob": 2},
    {"policy": "waitk", "knob": 1, "target_lang": "zh"},
    {"policy": "offline"},
]


def get(url: str) -> bytes:
    return urllib.request.urlopen(url, timeout=30).read()


def test_a_stream_writes_the_same_alone_and_among_49_others(served, scripted, sound):
    """All policies at once, on a server whose steps take seven streams; they come and go at other times."""
    expected = [alone(served, sound, settings) for settings in POLICIES]

    async def one(place, uri):
        await asyncio.sleep(0.01 * place)
        settings = POLICIES[place % len(POLICIES)]
        return await text(uri, sound, settings, piece=331 + 400 * place)

    async def together(uri):
        return await asyncio.gather(*(one(place, uri) for place in range(50)))

    with serving(scripted, streams_at_once=7) as server:
        assert asyncio.run(together(server.uri)) == 5 * expected
        value = server.live.measurements.registry.get_sample_value
        steps = value("simulst_step_streams_count")
        assert value("simulst_step_streams_bucket", {"le": "8.0"}) == steps
        assert value("simulst_step_streams_bucket", {"le": "4.0"}) < steps
    assert len(set(expected)) >= 6


def test_pieces_of_any_size_give_the_same_text(served, sound):
    async def all_sizes():
        return await asyncio.gather(*(text(served.uri, sound, piece=piece) for piece in (100, 331, 40_000)))

    assert asyncio.run(all_sizes()) == [alone(served, sound, {})] * 3


def test_what_a_client_asks_for_is_told(served, sound):
    async def one():
        async with connect(served.uri) as client:
            report = ["times", "scores", "events", "sentences", "attention"]
            reported = await speak(client, sound, {"policy": "alignatt", "knob": 20, "report": report})
            return reported, await speak(client, sound, {"report": []})

    told, plain = asyncio.run(one())
    assert {answer["event"] for answer in told[:-1]} == {"read", "write"}
    words = [word for answer in told[:-1] for word in answer["words"]]
    assert " ".join(word["text"] for word in words) == text_of(told) == text_of(plain)
    assert all(word["heard_s"] <= word["written_s"] for word in words)
    waits = [answer["wait"] for answer in told if "wait" in answer]
    assert waits and all(wait["limit"] == -20.0 <= wait["score"] for wait in waits)
    looked = [one["attention"] for one in (*words, *waits)]
    assert all(one["step_s"] == 0.1 and one["weights"] and min(one["weights"]) >= 0 for one in looked)
    assert all(
        one["attention"]["begin_s"] + 0.1 * len(one["attention"]["weights"]) <= one["written_s"] + 0.1
        for one in words
    )
    assert [answer["heard_s"] for answer in told[:3]] == [0.2, 0.4, 0.6]
    assert {key for answer in plain[:-1] for key in answer} <= {"new", "deleted", "behind_s"}


def test_a_preview_ends_in_the_text_without_one_and_its_erasure_is_measured(served, sound):
    async def both():
        async with connect(served.uri) as client:
            shown = await speak(client, sound, {"stability": "preview"})
            return shown, await speak(client, sound, {"stability": "append"})

    shown, final = asyncio.run(both())
    assert text_of(shown) == text_of(final) == alone(served, sound, {})
    assert not any(answer.get("deleted") for answer in final)
    deleted = sum(len(answer.get("deleted", "").split()) for answer in shown)
    assert deleted > 0
    assert shown[-1]["normalised_erasure"] == round(deleted / len(text_of(final).split()), 4)
    grey = [answer["preview"] for answer in shown[:-1]]
    assert any(grey) and grey[-1] == ""


def test_a_client_that_catches_up_gets_one_decision_about_all_that_waits(served, sound):
    async def one(catch_up):
        async with connect(served.uri) as client:
            # All of it comes in one message, and so waits.
            return await speak(client, sound, {"report": ["events"], "catch_up": catch_up}, piece=len(sound))

    caught_up, in_chunks = (asyncio.run(one(catch_up)) for catch_up in (True, False))
    assert [answer.get("heard_s") for answer in caught_up] == [2.5, 2.5, None]
    assert text_of(caught_up)
    assert [answer.get("heard_s") for answer in in_chunks[:3]] == [0.2, 0.4, 0.6]
    assert text_of(in_chunks) == alone(served, sound, {})


def test_every_policy_has_a_preview_but_offline(served, sound):
    """Several words of it, also where the policy stops the search at its first READ."""
    policies = [settings for settings in POLICIES if settings["policy"] != "offline"]

    async def one(settings):
        async with connect(served.uri) as client:
            return await speak(client, sound, {**settings, "stability": "preview"})

    async def all_at_once():
        return await asyncio.gather(*map(one, policies))

    for settings, told in zip(policies, asyncio.run(all_at_once()), strict=True):
        assert text_of(told) == alone(served, sound, settings), settings
        longest = max(len(answer.get("preview", "").split()) for answer in told)
        assert longest >= 2 or settings.get("target_lang") == "zh", settings


def test_offline_has_nothing_to_preview(served, sound):
    async def client():
        async with connect(served.uri) as one:
            return await speak(one, sound, {"policy": "offline", "stability": "preview"})

    told = asyncio.run(client())
    assert told[0]["error"] == (
        "policy offline hears everything before its first word, so that there is nothing to preview: ask for "
        "the stability append, or for another policy (ignored)"
    )
    assert text_of(told) == alone(served, sound, {})


def test_only_final_words_are_counted(scripted, sound):
    async def client(uri):
        async with connect(uri) as one:
            return text_of(await speak(one, sound, {"stability": "preview"}))

    with serving(scripted) as server:
        said = asyncio.run(client(server.uri))
        value = server.live.measurements.registry.get_sample_value
        assert value("simulst_words_total") == len(said.split())
        assert value("simulst_deleted_words_total") > 0


def test_the_knob_turns_while_somebody_speaks(served, sound):
    """From holding nothing back to holding everything back, at 1 s."""

    async def client():
        async with connect(served.uri) as one:
            settings = {"policy": "holdn", "knob": 0, "report": ["events"]}
            return await speak(
                one, sound, settings, between=lambda start: {"knob": 50} if start == 16_000 else None
            )

    told = asyncio.run(client())
    writes_s = [answer["heard_s"] for answer in told if answer.get("event") == "write"]
    assert min(writes_s) < 1.0
    assert [at for at in writes_s if at > 1.0] == [2.5]


def test_a_new_policy_goes_on_where_the_old_one_stopped(served, sound):
    async def client():
        async with connect(served.uri) as one:
            turn = {12_800: {"policy": "local_agreement"}, 25_600: {"policy": "waitk", "knob": 1}}
            return await speak(one, sound, {"policy": "holdn", "knob": 1}, between=turn.get)

    told = asyncio.run(client())
    assert not any("error" in answer for answer in told)
    assert len(text_of(told).split()) > 2


def test_settings_of_one_stream_that_are_not_those_of_the_next(served, sound):
    """Languages and the sample rate are; policies stay."""

    async def client():
        async with connect(served.uri) as one:
            first = await speak(one, sound, {"policy": "waitk", "knob": 1, "target_lang": "zh"})
            return text_of(first), text_of(await speak(one, sound))

    waitk = {"policy": "waitk", "knob": 1}
    expected = [alone(served, sound, {**waitk, "target_lang": "zh"}), alone(served, sound, waitk)]
    assert list(asyncio.run(client())) == expected
    assert expected[0] != expected[1]


def test_what_cannot_be_is_told_and_ignored(served, sound):
    wrong = {
        0: {"polcy": "reina"},
        1600: {"policy": "alinatt"},
        3200: {"knob": "high"},
        4800: {"policy": "offline"},
        6400: {"target_lang": "fr"},
        8000: {"stability": "wobbly"},
        9600: {"knob": 1.5},
        11_200: {},
    }

    async def client():
        async with connect(served.uri) as one:
            return await speak(one, sound, between=wrong.get)

    told = asyncio.run(client())
    assert sorted(answer["error"] for answer in told if "error" in answer) == [
        "'fr' is asked for in mid-stream: the stream goes on with 'de' written, and another language needs "
        "a new stream (ignored)",
        "a stream that hears everything first, or does not, stays so: begin a new one (ignored)",
        "held_tokens must be a whole number, got 1.5 (a number) (ignored)",
        "knob must be a number, got 'high' (text) (ignored)",
        "stability must be one of append, preview, got 'wobbly' (ignored)",
        "there is no key 'polcy': did you mean 'policy'? (ignored)",
        "there is no policy 'alinatt': did you mean 'alignatt'? (ignored)",
    ]
    assert text_of(told) == alone(served, sound, {})


def test_a_client_that_is_ahead_is_told_and_loses_nothing(scripted, sound):
    async def client(uri):
        async with connect(uri) as one:
            return await speak(one, sound, piece=3200)

    with serving(scripted, buffered_audio_s=1.0) as server:
        told = asyncio.run(client(server.uri))
        expected = alone(server, sound, {})
    behind_s = [answer["behind_s"] for answer in told if "behind_s" in answer]
    assert behind_s and max(behind_s) <= 1.0 + 0.2
    assert text_of(told) == expected


def test_health_metrics_settings_and_page(served, sound):
    asyncio.run(text(served.uri, sound))
    until(lambda: json.loads(get(f"{served.url}health")) == {"status": "ok", "clients": 0})
    told = get(f"{served.url}metrics").decode()
    [audio] = [line for line in told.splitlines() if line.startswith("simulst_audio_seconds_total")]
    assert float(audio.split()[1]) >= 2.5
    settings = json.loads(get(f"{served.url}settings"))
    assert settings["model"] == "reina-mini" and settings["chunk_ms"] == 200
    assert [one["name"] for one in settings["policies"]][:2] == ["holdn", "alignatt"]
    page = urllib.request.urlopen(served.url, timeout=30)
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert b"<title>" in page.read()


def test_a_chunk_that_is_longer_than_may_wait_is_heard(scripted, sound):
    agent = replace(scripted, chunk_ms=1500)
    with serving(agent, buffered_audio_s=1.0) as server:
        assert asyncio.run(text(server.uri, sound)) == alone(server, sound, {})


def test_a_full_disk_ends_the_log_of_sessions_and_no_session(scripted, sound, caplog):
    with serving(scripted, session_log=Path("/dev/full")) as server:
        assert asyncio.run(text(server.uri, sound)) == alone(server, sound, {})
    [told] = [one.getMessage() for one in caplog.records if "/dev/full" in one.getMessage()]
    assert told == "/dev/full: No space left on device: sessions go on, and are logged no further"
