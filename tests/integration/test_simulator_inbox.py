"""The webhook receiver, over real loopback connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from relay.simulator.inbox import Answer, Inbox, Received
from tests.support.clock import START_US, FakeClock


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def post(http: aiohttp.ClientSession, inbox: Inbox, id_: str = "msg_1", path: str = "/hook") -> int:
    async with asyncio.timeout(5), http.post(inbox.url(path), data=b"{}", headers={"webhook-id": id_}) as answer:
        await answer.read()
        return answer.status


async def test_what_arrives_is_written_down(http: aiohttp.ClientSession) -> None:
    async with Inbox(FakeClock()) as inbox:
        assert await post(http, inbox) == 200
        await inbox.wait_for(1)
        received = inbox.received[0]
        assert (received.path, received.webhook_id, received.body) == ("/hook", "msg_1", b"{}")
        assert (received.at, received.at_us, received.status) == (1_000.0, START_US, 200)
        assert received.headers["webhook-id"] == "msg_1"


async def test_answers_come_in_the_order_asked_for_and_then_as_before(http: aiohttp.ClientSession) -> None:
    async with Inbox(FakeClock()) as inbox:
        inbox.answer(500, Answer(429, headers={"Retry-After": "3"}), path="/a")
        inbox.always(204)
        assert [await post(http, inbox, path="/b")] == [204]
        assert [await post(http, inbox, path="/a") for _ in range(3)] == [500, 429, 204]
        inbox.always(410, path="/a")
        assert [await post(http, inbox, path=path) for path in ("/a", "/b")] == [410, 204]


async def test_a_duplicate_is_what_was_delivered_before_on_the_same_path(http: aiohttp.ClientSession) -> None:
    async with Inbox(FakeClock()) as inbox:
        inbox.answer(503)
        for id_, path in [("1", "/a"), ("1", "/a"), ("1", "/b"), ("2", "/a")]:
            await post(http, inbox, id_, path)
        assert (inbox.arrived, inbox.unique, inbox.duplicates) == (4, 3, 0)
        await post(http, inbox, "2", "/a")
        assert (inbox.unique, inbox.duplicates, inbox.times_delivered("2", "/a")) == (3, 1, 2)
        assert [received.duplicate for received in inbox.at("/a")] == [False, False, False, True]


async def test_an_answer_can_be_late_hang_or_reset(http: aiohttp.ClientSession) -> None:
    clock = FakeClock()
    async with Inbox(clock) as inbox:
        inbox.answer(Answer(delay=20), Answer(reset=True), Answer(hang=True))
        late = asyncio.create_task(post(http, inbox))
        await inbox.wait_for(1)
        assert inbox.unique == 0
        await clock.advance(20)
        assert await late == 200
        with pytest.raises(aiohttp.ClientConnectionError):
            await post(http, inbox, "msg_2")
        hanging = asyncio.create_task(post(http, inbox, "msg_3"))
        await inbox.wait_for(3)
        hanging.cancel()
        assert (inbox.unique, [received.status for received in inbox.received]) == (1, [200, 0, 0])


async def test_a_bounded_inbox_forgets_bodies_and_goes_on_counting(http: aiohttp.ClientSession) -> None:
    seen: list[Received] = []
    async with Inbox(FakeClock(), keep=2, on_received=seen.append) as inbox:
        for id_ in ("1", "2", "3", "1"):
            await post(http, inbox, id_)
        assert (len(inbox.received), inbox.arrived, inbox.unique, inbox.duplicates) == (2, 4, 3, 1)
        assert len(seen) == 4


async def test_it_comes_back_on_the_same_port_and_remembers(http: aiohttp.ClientSession) -> None:
    inbox = Inbox(FakeClock())
    await inbox.start()
    url = inbox.url()
    await post(http, inbox)
    await inbox.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(http, inbox)
    await inbox.start()
    assert inbox.url() == url
    await post(http, inbox)
    assert inbox.duplicates == 1
    await inbox.stop()


async def test_waiting_for_what_does_not_come_times_out() -> None:
    async with Inbox(FakeClock()) as inbox:
        with pytest.raises(TimeoutError):
            await inbox.wait_for(1, timeout=0.01)
