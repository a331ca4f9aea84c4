"""What a relay is made of, printed piece by piece: an object in a log line or a traceback tells no secret."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from relay.app import Relay
from relay.clock import SystemClock
from relay.config.load import load
from relay.destinations.answer import Answer, Failure
from relay.destinations.factory import Factory
from relay.destinations.http import HttpClient, Request
from relay.simulator.upstream import Simulator
from tests.support.messages import message
from tests.support.process import free_port, write_config
from tests.support.secrets import SECRETS, found_in, one_of_each, parrot


def parts_of(root: object) -> Iterator[object]:
    """Everything that can be reached from ``root``, but code."""
    seen: dict[int, object] = {}
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, ModuleType | type):
            continue
        seen[id(one)] = one  # kept, so that its id stays its own
        yield one
        waiting += [*(one.__closure__ or ())] if isinstance(one, FunctionType) else gc.get_referents(one)


def of_ours(thing: object) -> bool:
    """Its class is the relay's own; what others made (an address, a dict) is shown by what of ours holds it."""
    return type(thing).__module__.partition(".")[0] == "relay" and not isinstance(thing, str)


def telling(things: Iterator[object]) -> dict[str, list[str]]:
    """Which secrets the objects among ``things`` show, by the name of their class."""
    told: dict[str, list[str]] = {}
    for thing in filter(of_ours, things):
        told.setdefault(type(thing).__qualname__, []).extend(found_in(f"{thing!r} {thing!s} {thing}"))
    return {name: found for name, found in told.items() if found}


def config_at(folder: Path, simulator: Simulator, parrots: str) -> Path:
    return write_config(
        folder,
        simulator,
        one_of_each(parrots),
        key=SECRETS["api key"],
        http={"listen": f"127.0.0.1:{free_port()}", "token": SECRETS["page token"]},
        heartbeat={"url": f"http://{parrots}/500/{SECRETS['heartbeat']}", "every": "1s"},
        alerts_to="refuses",
    )


async def test_no_object_of_a_relay_shows_a_secret(tmp_path: Path, simulator: Simulator) -> None:
    config = load(config_at(tmp_path, simulator, f"127.0.0.1:{free_port()}"), env={})
    assert telling(parts_of(config)) == {}
    relay = Relay(config, env={})
    async with AsyncExitStack() as stack:
        await relay.open(stack)
        things = list(parts_of(relay))
        assert sum(map(of_ours, things)) > 100
        assert telling(iter(things)) == {}


async def test_no_request_and_no_answer_shows_a_secret(
    tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchanged: list[object] = []
    exchange = HttpClient.exchange

    async def recorded(client: HttpClient, request: Request) -> Answer | Failure:
        answer = await exchange(client, request)
        exchanged.extend((request, answer))
        return answer

    monkeypatch.setattr(HttpClient, "exchange", recorded)
    client = HttpClient()
    factory = Factory(client, SystemClock())
    async with parrot() as parrots:
        config = load(config_at(tmp_path, simulator, parrots), env={})
        for name, destination in config.destinations.items():
            if name != "phone":  # apprise does its own sending
                exchanged.append(await factory.build(name, destination).send([message()]))
        await client.close()
    assert {type(one).__name__ for one in exchanged} == {"Request", "Answer", "Failure", "Outcome"}
    assert telling(iter(exchanged)) == {}
