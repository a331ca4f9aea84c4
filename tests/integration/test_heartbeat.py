"""The heart beats while the relay works: a clock by hand, and a real receiver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import structlog

from relay.delivery.dispatcher import Dispatcher
from relay.destinations.http import HttpClient
from relay.heartbeat import Heart
from relay.web.desk import Readiness
from tests.support.clock import settle
from tests.support.config_text import config_text, read
from tests.support.lane import Scene as LaneScene
from tests.support.receiver import Receiver, raw_server, receiving
from tests.support.waiting import until

PATIENCE = 3 * (300 + 10)
"""Of a lane with the default back-off and time-out."""


class Relay(LaneScene):
    """What a heart asks, and a heart; the one lane, of ``bot``, runs only where a test runs it."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.is_healthy = self.is_ready = True
        self.config = read(config_text("more", f"heartbeat: {{url: '{url}', every: 10s}}"))

    def healthy(self) -> tuple[bool, list[str]]:
        return self.is_healthy, [] if self.is_healthy else ["the store takes no writes"]

    def ready(self) -> Readiness:
        return Readiness(ready=self.is_ready, reasons=() if self.is_ready else ("not connected",))

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        client = HttpClient()
        dispatcher = Dispatcher([self.lane])
        heart = Heart(lambda: self.config, self, dispatcher, self.outbox, client=client, clock=self.clock)
        task = asyncio.create_task(heart.run())
        await settle()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            await client.close()


async def beats(relay: Relay, receiver: Receiver, count: int) -> None:
    """Wait for so many, and for the heart to sleep again."""
    await until(lambda: len(receiver.requests) == count)
    await until(lambda: relay.clock.next_wake is not None)


async def test_it_beats_at_once_and_then_every_time() -> None:
    async with receiving() as receiver:
        relay = Relay(receiver.url)
        async with relay.beating():
            await beats(relay, receiver, 1)
            await relay.clock.advance(9.5)
            await beats(relay, receiver, 1)
            await relay.clock.advance(0.5)
            await beats(relay, receiver, 2)
    assert {(request.method, request.path_qs) for request in receiver.requests} == {("GET", "/hooks/tok-123456789")}


@pytest.mark.parametrize("part", ["is_ready", "is_healthy"])
async def test_it_does_not_beat_while_the_relay_does_not_work_and_goes_on_at_once(part: str) -> None:
    async with receiving() as receiver:
        relay = Relay(receiver.url)
        setattr(relay, part, False)
        async with relay.beating():
            await relay.clock.advance(60)
            assert receiver.requests == []
            setattr(relay, part, True)
            await relay.clock.advance(1)
            await beats(relay, receiver, 1)


async def test_a_failure_is_logged_without_the_url_and_tried_again_at_the_next_beat() -> None:
    async with receiving() as receiver:
        receiver.answer(500, "no")
        relay = Relay(receiver.url)
        with structlog.testing.capture_logs() as logs:
            async with relay.beating():
                for count in range(1, 9):
                    await beats(relay, receiver, count)
                    await relay.clock.advance(10)
    failed = [line for line in logs if line["event"] == "heartbeat failed"]
    assert [line["code"] for line in failed] == ["500", "500"]  # once a minute
    assert "tok-123456789" not in str(logs)


async def test_a_redirect_is_not_followed() -> None:
    async with receiving() as receiver, receiving() as elsewhere:
        receiver.answer(302, Location=elsewhere.url)
        relay = Relay(receiver.url)
        async with relay.beating():
            await beats(relay, receiver, 1)
            await relay.clock.advance(10)
            await beats(relay, receiver, 2)
    assert elsewhere.requests == []


async def test_an_endless_answer_holds_up_no_beat() -> None:
    async with raw_server(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000, keep_open=True) as url:
        relay = Relay(url)
        async with relay.beating():
            await until(lambda: relay.clock.next_wake is not None)


async def test_another_url_is_asked_at_once_and_none_not_at_all() -> None:
    async with receiving() as receiver, receiving() as other:
        relay = Relay(receiver.url)
        async with relay.beating():
            await beats(relay, receiver, 1)
            relay.config = Relay(other.url).config
            await relay.clock.advance(1)
            await beats(relay, other, 1)
            relay.config = replace(relay.config, heartbeat=None)
            await relay.clock.advance(60)
            await beats(relay, other, 1)
    assert len(receiver.requests) == 1


async def test_a_lane_that_stands_still_with_something_to_send_stops_the_heart() -> None:
    async with receiving() as receiver:
        relay = Relay(receiver.url)
        await relay.put(1)  # and nobody runs the lane
        with structlog.testing.capture_logs() as logs:
            async with relay.beating():
                await beats(relay, receiver, 1)
                for count in range(2, 4 + PATIENCE // 10):
                    await relay.clock.advance(10)
                    await beats(relay, receiver, min(count, 1 + PATIENCE // 10))
    assert len(receiver.requests) == 1 + PATIENCE // 10
    assert [line["reason"] for line in logs if line["event"] == "heartbeat withheld"] == ["lanes stand still: bot"]


async def test_a_lane_that_fails_and_tries_again_is_no_reason_to_stop() -> None:
    async with receiving() as receiver:
        relay = Relay(receiver.url)
        async with relay.running(), relay.beating():
            await beats(relay, receiver, 1)
            await relay.clock.advance(10)
            await beats(relay, receiver, 2)
