"""What arrives in the demo's inbox is verified before it counts."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from relay.demo.verify import ReceiptError, alert_of, read
from relay.destinations.webhook.signing import Signer
from relay.events import Channel
from relay.secret import Secret
from relay.simulator.history import Fired
from tests.support.clock import START_US
from tests.support.demo import KEY, SECRET, received


def test_a_signed_receipt_tells_what_it_is_and_who_it_is_for() -> None:
    receipt = read(received(), KEY)
    assert (receipt.destination, receipt.channel, receipt.alert.id) == ("daily", Channel.IN_FORCE, 7)
    assert (receipt.rules, receipt.recovered, receipt.at_us) == (("bulls",), False, START_US)


def test_the_signature_it_wants_is_the_one_that_is_sent() -> None:
    body = received().body
    sent = Signer([Secret(SECRET)]).sign("msg_1", 1700000000, body)
    assert read(received(raw=body, signature=sent), KEY).alert.id == 7


def test_it_agrees_with_the_public_signer() -> None:
    body = received().body
    signed = Webhook(SECRET).sign("msg_1", datetime.fromtimestamp(1700000000, UTC), body.decode())
    assert read(received(raw=body, signature=signed), KEY).alert.id == 7


@pytest.mark.parametrize("signature", ["", "v1,", "v1,AAAA", "v2,"])
def test_a_wrong_signature_is_refused(signature: str) -> None:
    with pytest.raises(ReceiptError, match="wrong signature"):
        read(received(signature=signature), KEY)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"type":1}', json.dumps({"type": "alert.in_force"}).encode()])
def test_what_is_not_the_documented_body_is_refused(raw: bytes) -> None:
    with pytest.raises(ReceiptError, match="can't be read"):
        read(received(raw=raw), KEY)


def test_an_unknown_type_is_refused() -> None:
    body = json.loads(received().body)
    body["type"] = "relay.test"
    with pytest.raises(ReceiptError, match="can't be read"):
        read(received(body=body), KEY)


def test_what_is_for_somebody_else_is_refused() -> None:
    with pytest.raises(ReceiptError, match="what is for daily came to market"):
        read(received("/market"), KEY)


def test_a_recovered_receipt_says_so() -> None:
    body = json.loads(received().body)
    body["relay"]["source"] = "backfill"
    assert read(received(body=body), KEY).recovered


def test_a_fired_alert_is_read_whole() -> None:
    item: dict[str, object] = {
        "id": 9,
        "timeframe": "W",
        "direction": "bearish",
        "threshold": 2,
        "symbols": ["ES1!", "YM1!"],
        "market_date": "2001-05-03",
        "triggered_at": "2026-04-10T13:45:22Z",
    }
    alert = alert_of(Fired(Channel.BREAKS, 9, item, START_US, own_time=False, visible_at=None))
    assert (alert.name, alert.symbols, alert.threshold) == ("ES YM", ("ES1!", "YM1!"), 2)
