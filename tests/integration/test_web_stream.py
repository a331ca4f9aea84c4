"""`GET /api/stream` over real sockets: what it tells, to whom, and what becomes of those who don't read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from relay.app import Relay
from relay.config.load import load
from relay.deliveries import Outcome, Verdict
from relay.errors import StoreBusyError
from relay.events import Source
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from relay.web.broadcast import KEPT_SECONDS, LISTENERS, Broadcast
from relay.web.connections import STUCK_SECONDS
from relay.web.desk import Readiness
from relay.web.server import Web
from relay.web.stream import KEEP_ALIVE_SECONDS, STATUS_SECONDS
from tests.support.alerts import fire
from tests.support.clock import FakeClock, settle
from tests.support.desk import FakeDesk, an_event
from tests.support.events import in_force
from tests.support.messages import message as a_message
from tests.support.process import webhook, write_config
from tests.support.sse import Listening, Sent, listening
from tests.support.waiting import until
from tests.support.web import BEARER, TOKEN, get, serving

DELIVERY = a_message().delivery
DOWN = Outcome(Verdict.RETRY, "503", "503 Service Unavailable", "an answer")


class House(NamedTuple):
    """A desk that is served, and the strings that a test pulls."""

    desk: FakeDesk
    broadcast: Broadcast
    clock: FakeClock
    client: aiohttp.ClientSession

    def store(self, *numbers: int) -> None:
        """Events are stored and told."""
        self.desk.events += [stored(number) for number in numbers]
        for number in numbers:
            self.broadcast.stored(in_force(number), Source.LIVE)


def stored(number: int) -> dict[str, object]:
    return {**an_event(number), "channel": "alerts.in_force"}


@pytest.fixture
async def house(desk: FakeDesk, clock: FakeClock) -> AsyncIterator[House]:
    desk.events = [stored(number) for number in range(1, 301)]
    broadcast = Broadcast(clock)
    async with serving(desk, clock=clock, broadcast=broadcast, request_seconds=0.02) as client:
        yield House(desk, broadcast, clock, client)


async def passing(house: House, seconds: float, coming: Callable[[], Awaitable[Sent]]) -> Sent:
    """What comes after so much time."""
    await settle()
    await house.clock.advance(seconds)
    async with asyncio.timeout(10):
        return await coming()


async def test_it_begins_with_how_to_come_back_and_how_it_stands(house: House) -> None:
    house.desk.readiness = Readiness(ready=False, reasons=("not connected",))
    async with listening(house.client) as stream:
        sent = await stream.next()
        assert (sent.name, sent.data["ready"], sent.data["reasons"]) == ("status", False, ["not connected"])
        assert stream.retry_ms == 3_000
        assert stream.response.headers["Cache-Control"] == "no-store"
        assert stream.response.headers["X-Accel-Buffering"] == "no"


async def test_a_stored_event_comes_as_the_listing_shows_it(house: House) -> None:
    async with listening(house.client) as stream:
        await stream.next("status")
        house.store(301)
        _, body = await get(house.client, "/api/events?limit=1")
        assert await stream.next() == Sent("event", body["items"][0], "301")


async def test_a_burst_is_looked_up_together_and_told_in_order(house: House) -> None:
    async with listening(house.client) as stream:
        await stream.next("status")
        house.store(*range(301, 451))
        ids = [int((await stream.next("event")).id or 0) for _ in range(150)]
        assert ids == list(range(301, 451))
        assert len([asked for asked in house.desk.asked if asked[0] == "events"]) == 2


async def test_what_an_attempt_came_to_is_told_without_what_was_answered(house: House) -> None:
    async with listening(house.client) as stream:
        await stream.next("status")
        house.broadcast.attempted(DELIVERY, DOWN, 0.12345)
        sent = await stream.next()
    assert sent.name == "delivery"
    assert sent.id is None
    assert sent.data == {
        "id": DELIVERY.id,
        "event": DELIVERY.event_key,
        "channel": "alerts.in_force",
        "destination": DELIVERY.destination,
        "outcome": "retry",
        "code": "503",
        "error": "503 Service Unavailable",
        "attempt": 1,
        "latency": 0.123,
        "at": sent.data["at"],
    }


async def test_the_status_comes_every_few_seconds_and_a_comment_where_nothing_else_does(house: House) -> None:
    async with listening(house.client) as stream:
        await stream.next("status")
        house.desk.readiness = Readiness(ready=False)
        sent = await passing(house, STATUS_SECONDS, stream.next)
        assert (sent.name, sent.data["ready"]) == ("status", False)
        sent = await passing(house, KEEP_ALIVE_SECONDS - STATUS_SECONDS, lambda: stream.next(""))
        assert sent.data == "keep-alive"


@pytest.mark.parametrize(
    ("query", "heard"),
    [
        ("", ["event", "delivery"]),
        ("?channel=alerts.in_force", ["event", "delivery"]),
        ("?channel=states", []),
        ("?channel=states&channel=alerts.in_force", ["event", "delivery"]),
        ("?destination=bot", ["event", "delivery"]),
        ("?destination=swing", []),
        ("?destination=swing&destination=bot", ["event", "delivery"]),
    ],
)
async def test_only_what_was_asked_for_comes(house: House, query: str, heard: list[str]) -> None:
    async with listening(house.client, query) as stream, listening(house.client) as everything:
        for one in (stream, everything):
            await one.next("status")
        house.store(301)
        await everything.next("event")
        house.broadcast.attempted(DELIVERY, DOWN, 0.1)
        await everything.next("delivery")
        house.broadcast.close()
        assert [sent.name for sent in await stream.rest()] == heard


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?channel=nowhere", "`channel` is one of alerts.in_force, "),
        ("?channel=", "`channel` is one of alerts.in_force, "),
        ("?channel=states&channel=nowhere", "`channel` is one of "),
        ("?destination=bto", "`destination` is one of bot, swing"),
        ("?destination=bot&destination=bto", "`destination` is one of bot, swing"),
        ("?destination=", "`destination` is one of bot, swing"),
        ("?" + "&".join(f"destination={n}" for n in range(101)), "`destination`: 100 of them at most"),
        ("?symbol=AAPL", "`symbol` chooses nothing here; there are channel and destination"),
        ("?channel=states&Destination=bot", "`Destination` chooses nothing here"),
    ],
)
async def test_a_choice_that_means_nothing_is_refused_with_what_would(house: House, query: str, said: str) -> None:
    status, body = await get(house.client, f"/api/stream{query}")
    assert (status, body["error"]["code"]) == (400, "bad_request")
    assert body["error"]["message"].startswith(said)
    assert house.broadcast.listeners == 0


async def test_a_stream_of_a_destination_opens_while_the_store_is_stuck(house: House) -> None:
    house.desk.gate = asyncio.Event()
    async with listening(house.client, "?destination=bot") as stream:
        await stream.next("status")
        house.broadcast.attempted(DELIVERY, DOWN, 0.1)
        assert (await stream.next()).name == "delivery"
    status, body = await get(house.client, "/api/stream?destination=bto")
    assert (status, body["error"]["message"]) == (400, "`destination` is one of bot, swing")


async def test_who_comes_back_is_shown_what_was_missed(house: House) -> None:
    async with listening(house.client, headers={"Last-Event-ID": "290"}) as stream:
        assert [(await stream.next("event")).id for _ in range(10)] == [str(number) for number in range(291, 301)]
        house.broadcast.stored(in_force(300), Source.LIVE)  # told as it was looked up: not shown twice
        house.store(301)
        assert (await stream.next("event")).id == "301"


async def test_who_was_away_for_long_is_told_that_there_is_a_gap(house: House) -> None:
    house.desk.events = [stored(number) for number in range(1, 901)]
    async with listening(house.client, headers={"Last-Event-ID": "1"}) as stream:
        assert await stream.next() == Sent("gap", {"lost": None})
        assert (await stream.next("event")).id == "601"


@pytest.mark.parametrize("held", [300, 0])
async def test_who_comes_back_with_a_number_of_another_store_is_told_so_and_hears_what_is_new(
    house: House, held: int
) -> None:
    del house.desk.events[held:]
    async with listening(house.client, headers={"Last-Event-ID": "50000"}) as stream:
        assert await stream.next() == Sent("gap", {"lost": None}, str(held) if held else None)  # whence it goes on
        house.broadcast.stored(in_force(held), Source.LIVE)  # told as it was looked up: not shown
        house.store(held + 1)
        assert (await stream.next("event")).id == str(held + 1)


async def test_who_comes_back_with_the_newest_number_has_missed_nothing(house: House) -> None:
    async with listening(house.client, headers={"Last-Event-ID": "300"}) as stream:
        assert (await stream.next()).name == "status"


@pytest.mark.parametrize("last", ["", "x", "-1", "0", "9" * 30, "1.5"])
async def test_a_number_that_is_none_is_passed_over(house: House, last: str) -> None:
    async with listening(house.client, headers={"Last-Event-ID": last}) as stream:
        assert (await stream.next()).name == "status"


async def test_events_that_can_not_be_looked_up_are_told_as_a_gap(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(house.client) as stream:
        await stream.next("status")

        async def unreadable(**_: object) -> None:
            raise StoreBusyError("the disk is full")

        with monkeypatch.context() as broken:
            broken.setattr(house.desk.archive, "list_events", unreadable)
            house.store(301, 302)
            assert await stream.next() == Sent("gap", {"lost": 2})
        await house.clock.advance(1)
        house.store(303)
        assert (await stream.next()).id == "303"


async def test_an_event_that_can_not_be_told_is_a_gap_and_ends_no_stream(house: House) -> None:
    async with listening(house.client) as stream:
        await stream.next("status")
        house.store(301, 302)
        house.desk.events[-2]["data"] = {"later": object()}
        assert [await stream.next(), (await stream.next()).id] == [Sent("gap", {"lost": 1}), "302"]
        await house.clock.advance(1)
        house.store(303)
        assert (await stream.next()).id == "303"
    async with listening(house.client, headers={"Last-Event-ID": "300"}) as stream:  # nor does it when it is asked for
        assert [await stream.next(), (await stream.next()).id] == [Sent("gap", {"lost": 1}), "302"]


async def test_one_more_than_may_is_asked_to_come_later(house: House) -> None:
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(listening(house.client)) for _ in range(LISTENERS)]
        async with house.client.get("/api/stream") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
            assert (await answer.json())["error"]["code"] == "too_many_streams"
        streams[0].response.close()
        await until(lambda: house.broadcast.listeners < LISTENERS)
        streams.append(await stack.enter_async_context(listening(house.client)))
        await streams[1].next("status")
        await house.clock.advance(KEPT_SECONDS)
        async with listening(house.client) as latest:
            await latest.next("status")
            await streams[1].rest()  # it was the eldest, and has ended; it would come back
            await streams[2].next("status")
            house.store(301)
            assert [(await one.next("event")).id for one in (latest, *streams[2:])] == ["301"] * LISTENERS


async def test_nothing_works_for_streams_while_nobody_listens(house: House) -> None:
    async with listening(house.client) as stream:
        await stream.next("status")
        assert any(task.get_name() == "stream" for task in asyncio.all_tasks())
    await until(lambda: not house.broadcast.listeners)
    await until(lambda: not any(task.get_name() == "stream" for task in asyncio.all_tasks()))
    house.store(301)
    assert house.broadcast.take_keys() == (set(), 0)


async def test_a_head_alone_can_not_be_asked_for(house: House) -> None:
    async with house.client.head("/api/stream") as answer:
        assert answer.status == 405


async def test_a_stream_is_as_closed_as_everything_else(desk: FakeDesk) -> None:
    async with serving(desk, "0.0.0.0", token=TOKEN) as client:
        assert (await get(client, "/api/stream"))[0] == 401
        assert (await get(client, "/api/stream", headers={**BEARER, "Host": "evil.example"}))[0] == 403
        async with listening(client, headers=BEARER) as stream:
            assert (await stream.next()).name == "status"


async def test_stopping_ends_a_stream_at_once(desk: FakeDesk, clock: FakeClock) -> None:
    web = Web(desk, clock=clock)
    await web.start("127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{web.port}") as client, listening(client) as stream:
        await stream.next("status")
        began = asyncio.get_running_loop().time()
        await web.stop()
        assert asyncio.get_running_loop().time() - began < 1.5  # requests under way would have 2 s
        assert await stream.rest() == []


async def test_who_reads_nothing_is_closed_and_keeps_no_one_waiting(house: House) -> None:
    assert house.client._base_url is not None
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        lazy.connect(("127.0.0.1", house.client._base_url.port))
        lazy.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with listening(house.client) as stream:
            await stream.next("status")
            await until(lambda: house.broadcast.listeners == 2)
            seen = 0
            for _ in range(60):
                for _ in range(100):
                    house.broadcast.attempted(DELIVERY, Outcome(Verdict.RETRY, "503", "x" * 2_000), 0.1)
                for _ in range(100):
                    await stream.next("delivery")
                    seen += 1
            assert seen == 6_000
            for _ in range(int(STUCK_SECONDS) + 2):
                await house.clock.advance(1)
            await until(lambda: house.broadcast.listeners == 1)


async def test_a_running_relay_streams_events_and_deliveries_also_after_a_reload(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    path = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, shutdown_grace="5s")
    relay = Relay(load(path, env={}), env={})
    async with AsyncExitStack() as stack:
        await relay.open(stack)
        running = asyncio.create_task(relay.run())
        client = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{relay.web.port}"))
        stream = await stack.enter_async_context(listening(client))
        try:
            while not (await stream.next("status")).data["ready"]:
                pass
            await told(simulator, stream)
            destinations = {"bot": webhook(inbox.url(), headers={"X-Changed": "yes"})}
            write_config(tmp_path, simulator, destinations, port=relay.web.port, shutdown_grace="5s")
            assert relay.reloader is not None
            changes = await relay.reloader.reload()
            assert changes.destinations.changed
            await told(simulator, stream)
        finally:
            relay.stop()
            async with asyncio.timeout(20):
                await running


async def told(simulator: Simulator, stream: Listening) -> None:
    """An alert is fired, and the stream tells that it was stored and delivered."""
    [fired] = fire(simulator, 1)
    async with asyncio.timeout(10):
        heard = {sent.name: sent.data for sent in [await stream.next("event", "delivery") for _ in range(2)]}
    assert heard["event"]["upstream_id"] == fired.id
    assert heard["delivery"]["event"] == heard["event"]["event"]
    assert (heard["delivery"]["outcome"], heard["delivery"]["destination"]) == ("delivered", "bot")
