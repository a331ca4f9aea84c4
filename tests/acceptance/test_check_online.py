"""``relay check --online``: what the upstream and the destinations say, with nothing posted and no socket opened."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from relay.clock import SystemClock
from relay.simulator.settings import ApiKey, Scope, SimulatorSettings
from relay.simulator.upstream import Simulator
from tests.support.command import relay
from tests.support.process import free_port, webhook, write_config
from tests.support.receiver import Receiver, receiving

TOKEN = "tok-123456789"  # in the path of the receiver's url
KEYS = {
    "sim-key": ApiKey(),
    "sk-unpaid-7731": ApiKey(account="b", entitled=False),
    "sk-deaf-7732": ApiKey(account="c", scopes=frozenset({Scope.CONNECT})),
}


def discord_like(receiver: Receiver) -> None:
    """Let a GET show a webhook, and any other method nothing that Discord would say."""

    async def show(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response({"id": "1", "name": "Swing", "token": TOKEN})
        return web.Response(status=405)

    receiver.handler = show


async def test_everybody_is_asked_and_nothing_is_posted(tmp_path: Path, simulator: Simulator) -> None:
    async with receiving() as receiver:
        discord_like(receiver)
        destinations = {
            "swing": {"type": "discord", "url": f"{receiver.url}?thread_id=5"},
            "desk": {"type": "slack", "url": receiver.url},
            "bot": webhook(receiver.url, secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            "phone": {"type": "apprise", "url": receiver.url.replace("http://", "json://")},
        }
        config = str(write_config(tmp_path, simulator, destinations))
        shown = await relay("check", "--online", "-c", config)
        told = await relay("check", "--online", "--json", "-c", config)
    assert (shown.code, shown.err, told.code, told.err) == (0, "", 0, "")
    after = shown.out.splitlines()[shown.out.splitlines().index("online:") :]
    assert after == [
        "online:",
        "  ok      alerts.in_force: the key is accepted",
        "  ok      alerts.simultaneous_breaks: the key is accepted",
        "  ok      swing: found 'Swing'",
        "  ok      desk: reachable; without a message Slack does not tell whether the webhook exists",
        "  ok      bot: reachable (answered 405 Method Not Allowed to a HEAD)",
        "  ok      phone: apprise understands the URL; without a message it is not asked",
        "  not asked: ws:connect, for opening the socket would evict a running relay",
    ]
    online = told.json["online"]
    assert online["ok"] is True
    assert [found["standing"] for found in online["upstream"]] == ["accepted", "accepted"]
    assert [found["name"] for found in online["destinations"]] == ["swing", "desk", "bot", "phone"]
    assert sorted(request.method for request in receiver.requests) == ["GET"] * 2 + ["HEAD"] * 4
    assert all(request.body == b"" for request in receiver.requests)
    assert (simulator.opened, simulator.refused) == (0, 0)
    assert TOKEN not in shown.out + told.out
    assert not (tmp_path / "relay.db").exists()


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [
        ("sk-wrong-7730", 77, "alerts.in_force: the upstream refused the key (HTTP 401, missing_api_key)"),
        ("sk-unpaid-7731", 77, "alerts.in_force: the upstream refused the key (HTTP 403, inactive_entitlement)"),
        ("sk-deaf-7732", 1, "alerts.in_force: the key lacks the scope alerts:read"),
    ],
)
async def test_what_the_upstream_says_of_the_key(tmp_path: Path, key: str, code: int, said: str) -> None:
    async with Simulator(SimulatorSettings(keys=KEYS), SystemClock()) as simulator, receiving() as receiver:
        rules: list[dict[str, object]] = [{"name": "all", "to": "bot"}]
        config = str(write_config(tmp_path, simulator, {"bot": webhook(receiver.url)}, key=key, rules=rules))
        ended = await relay("check", "--online", "-c", config)
    assert (ended.code, ended.err) == (code, "")
    assert f"  failed  {said}" in ended.out
    assert "  ok      bot: reachable" in ended.out
    assert "simultaneous" not in ended.out.partition("online:")[2]  # no rule needs it
    assert key not in ended.out


QUOTES: dict[str, object] = {
    "name": "through 200",
    "channel": "quotes",
    "symbol": "AAPL",
    "price": {"crosses_above": 200},
    "to": "bot",
}
FULL: dict[str, object] = {"name": "full", "symbol": ["AAPL", "*-USD"], "ftfc": "bullish", "to": "bot"}
GREEN: dict[str, object] = {"name": "green", "channel": "states", "symbol": "NOPE", "tfc": {"D": "green"}, "to": "bot"}


@pytest.mark.parametrize(
    ("rule", "key", "code", "said"),
    [
        (QUOTES, "sim-key", 0, ["ok      the key is accepted"]),
        (QUOTES, "sk-deaf-7732", 0, ["ok      the key is accepted"]),
        (QUOTES, "sk-wrong-7730", 77, ["failed  the upstream refused the key (HTTP 401, missing_api_key)"]),
        (GREEN, "sk-wrong-7730", 77, ["failed  states: the upstream refused the key (HTTP 401, missing_api_key)"]),
        (GREEN, "sim-key", 0, ["ok      states: the key is accepted, though the upstream tracks no symbol 'NOPE'"]),
        (
            FULL,
            "sk-blind-7733",
            1,
            ["ok      alerts.in_force: the key is accepted", "failed  states: the key lacks the scope states:read"],
        ),
    ],
)
async def test_the_key_is_asked_about_whatever_the_rules_are_on(
    tmp_path: Path, rule: dict[str, object], key: str, code: int, said: list[str]
) -> None:
    keys = {**KEYS, "sk-blind-7733": ApiKey(account="d", scopes=frozenset({Scope.CONNECT, Scope.ALERTS}))}
    async with Simulator(SimulatorSettings(keys=keys), SystemClock()) as simulator, receiving() as receiver:
        config = str(write_config(tmp_path, simulator, {"bot": webhook(receiver.url)}, key=key, rules=[rule]))
        ended = await relay("check", "--online", "-c", config)
    assert (ended.code, ended.err) == (code, "")
    online = [line.strip() for line in ended.out.partition("online:\n")[2].splitlines()]
    assert [line.partition(". ")[0] for line in online[: len(said)]] == said
    scopes = "ws:connect and prices:read" if rule is QUOTES else "ws:connect"
    assert online[-1] == f"not asked: {scopes}, for opening the socket would evict a running relay"
    assert (simulator.opened, simulator.refused) == (0, 0)


async def test_a_proxys_401_is_no_rejection(tmp_path: Path) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=401, text="<html>who are you?</html>")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", refuse)
    async with TestServer(app, host="127.0.0.1") as server:

        class Upstream:
            websocket_url = str(server.make_url("/ws")).replace("http://", "ws://")
            rest_url = str(server.make_url("/api"))

        config = str(write_config(tmp_path, Upstream(), {"bot": webhook(str(server.make_url("/hook")))}))
        ended = await relay("check", "--online", "-c", config)
    assert ended.code == 1
    assert "look at a proxy" in ended.out


async def test_a_destination_that_is_not_there_is_told_with_the_reason_and_holds_up_no_other(
    tmp_path: Path, simulator: Simulator
) -> None:
    async with receiving() as receiver, receiving() as hanging:
        discord_like(receiver)
        hanging.handler = hanging.hang
        destinations = {
            "well": {"type": "discord", "url": receiver.url},
            "refused": webhook(f"http://127.0.0.1:{free_port()}/{TOKEN}"),
            "slow": {"type": "slack", "url": hanging.url, "timeout": "500ms"},
            "tls": {"type": "slack", "url": receiver.url.replace("http://", "https://")},
            "nowhere": {"type": "discord", "url": f"https://name.invalid/{TOKEN}"},
        }
        config = str(write_config(tmp_path, simulator, destinations))
        ended = await relay("check", "--online", "--json", "-c", config)
    assert (ended.code, ended.err) == (1, "")
    found = {item["name"]: item for item in ended.json["online"]["destinations"]}
    assert [found[name]["ok"] for name in destinations] == [True, False, False, False, False]
    assert "connection refused" in found["refused"]["detail"].lower()
    assert "did not answer within 500ms" in found["slow"]["detail"]
    assert "no TLS connection" in found["tls"]["detail"]
    assert "name.invalid could not be resolved" in found["nowhere"]["detail"]
    assert TOKEN not in ended.out


async def test_a_config_with_a_fault_is_asked_nobody_about(tmp_path: Path, simulator: Simulator) -> None:
    async with receiving() as receiver:
        config = write_config(tmp_path, simulator, {"bot": webhook(receiver.url)}, surprise={})
        ended = await relay("check", "--online", "-c", str(config))
        assert (ended.code, ended.out) == (78, "")
        assert receiver.requests == []


async def test_a_running_relay_is_not_evicted_by_it(tmp_path: Path, simulator: Simulator) -> None:
    headers = {"Authorization": "Bearer sim-key"}
    async with receiving() as receiver, aiohttp.ClientSession() as session:
        config = str(write_config(tmp_path, simulator, {"bot": webhook(receiver.url)}))
        async with session.ws_connect(simulator.websocket_url, headers=headers) as socket:
            assert (await relay("check", "--online", "-c", config)).code == 0
            assert not socket.closed
            assert (simulator.opened, simulator.connected) == (1, 1)
