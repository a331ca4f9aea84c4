"""Made-up moments of a demo, and its receipts as they come in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import date
from pathlib import Path

from relay.config.load import loads
from relay.demo.chats import Room
from relay.demo.faults import Fault, Mishap
from relay.demo.scenario import CHANNELS, DESTINATIONS, DISCORD, SLACK, config_text
from relay.demo.scene import Arrival, Phase, Replay, Scene
from relay.demo.status import RelayStatus
from relay.demo.tally import Counts
from relay.demo.verify import Alert, Receipt
from relay.events import Channel
from relay.rules.rule import Rule
from relay.simulator.inbox import Received
from tests.support.clock import START_US

SECRET = f"whsec_{base64.b64encode(bytes(32)).decode()}"
KEY = bytes(32)


def demo_config() -> str:
    return config_text(
        websocket_url="ws://127.0.0.1:1/ws",
        rest_url="http://127.0.0.1:1/rest",
        listen="127.0.0.1:8787",
        secret=SECRET,
        receiver=lambda name: f"http://127.0.0.1:2/{name}",
    )


def demo_rules() -> tuple[Rule, ...]:
    return loads(demo_config(), path=Path("config.yaml"), env={}).rules


def setup(id_: int = 7, **fields: object) -> Alert:
    item: dict[str, object] = {
        "id": id_,
        "symbol": "AAPL",
        "timeframe": "D",
        "direction": "bullish",
        "shape": "1-2U",
        "cc": "2U",
        "price": 20.5,
        "market_date": "2001-05-03",
    }
    return Alert(**{**item, **fields})  # type: ignore[arg-type]  # a test names the fields


def future_break(id_: int = 9, *symbols: str) -> Alert:
    names = symbols or ("ES1!", "NQ1!", "YM1!")
    return Alert(
        id=id_, timeframe="W", direction="bearish", market_date="2001-05-03", symbols=names, threshold=len(names)
    )


def receipt(destination: str, alert: Alert, *rules: str, recovered: bool = False, after: float = 0.004) -> Receipt:
    channel = Channel.BREAKS if alert.symbols else Channel.IN_FORCE
    at_us = START_US + round(after * 1e6)
    return Receipt(destination, channel, alert, rules, recovered=recovered, at_us=at_us)


def received(
    path: str = "/daily", body: object | None = None, *, raw: bytes | None = None, signature: str | None = None
) -> Received:
    said = {
        "type": "alert.in_force",
        "data": {"id": 7, "symbol": "AAPL", "timeframe": "D", "direction": "bullish", "market_date": "2001-05-03"},
        "relay": {"destination": "daily", "source": "live", "rules": ["bulls"], "more": 1},
    }
    sent = raw if raw is not None else json.dumps(said if body is None else body).encode()
    right = base64.b64encode(hmac.digest(KEY, b"msg_1.1700000000." + sent, hashlib.sha256)).decode()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": f"v1,{right}" if signature is None else signature,
    }
    return Received(path, "msg_1", headers, sent, at=0.0, at_us=START_US, status=200, duplicate=False)


def scene(phase: Phase = Phase.RUNNING, *, seconds: float = 12.0, full: bool = True) -> Scene:
    mishaps = (
        Mishap(Fault.DROP, 3.0, 1.1, 143, mended=seconds > 4.1),
        Mishap(Fault.SWALLOW, 6.0, 0.0, 20, mended=seconds > 6),
        Mishap(Fault.OUTAGE, 9.0, None, 31),
    )
    rooms = (
        Room(DISCORD, "Discord", f"http://127.0.0.1:40957/channels/{CHANNELS[DISCORD]}", 70, 1),
        Room(SLACK, "Slack", f"http://127.0.0.1:44517/channels/{CHANNELS[SLACK]}", 30),
    )
    arrivals = [
        Arrival(receipt("everything", setup(1)), 0.004),
        Arrival(receipt("daily", setup(1), after=0.005), 0.005),
        Arrival(receipt("market", future_break(2), recovered=True, after=1.2), 1.2),
    ]
    return Scene(
        phase=phase,
        seconds=seconds,
        of_seconds=30.0,
        page="http://127.0.0.1:8787",
        config="/tmp/relay-demo-x/config.yaml",  # noqa: S108  because nothing is written there
        replay=Replay(date(2001, 5, 3), 300, 3270),
        counts=Counts(
            fired=1412,
            matched=2000,
            delivered=1990,
            live=1269,
            recovered=143,
            by_destination=dict.fromkeys(DESTINATIONS, (100, 90)),
            p50=0.004,
            p99=0.021,
        ),
        status=RelayStatus("connected", "", 2, dict.fromkeys(DESTINATIONS, "idle"), 12),
        arrivals=tuple(arrivals) if full else (),
        mishaps=mishaps if full else (),
        rooms=rooms if phase is not Phase.STARTING else (),
    )
