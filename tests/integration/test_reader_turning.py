"""When the reader is due to go on, and when it rightly waits."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from relay.upstream import reader
from relay.upstream.dial import ReaderSettings
from relay.upstream.state import Phase
from tests.support.stub_upstream import acknowledge, alert, bench, running, serving
from tests.support.waiting import until


async def test_it_rests_before_it_runs_on_an_open_socket_and_when_it_has_stopped() -> None:
    async def serve_alerts(socket: ServerConnection) -> None:
        await acknowledge(socket)
        await socket.send(alert(1, seq=2))
        await socket.wait_closed()

    async with serving(serve_alerts) as url:
        subject = bench(url)
        assert not subject.reader.sign().due
        async with running(subject):
            assert await subject.event_ids(1) == [1]
            assert not subject.reader.sign().due
            assert subject.reader.sign().turns > 0
        assert not subject.reader.sign().due


async def test_each_attempt_is_a_turn_and_it_is_due_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(_settings: ReaderSettings) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(reader, "dial", refused)
    subject = bench("ws://127.0.0.1:9/")
    async with running(subject):
        for _ in range(5):
            await until(lambda: subject.reader.state.phase is Phase.WAITING and subject.clock.next_wake is not None)
            before = subject.reader.sign()
            assert before.due
            await subject.clock.advance(60)
            assert subject.reader.sign().turns > before.turns


async def test_an_attempt_that_never_ends_is_due_and_does_not_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    async def for_ever(_settings: ReaderSettings) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(reader, "dial", for_ever)
    subject = bench("ws://127.0.0.1:9/")
    async with running(subject):
        await until(lambda: subject.reader.state.phase is Phase.CONNECTING)
        before = subject.reader.sign()
        await subject.clock.advance(3_600)
        assert before.due
        assert subject.reader.sign() == before


async def test_it_rests_while_a_channels_beginning_is_decided() -> None:
    async def for_ever(_channel: object) -> None:
        await asyncio.Event().wait()

    subject = bench("ws://127.0.0.1:9/", before_subscribe=for_ever)
    async with running(subject):
        await subject.clock.advance(3_600)
        assert not subject.reader.sign().due
