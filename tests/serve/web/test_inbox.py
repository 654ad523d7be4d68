"""Audio in pieces of any size leaves in chunks of one, in order with messages."""

import asyncio

import numpy as np
import pytest

from foundation.errors import InputError
from serve.web.client_message import ClientMessage, ClientOptions
from serve.web.inbox import MOST_MESSAGES, Chunk, Inbox

END = ClientMessage(ClientOptions(), ends=True)
TURN = ClientMessage(ClientOptions(knob=3.0))


def everything(inbox: Inbox, catch_up: bool = False) -> list[Chunk | ClientMessage]:
    async def take():
        found = []
        while True:
            try:
                found.append(await asyncio.wait_for(inbox.take(catch_up), 0.01))
            except TimeoutError:
                return found

    return asyncio.run(take())


def samples(count: int, start: int = 0) -> bytes:
    return np.arange(start, start + count, dtype=np.int16).tobytes()


@pytest.mark.parametrize("size", [1, 7, 100, 199, 200, 201, 1000])
def test_chunks_do_not_depend_on_pieces(size):
    inbox = Inbox(chunk_ms=200, default_rate=1000)
    for start in range(0, 1000, size):
        inbox.put_audio(samples(min(size, 1000 - start), start), now_s=start / 1000)
    inbox.put_audio(samples(50, 1000), now_s=1.0)
    assert inbox.waiting_s == pytest.approx(1.05)
    inbox.put_message(END)
    *found, end = everything(inbox)
    assert [len(chunk.samples) for chunk in found] == [200] * 5 + [50]
    assert np.concatenate([chunk.samples for chunk in found]).tolist() == list(range(1050))
    assert end == END
    assert inbox.waiting_s == pytest.approx(0)


def test_a_message_stands_where_it_was_sent():
    inbox = Inbox(200, 1000)
    inbox.put_audio(samples(200), 0.0)
    inbox.put_message(TURN)
    inbox.put_audio(samples(100), 0.0)
    inbox.put_message(TURN)
    inbox.put_audio(samples(100), 2.0)
    kinds = [len(one.samples) if isinstance(one, Chunk) else "turn" for one in everything(inbox)]
    assert kinds == [200, "turn", "turn", 200]


def test_another_rate_cuts_a_chunk():
    inbox = Inbox(200, 1000)
    inbox.put_audio(samples(150), 0.0)
    inbox.put_message(ClientMessage(ClientOptions(sample_rate=2000)))
    inbox.put_audio(samples(400), 0.0)
    first, _, second = everything(inbox)
    assert [(len(one.samples), one.sample_rate) for one in (first, second)] == [(150, 1000), (400, 2000)]


def test_chunks_of_a_rate_that_does_not_divide_follow_each_other_without_a_gap():
    inbox = Inbox(25, 11_025)
    inbox.put_audio(samples(11_025), 0.0)
    lengths = [len(chunk.samples) for chunk in everything(inbox)]
    assert (len(lengths), sum(lengths), set(lengths)) == (40, 11_025, {275, 276})


def test_a_chunk_knows_when_its_last_sample_came():
    inbox = Inbox(200, 1000)
    inbox.put_audio(samples(150), 1.0)
    inbox.put_audio(samples(150), 2.0)
    inbox.put_audio(samples(100), 3.0)
    assert [chunk.arrived_s for chunk in everything(inbox)] == [2.0, 3.0]


def test_half_a_sample_is_refused():
    with pytest.raises(InputError, match="^audio comes in samples of 16 bits, and a message has 3 bytes"):
        Inbox(200, 1000).put_audio(b"abc", 0.0)


def test_room_comes_back_as_audio_leaves():
    async def run():
        inbox = Inbox(200, 1000)
        inbox.put_audio(samples(1000), 0.0)
        room = asyncio.create_task(inbox.has_room(0.7))
        for waiting_s in (1.0, 0.8):
            await asyncio.sleep(0)
            assert not room.done() and inbox.waiting_s == pytest.approx(waiting_s)
            await inbox.take()
        await asyncio.wait_for(room, 1)

    asyncio.run(run())


def test_messages_need_room_too():
    """A client whose answers wait could fill the memory by them, at no more than a second of audio."""

    async def run():
        inbox = Inbox(200, 1000)
        for _ in range(MOST_MESSAGES + 1):
            inbox.put_message(TURN)
        room = asyncio.create_task(inbox.has_room(1.0))
        await asyncio.sleep(0)
        assert not room.done()
        assert await inbox.take() == TURN
        await asyncio.wait_for(room, 1)

    asyncio.run(run())


def caught_up(*items: int | ClientMessage, chunk_ms: int = 200) -> list[int | str]:
    """What a client that catches up takes of so many samples, and messages: samples, and "message"."""
    inbox = Inbox(chunk_ms, 1000)
    for item in items:
        if isinstance(item, int):
            inbox.put_audio(samples(item), 0.0)
        else:
            inbox.put_message(item)
    found = everything(inbox, catch_up=True)
    return [len(one.samples) if isinstance(one, Chunk) else "message" for one in found]


@pytest.mark.parametrize(
    "pieces, taken",
    [
        ([300] * 7, [2100]),
        ([2050], [2050]),
        ([2000], [200] * 10),  # so much may wait
        ([150], []),
        ([11_500], [5000, 5000] + [200] * 7),
        ([4990, 20, 20], [5000]),
    ],
)
def test_what_waits_is_one_chunk_for_those_who_catch_up(pieces, taken):
    assert caught_up(*pieces) == taken


def test_a_chunk_of_those_who_catch_up_is_never_shorter_than_the_servers():
    assert caught_up(13_000, chunk_ms=6000) == [6000, 6000]
    assert caught_up(6000, chunk_ms=3000) == [3000, 3000]
    assert caught_up(*[100] * 70, chunk_ms=3000) == [5000]


def test_chunks_of_those_who_are_not_behind_arrived_when_they_did():
    inbox = Inbox(500, 1000)
    for number in range(1, 16):
        inbox.put_audio(samples(100), number / 10)
    assert [chunk.arrived_s for chunk in everything(inbox, catch_up=True)] == [0.5, 1.0, 1.5]


def test_messages_stand_where_they_were_sent_for_those_who_catch_up_too():
    rate = ClientMessage(ClientOptions(sample_rate=2000))
    assert caught_up(2900, TURN, 2700, END, 100, rate) == [2900, "message", 2700, "message", 100, "message"]
    assert caught_up(100, TURN, 2450) == ["message", 2550]
    # What waits behind a message counts, too.
    assert caught_up(1000, TURN, 1000, TURN, 1000)[:3] == [1000, "message", 200]
