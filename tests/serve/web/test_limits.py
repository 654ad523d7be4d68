"""Who may be a client, and how many."""

import asyncio
import time

import pytest

from foundation.errors import InputError
from serve.web.client_message import read_message
from serve.web.limits import Admission, Gate, Pace


def test_clients_are_counted_in_all_and_for_each_address():
    gate = Gate(clients=3, clients_per_address=2)
    with gate.place("a"), gate.place("a"):
        with pytest.raises(InputError, match="^this server has 2 clients from your address"), gate.place("a"):
            pass
        with gate.place("b"), pytest.raises(InputError, match="^this server has 3 clients, and takes no"):
            with gate.place("c"):
                pass
        assert gate.open == 2
    assert gate.open == 0


@pytest.mark.parametrize(
    ("host", "headers", "allowed"),
    [
        ("127.0.0.1", {"host": "localhost:8080"}, True),
        ("127.0.0.1", {"host": "localhost:8080", "origin": "http://localhost:8080"}, True),
        ("127.0.0.1", {"host": "localhost:8080", "origin": "http://localhost:9090"}, False),
        ("127.0.0.1", {"host": "localhost:8080", "origin": "http://evil.org"}, False),
        ("127.0.0.1", {"host": "localhost:8080", "origin": "null"}, False),
        ("127.0.0.1", {"host": "evil.org:8080", "origin": "http://evil.org:8080"}, False),
        ("127.0.0.1", {"host": "localhost:8080", "origin": "https://a.org"}, True),
        ("0.0.0.0", {"host": "mine.org:8080", "origin": "http://mine.org:8080"}, True),
        ("0.0.0.0", {"host": "mine.org:8080", "origin": "http://evil.org"}, False),
        ("127.0.0.1", {"host": "[::1"}, False),
        ("0.0.0.0", {"host": "mine.org:8080", "origin": "http://["}, False),
    ],
)
def test_pages_of_others_may_not_connect(host, headers, allowed):
    assert Admission(host, ("https://a.org",), None).allows_page(headers) is allowed


@pytest.mark.parametrize(
    ("headers", "query", "allowed"),
    [
        ({}, {}, False),
        ({"authorization": "Bearer open"}, {}, True),
        ({}, {"token": "open"}, True),
        ({}, {"token": "opens"}, False),
        ({}, {"token": "ö"}, False),
    ],
)
def test_a_token_opens_the_server(headers, query, allowed):
    assert Admission("127.0.0.1", (), "open").allows(headers, query) is allowed
    assert Admission("127.0.0.1", (), None).allows(headers, query)


def test_messages_beyond_the_pace_wait():
    async def run():
        pace, started_s = Pace(50), time.monotonic()
        for _ in range(60):
            await pace.wait()
        return time.monotonic() - started_s

    assert asyncio.run(run()) >= 0.15


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", "a message must be JSON, got '{'"),
        ("[]", "a message must be an object such as {}, got '[]'"),
        ("[" * 100_000, "a message must be JSON, got '[[["),
        ('{"sample_rate": "fast"}', "sample_rate must be a whole number, got 'fast'"),
        ('{"sample_rate": 0}', "sample_rate must be at least 1000, got 0"),
        ('{"knob": NaN}', "knob must be a finite number, got nan"),
        (
            '{"report": "time"}',
            "report must be one of times, scores, events, sentences, attention, got 'time'",
        ),
        ('{"knob": 1' + "0" * 5000 + "}", "a message must be JSON"),
    ],
)
def test_messages_that_cannot_be_used(text, error):
    with pytest.raises(InputError) as told:
        read_message(text, 0.0)
    assert str(told.value).startswith(error)
    assert len(str(told.value)) < 300
