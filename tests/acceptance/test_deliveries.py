"""What a receiver gets from the real process: the body, the headers, and a signature that a public verifier accepts."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from relay.simulator.history import spell
from relay.simulator.inbox import Answer, Inbox, Received
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, bodies, fire, in_force, once, simultaneous
from tests.support.process import running, webhook, write_config
from tests.support.receiver import receiving

OLD, NEW, OTHER = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in range(3))


def verify(secret: str, received: Received) -> object:
    """What the public verifier makes of it; it also looks at the timestamp."""
    return Webhook(secret).verify(received.body.decode(), dict(received.headers))


async def test_every_signature_verifies_with_each_secret_while_rotating(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    inbox.answer(500, 503)
    destinations = {
        "rotating": webhook(inbox.url("/rotating"), secret=[NEW, OLD], headers={"X-Team": "alpha"}),
        "plain": webhook(inbox.url("/plain")),
    }
    config = write_config(tmp_path, simulator, destinations)
    async with running(config) as relay:
        fired = fire(simulator, 20)
        fired += [
            simulator.fire(
                in_force("BTC-USD", price=0.1, note='Ünïcödé "quoted" \u2028 </script> \\ 1e400', huge=10**30)
            ),
            simulator.fire(simultaneous(4, price=2.5)),
        ]
        await inbox.wait_until(lambda: inbox.unique == 2 * len(fired))
        await relay.until_drained()
    assert arrived(inbox, "/rotating") == arrived(inbox, "/plain") == once(fired)
    for received in inbox.at("/rotating"):
        assert verify(NEW, received) == verify(OLD, received) == json.loads(received.body)
        with pytest.raises(WebhookVerificationError):
            verify(OTHER, received)
        assert (received.headers["content-type"], received.headers["x-team"]) == ("application/json", "alpha")
    for received in inbox.at("/plain"):
        assert "webhook-signature" not in received.headers
        assert re.fullmatch(r"[A-Za-z0-9_-]+", received.webhook_id)
        assert abs(int(received.headers["webhook-timestamp"]) - received.at_us // 1_000_000) <= 2
    assert not {a.webhook_id for a in inbox.at("/plain")} & {b.webhook_id for b in inbox.at("/rotating")}


async def test_the_body_holds_the_upstreams_object_and_how_it_came(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    rules: list[dict[str, object]] = [
        {"name": "all", "to": "bot", "max_age": "1h"},
        {"name": "apples", "symbol": "AAPL", "to": ["bot"], "max_age": "2h"},
        {"name": "moves", "channel": "alerts.simultaneous_breaks", "threshold": 3, "to": "bot"},
    ]
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, rules=rules)
    async with running(config) as relay:
        apple = simulator.fire(in_force("AAPL", extra={"deep": [1, 2.50, None, True]}))
        other = simulator.fire(in_force("IBM"))
        simulator.fire(simultaneous(2))
        move = simulator.fire(simultaneous(3))
        await inbox.wait_until(lambda: inbox.unique == 3)
        simulator.faults.drop()
        late = simulator.fire(in_force("AAPL"))
        await inbox.wait_until(lambda: inbox.unique == 4)
        await relay.until_drained()
    by_id = {body["data"]["id"]: body for body in bodies(inbox)}
    assert by_id.keys() == {apple.id, other.id, move.id, late.id}
    for alert in (apple, other, move):
        assert by_id[alert.id]["data"] == spell(alert, simulator.settings.socket)
        assert by_id[alert.id]["relay"]["source"] == "live"
    assert by_id[late.id]["data"] == spell(late, simulator.settings.rest)
    assert by_id[late.id]["relay"]["source"] == "backfill"
    assert [by_id[a.id]["type"] for a in (apple, move)] == ["alert.in_force", "alert.simultaneous_break"]
    told = by_id[apple.id]["relay"]
    assert " ".join(sorted(told)) == (
        "attempt destination event expires_at key received_at rules sequence simulated source"
    )
    assert (told["event"], told["rules"], told["destination"]) == (
        f"alerts.in_force:{apple.id}",
        ["all", "apples"],
        "bot",
    )
    assert (told["attempt"], told["simulated"]) == (1, True)
    assert told["key"].startswith("AAPL|")
    triggered = datetime.fromisoformat(by_id[apple.id]["timestamp"])
    expires = datetime.fromisoformat(told["expires_at"])
    assert (expires - triggered).total_seconds() == pytest.approx(2 * 3600, abs=0.01)
    assert abs((datetime.fromisoformat(told["received_at"]) - triggered).total_seconds()) < 5
    assert triggered.tzinfo == UTC
    assert by_id[move.id]["relay"]["expires_at"] is None


async def test_a_template_makes_the_body_and_the_method_is_the_configs(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    template = '{"ticker": {{ symbol | tojson }}, "why": {{ relay.rules | tojson }}, "id": {{ data.id }}}'
    destinations = {"bot": webhook(inbox.url(), template=template, secret=NEW, method="PUT")}
    config = write_config(tmp_path, simulator, destinations, rules=[{"name": "all", "to": "bot"}])
    async with running(config):
        alert = simulator.fire(in_force('A"B'))
        await inbox.wait_until(lambda: inbox.unique == 1)
    (received,) = inbox.received
    assert verify(NEW, received) == {"ticker": 'A"B', "why": ["all"], "id": alert.id}


async def test_what_is_too_old_is_expired_not_sent(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url(), max_age="10s", sources="live")})
    async with running(config) as relay:
        simulator.fire(in_force(triggered_at="2024-01-02T15:00:00Z"))
        fresh = simulator.fire(in_force())
        await inbox.wait_until(lambda: inbox.unique == 1)
        simulator.faults.swallow(1)
        simulator.fire(in_force())  # comes by backfill, which it does not take
        fresh_too = simulator.fire(in_force())
        await inbox.wait_until(lambda: inbox.unique == 2)
        await relay.until_drained()
        (expired,) = (await relay.json("/api/deliveries?state=expired"))["items"]
        assert expired["destination"] == "bot"
    assert arrived(inbox) == once([fresh, fresh_too])


async def test_a_redirect_is_not_followed_and_kills_the_delivery(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    inbox.always(Answer(307, headers={"Location": inbox.url("/elsewhere")}))
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        fire(simulator, 1)
        await relay.until_status(lambda status: status["destinations"][0]["counts"].get("dead") == 1)
    assert inbox.arrived == 1


async def test_retry_after_is_obeyed_and_holds_everything(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    inbox.answer(Answer(429, headers={"Retry-After": "2"}))
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url(), ordering="strict")})
    async with running(config) as relay:
        fired = fire(simulator, 3)
        await inbox.wait_for(1)
        await relay.until("/api/deliveries", lambda _status, body: '"attempts":1' in body.replace(" ", ""))
        await relay.kill()  # what is noted is remembered
        await relay.start()
        await inbox.wait_until(lambda: inbox.unique == 3)
    assert arrived(inbox) == once(fired)
    assert inbox.received[1].at - inbox.received[0].at >= 1.95


@pytest.mark.parametrize("ordering", ["symbol", "strict", "none"])
async def test_poison_holds_up_nobody_else(tmp_path: Path, simulator: Simulator, ordering: str) -> None:
    taken: list[str] = []

    async def choosy(request: web.Request) -> web.Response:
        symbol = json.loads(await request.read())["data"]["symbol"]
        if symbol == "POISON":
            return web.Response(status=500)
        taken.append(symbol)
        return web.Response()

    async with receiving() as receiver:
        receiver.handler = choosy
        quick = {"initial": "10ms", "max": "50ms"}
        config = write_config(tmp_path, simulator, {"bot": webhook(receiver.url, ordering=ordering, retry=quick)})
        async with running(config) as relay:
            symbols = ["AAPL", "POISON", "MSFT", "IBM", "POISON", "GOOG", "AAPL"]
            for symbol in symbols:
                simulator.fire(in_force(symbol))
            await relay.until_status(lambda status: status["destinations"][0]["counts"].get("delivered") == 5)
            assert (await relay.json("/api/status"))["destinations"][0]["counts"].get("pending") == 2
    assert sorted(taken) == sorted(symbol for symbol in symbols if symbol != "POISON")
    if ordering == "strict":
        assert taken == ["AAPL", "MSFT", "IBM", "GOOG", "AAPL"]
