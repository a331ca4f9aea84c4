"""An upstream behind an authority of its own: the socket, REST, and all of a relay between two such ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from trustme import CA
from websockets.asyncio.server import ServerConnection

from relay.app import Relay
from relay.cli import online
from relay.config.load import load
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from relay.tls import context
from relay.upstream.probe import Standing
from tests.support.alerts import arrived, fire, once
from tests.support.process import webhook, write_config
from tests.support.stub_upstream import acknowledge, alert, bench, running, serving
from tests.support.tls import bundle_of, fronted, pem_of, server_side

ONE, OTHER = CA(), CA()


@dataclass(frozen=True)
class Front:
    """Where the simulator is reached over TLS."""

    websocket_url: str
    rest_url: str


@pytest.fixture
async def front(simulator: Simulator) -> AsyncIterator[Front]:
    """The simulator, vouched for by ONE."""
    proof = server_side(ONE, "127.0.0.1")
    async with fronted(simulator.websocket_url, proof) as socket, fronted(simulator.rest_url, proof) as rest:
        yield Front(socket, rest)


async def test_the_socket_is_opened_to_who_is_in_the_bundle() -> None:
    async def handle(socket: ServerConnection) -> None:
        await acknowledge(socket)
        await socket.send(alert(7, seq=2))
        await socket.wait_closed()

    async with serving(handle) as url, fronted(url, server_side(ONE, "127.0.0.1")) as secure:
        subject = bench(secure, tls=context(bundle_of(ONE)))
        async with running(subject):
            assert await subject.event_ids(1) == [7]


@pytest.mark.parametrize(
    ("trusted", "names", "why"),
    [
        (None, ["127.0.0.1"], "unable to get local issuer certificate"),
        (OTHER, ["127.0.0.1"], "unable to get local issuer certificate"),
        (ONE, ["upstream.example"], "IP address mismatch"),
    ],
    ids=["the roots alone", "another bundle", "another name"],
)
async def test_the_socket_is_not_opened_to_anybody_else(trusted: CA | None, names: list[str], why: str) -> None:
    came: list[object] = []

    async def note(socket: ServerConnection) -> None:
        came.append(socket)

    async with serving(note) as url, fronted(url, server_side(ONE, *names)) as secure:
        subject = bench(secure, tls=None if trusted is None else context(bundle_of(trusted)))
        async with running(subject):
            await subject.backs_off()
            assert why in subject.reader.state.last_error, subject.reader.state.last_error
    assert came == []


async def test_online_asks_rest_and_destinations_with_their_bundles(tmp_path: Path, front: Front, inbox: Inbox) -> None:
    (tmp_path / "one.pem").write_text(pem_of(ONE))
    (tmp_path / "other.pem").write_text(pem_of(OTHER))
    rules: list[dict[str, object]] = [{"name": "a", "to": ["own", "bare"], "tfc": {"D": "green"}}]
    async with fronted(inbox.url(), server_side(OTHER, "127.0.0.1")) as secure:
        ends = {"own": webhook(secure, ca_file="other.pem"), "bare": webhook(secure)}
        path = write_config(tmp_path, front, ends, rules=rules, stratalerts={"ca_file": "one.pem"})
        with_bundle = await online.look(load(path, env={}))
        without = await online.look(load(write_config(tmp_path, front, ends, rules=rules), env={}))
    assert [found.standing for found in with_bundle.upstream] == [Standing.ACCEPTED] * 2
    assert [found.standing for found in without.upstream] == [Standing.UNREACHABLE] * 2
    assert all("no TLS connection" in found.detail for found in without.upstream)
    assert {name: found.ok for name, found in with_bundle.destinations.items()} == {"own": True, "bare": False}


async def test_all_of_a_relay_between_two_ends_of_its_own(
    tmp_path: Path, simulator: Simulator, front: Front, inbox: Inbox
) -> None:
    """A reload with other certificates in the same file brings them into force at the destination."""
    (tmp_path / "one.pem").write_text(pem_of(ONE))
    (tmp_path / "bot.pem").write_text(pem_of(ONE))  # the wrong ones
    async with AsyncExitStack() as stack:
        secure = await stack.enter_async_context(fronted(inbox.url(), server_side(OTHER, "127.0.0.1")))
        path = write_config(
            tmp_path,
            front,
            {"bot": webhook(secure, ca_file="bot.pem")},
            stratalerts={"ca_file": "one.pem"},
            shutdown_grace="5s",
        )
        relay = Relay(load(path, env={}), env={})
        await relay.open(stack)
        refused = asyncio.Event()
        relay.dispatcher.lanes["bot"].observers.append(lambda *_: refused.set())
        work = asyncio.create_task(relay.run())
        try:
            async with asyncio.timeout(20):
                await simulator.wait_until(lambda: simulator.opened == 1)
                while not relay.desk.ready().ready:  # noqa: ASYNC110  because readiness tells nobody when it changes
                    await asyncio.sleep(0.01)
                fired = fire(simulator, 3)
                await refused.wait()
                assert inbox.arrived == 0
                (tmp_path / "bot.pem").write_text(pem_of(OTHER))
                assert relay.reloader is not None
                changes = await relay.reloader.reload()
                assert [change.keys for change in changes.destinations.changed] == [("ca_file",)]
                await inbox.wait_until(lambda: inbox.unique == 3)
        finally:
            relay.stop()
            async with asyncio.timeout(20):
                await work
    assert arrived(inbox) == once(fired)
