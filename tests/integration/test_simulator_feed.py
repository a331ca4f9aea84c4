"""The simulated socket, over real loopback connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import date
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

from relay.clock import SystemClock
from relay.events import Channel
from relay.simulator.faults import GARBAGE
from relay.simulator.settings import ApiKey, Refusal, ReplaySettings, Scope, SimulatorSettings, WireStyle
from relay.simulator.upstream import Simulator

ALERT = {"symbol": "AAPL", "timeframe": "D", "direction": "bullish", "shape": "1-2U", "price": 214.32, "cc": "2U"}
BREAK = {"timeframe": "D", "direction": "bullish", "threshold": 2, "symbols": ["ES1!", "NQ1!"]}
ALL_TOPICS: list[dict[str, object]] = [
    {"channel": "quotes", "symbols": ["AAPL", "msft"]},
    {"channel": "states", "symbols": ["AAPL"]},
    {"channel": "alerts.in_force"},
    {"channel": "alerts.simultaneous_breaks"},
]

Start = Callable[..., Coroutine[Any, Any, Simulator]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def make(**settings: Any) -> Simulator:
            return await stack.enter_async_context(Simulator(SimulatorSettings(**settings), SystemClock()))

        yield make


def dial(simulator: Simulator, key: str = "sim-key", **options: Any) -> connect:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return connect(simulator.websocket_url, additional_headers=headers, **options)


async def say(socket: ClientConnection, op: str, *topics: object) -> dict[str, Any]:
    await socket.send(json.dumps({"op": op, "topics": topics}))
    return await hear(socket)


async def hear(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(5):
        heard = json.loads(await socket.recv())
    assert isinstance(heard, dict)
    return heard


async def closes(socket: ClientConnection) -> tuple[int, str]:
    async with asyncio.timeout(5):
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
async def test_either_header_lets_a_client_in(start: Start, header: str) -> None:
    simulator = await start()
    value = "Bearer sim-key" if header == "Authorization" else "sim-key"
    async with connect(simulator.websocket_url, additional_headers={header: value}):
        await simulator.wait_until(lambda: simulator.connected == 1)


KEYS = {
    "poor": ApiKey(account="poor", entitled=False),
    "rest-only": ApiKey(account="rest-only", scopes=frozenset(Scope) - {Scope.CONNECT}),
    "alerts-only": ApiKey(account="alerts-only", scopes=frozenset({Scope.CONNECT, Scope.ALERTS})),
    "sim-key": ApiKey(),
}


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("", 401, "missing_api_key"),
        ("unknown", 401, "missing_api_key"),
        ("poor", 403, "inactive_entitlement"),
        ("rest-only", 403, "missing_scope"),
    ],
)
async def test_a_key_is_refused_on_the_upgrade_or_after_it(start: Start, key: str, status: int, code: str) -> None:
    simulator = await start(keys=KEYS)
    with pytest.raises(InvalidStatus) as refused:
        await dial(simulator, key)
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body or b"")["error"]["code"] == code
    simulator = await start(keys=KEYS, refusal=Refusal.CLOSE)
    async with dial(simulator, key) as socket:
        assert (await closes(socket))[0] == {401: 4401, 403: 4403}[status]
    assert simulator.refused == 1


async def test_an_acknowledgement_lists_the_channels_the_key_may_have(start: Start) -> None:
    simulator = await start(keys=KEYS)
    async with dial(simulator, "alerts-only") as socket:
        ack = await say(socket, "subscribe", *ALL_TOPICS)
        assert ack["data"] == {"channels": ["alerts.in_force", "alerts.simultaneous_breaks"]}
    async with dial(simulator) as socket:
        ack = await say(socket, "subscribe", *ALL_TOPICS, {"channel": "news"}, 7, {"channel": "quotes"})
        assert ack["type"] == "subscribed"
        assert sorted(ack["data"]["channels"]) == [*sorted(Channel)]


async def test_every_message_takes_the_next_seq_from_one_on(start: Start) -> None:
    simulator = await start()
    async with dial(simulator) as socket:
        first = await say(socket, "subscribe", *ALL_TOPICS)
        simulator.fire(ALERT)
        simulator.fire(BREAK)
        heard = [first, await hear(socket), await hear(socket), await say(socket, "unsubscribe", *ALL_TOPICS)]
    assert [message["seq"] for message in heard] == ["1", "2", "3", "4"]
    assert [message["type"] for message in heard] == [
        "subscribed",
        "alert.in_force",
        "alert.simultaneous_break",
        "unsubscribed",
    ]
    assert all(message["ts"].endswith("+00:00") for message in heard)
    async with dial(simulator) as socket:
        assert (await say(socket, "subscribe"))["seq"] == "1"


async def test_only_what_is_subscribed_is_sent(start: Start) -> None:
    simulator = await start()
    async with dial(simulator) as socket:
        simulator.fire(ALERT)
        await say(socket, "subscribe", {"channel": "quotes", "symbols": ["AAPL", "MSFT"]})
        simulator.fire(ALERT)
        simulator.quote("AAPL", 200.5, 10)
        simulator.quote("IBM", 1)
        assert (await hear(socket))["data"].items() >= {"symbol": "AAPL", "price": 200.5, "volume": 10}.items()
        ack = await say(socket, "unsubscribe", {"channel": "quotes", "symbols": ["AAPL"]})
        assert ack["data"]["channels"] == ["quotes"]
        simulator.quote("AAPL", 201)
        simulator.quote("MSFT", 30)
        assert (await hear(socket))["data"]["symbol"] == "MSFT"
        await say(socket, "subscribe", {"channel": "states", "symbols": ["AAPL"]})
        simulator.state({"symbol": "AAPL", "tfc": {"D": "green"}})
        heard = await hear(socket)
        assert (heard["type"], heard["data"]["tfc"]) == ("state", {"D": "green"})


@pytest.mark.parametrize("text", ["hello", "[]", "{}", '{"op":"dance","topics":[]}', '{"op":"subscribe"}'])
async def test_a_message_it_does_not_understand_is_answered_with_an_error(start: Start, text: str) -> None:
    simulator = await start()
    async with dial(simulator) as socket:
        await socket.send(text)
        heard = await hear(socket)
        assert (heard["type"], heard["seq"]) == ("error", "1")


async def test_a_second_connection_of_the_account_evicts_the_first(start: Start) -> None:
    simulator = await start(keys=KEYS)
    async with dial(simulator) as first, dial(simulator, "alerts-only") as other, dial(simulator) as second:
        assert (await closes(first))[0] == 4409
        await say(second, "subscribe", *ALL_TOPICS)
        await say(other, "subscribe", *ALL_TOPICS)
        simulator.fire(ALERT)
        assert (await hear(second))["data"]["symbol"] == "AAPL"
        assert (await hear(other))["data"]["symbol"] == "AAPL"
        assert (simulator.connected, simulator.opened) == (2, 3)


async def test_alerts_on_the_socket_are_spelled_as_asked(start: Start) -> None:
    simulator = await start(
        socket=WireStyle(ids=False, micros=True, text_numbers=True), break_type="alert.simultaneous_breaks"
    )
    async with dial(simulator) as socket:
        await say(socket, "subscribe", *ALL_TOPICS)
        fired = simulator.fire(ALERT)
        simulator.fire(BREAK)
        alert, together = await hear(socket), await hear(socket)
    assert "id" not in alert["data"]
    assert alert["data"]["price"] == "214.32"
    assert alert["data"]["triggered_at"].endswith("+00:00")
    assert alert["data"]["triggered_at"][:19] + "Z" == fired.object["triggered_at"]
    assert (together["type"], together["data"]["threshold"]) == ("alert.simultaneous_breaks", "2")


async def test_a_dropped_connection_ends_without_a_close_frame(start: Start) -> None:
    simulator = await start()
    async with dial(simulator) as socket:
        await simulator.wait_until(lambda: simulator.connected == 1)
        simulator.faults.drop()
        with pytest.raises(ConnectionClosedError) as closed:
            await socket.recv()
        assert closed.value.rcvd is None
        await simulator.wait_until(lambda: simulator.connected == 0)


async def test_a_half_open_connection_answers_no_ping_and_loses_what_is_sent(start: Start) -> None:
    simulator = await start()
    async with dial(simulator, close_timeout=0.1) as socket:
        await say(socket, "subscribe", *ALL_TOPICS)
        simulator.faults.silence()
        pong = await socket.ping()
        simulator.fire(ALERT)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(pong), 0.2)
        simulator.faults.close()  # a dead peer can't be told anything
        async with dial(simulator) as second:
            assert (await say(second, "subscribe", *ALL_TOPICS))["seq"] == "1"


async def test_a_silence_that_ends_shows_as_a_gap_in_seq(start: Start) -> None:
    simulator = await start()
    async with dial(simulator) as socket:
        await say(socket, "subscribe", *ALL_TOPICS)
        simulator.faults.silence(0.01)
        simulator.fire(ALERT)
        await (await socket.ping())  # answered once the silence is over
        simulator.fire(ALERT)
        assert (await hear(socket))["seq"] == "3"


@pytest.mark.parametrize(
    ("fault", "seqs"),
    [
        ("swallow", ["3", "4"]),
        ("repeat", ["2", "2", "3", "4"]),
        ("reorder", ["3", "2", "4"]),
    ],
)
async def test_frames_go_missing_come_twice_or_out_of_order(start: Start, fault: str, seqs: list[str]) -> None:
    simulator = await start()
    async with dial(simulator) as socket:
        await say(socket, "subscribe", *ALL_TOPICS)
        getattr(simulator.faults, fault)()
        for _ in range(3):
            simulator.fire(ALERT)
        assert [(await hear(socket))["seq"] for _ in seqs] == seqs


@pytest.mark.parametrize("kind", sorted(GARBAGE.keys() - {"bad-utf8"}))
async def test_garbage_arrives_as_it_is_and_takes_no_seq(start: Start, kind: str) -> None:
    simulator = await start()
    async with dial(simulator, max_size=None) as socket:
        await say(socket, "subscribe", *ALL_TOPICS)
        simulator.faults.garbage(kind)
        assert await socket.recv(decode=False) == GARBAGE[kind][0]
        simulator.fire(ALERT)
        assert (await hear(socket))["seq"] == "2"


async def test_text_that_is_not_utf8_makes_a_strict_client_close(start: Start) -> None:
    simulator = await start()
    async with dial(simulator) as socket:
        await simulator.wait_until(lambda: simulator.connected == 1)
        simulator.faults.garbage("bad-utf8")
        with pytest.raises((ConnectionClosed, UnicodeDecodeError)):
            await socket.recv()
    await simulator.wait_until(lambda: simulator.connected == 0)


@pytest.mark.parametrize(
    ("status", "vendor", "code"),
    [(503, False, None), (401, False, None), (401, True, "missing_api_key"), (403, True, "inactive_entitlement")],
)
async def test_upgrades_are_refused_with_the_vendors_body_or_a_proxys_page(
    start: Start, status: int, vendor: bool, code: str | None
) -> None:
    simulator = await start()
    simulator.faults.refuse(status, vendor=vendor, times=1)
    with pytest.raises(InvalidStatus) as refused:
        await dial(simulator)
    assert refused.value.response.status_code == status
    body = refused.value.response.body or b""
    assert json.loads(body)["error"]["code"] == code if code else body.startswith(b"<html>")
    async with dial(simulator):
        await simulator.wait_until(lambda: simulator.connected == 1)


async def test_a_restarted_upstream_says_1001_and_comes_back_on_the_same_port(start: Start) -> None:
    simulator = await start()
    url = simulator.websocket_url
    simulator.fire(ALERT)
    async with dial(simulator) as socket:
        await simulator.wait_until(lambda: simulator.connected == 1)
        stopping = asyncio.create_task(simulator.stop())
        assert (await closes(socket))[0] == 1001
        await stopping
    with pytest.raises(OSError, match="Connect call failed"):
        await dial(simulator)
    await simulator.start()
    assert simulator.websocket_url == url
    async with dial(simulator):
        assert len(simulator.fired) == 1


async def test_a_replay_begins_with_the_first_subscription_and_fires_all_it_holds(start: Start) -> None:
    simulator = await start(
        replay=ReplaySettings(first=date(2008, 9, 1), last=date(2008, 10, 31), speed=None),
    )
    async with dial(simulator) as socket:
        assert not simulator.status()["begun"]
        topics = [*ALL_TOPICS[1:], {"channel": "quotes", "symbols": ["AAPL", "ES1!"]}]
        ack = await say(socket, "subscribe", *topics)
        heard = []
        seq = int(ack["seq"])
        async with asyncio.timeout(10):
            await simulator.done.wait()
        assert simulator.market is not None
        total = simulator._feed.connections[0].said
        while seq < total:
            message = await hear(socket)
            seq = int(message["seq"])
            heard.append(message)
    fired = [one.object["id"] for one in simulator.fired]
    assert [message["data"]["id"] for message in heard if message["type"].startswith("alert.")] == fired
    assert len(fired) > 200
    types = {message["type"] for message in heard}
    assert types == {"alert.in_force", "alert.simultaneous_break", "quote", "state"}
    assert all("market_date" in one.object for one in simulator.fired)
    status = simulator.status()
    assert status["day"] == status["days"]


async def test_the_same_seed_and_range_fire_the_same_alerts(start: Start) -> None:
    part = ReplaySettings(first=date(2008, 9, 1), last=date(2008, 9, 30), speed=None)
    told = []
    for _ in range(2):
        simulator = await start(replay=part, seed=3)
        simulator.begin()
        await simulator.done.wait()
        told.append([{**one.object, "triggered_at": ""} for one in simulator.fired])
    assert told[0] == told[1]


async def test_the_control_endpoint_causes_faults_and_tells_how_it_stands(start: Start) -> None:
    simulator = await start()
    async with aiohttp.ClientSession() as http, dial(simulator) as socket:
        await say(socket, "subscribe", *ALL_TOPICS)
        async with http.post(f"{simulator.control_url}/fire", json=ALERT) as answer:
            id_ = (await answer.json())["id"]
        assert (await hear(socket))["data"]["id"] == id_
        async with http.get(f"{simulator.control_url}/fired") as answer:
            assert json.loads(await answer.text())["id"] == id_
        async with http.post(f"{simulator.control_url}/swallow", json={"value": 1}) as answer:
            assert answer.status == 200
        simulator.fire(ALERT)
        simulator.fire(ALERT)
        assert (await hear(socket))["seq"] == "4"
        async with http.post(f"{simulator.control_url}/evict") as answer:
            assert answer.status == 200
        assert (await closes(socket))[0] == 4409
        await simulator.wait_until(lambda: simulator.connected == 0)
        async with http.get(f"{simulator.control_url}/status") as answer:
            status = await answer.json()
        assert {name: status[name] for name in ("connected", "opened", "fired")} == {
            "connected": 0,
            "opened": 1,
            "fired": 3,
        }
        for path, body, headers, expected in [
            ("earthquake", "{}", {}, 404),
            ("drop", "[", {}, 400),
            ("swallow", '{"value": "x"}', {}, 400),
            ("fire", "[]", {}, 400),
            ("drop", "{}", {"Origin": "https://elsewhere.example"}, 403),
        ]:
            async with http.post(f"{simulator.control_url}/{path}", data=body, headers=headers) as answer:
                assert answer.status == expected
