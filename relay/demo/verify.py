"""What arrives in the inbox, read and verified as a receiver would.

    Received (headers, body) ──signature──> Receipt      the alert, who it was for, which rules wanted it

Source: Standard Webhooks 1.0, "Verifying signatures".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

import msgspec

from relay.errors import RelayError
from relay.events import EVENT_TYPES, Channel
from relay.simulator.history import Fired
from relay.simulator.inbox import Received

_CHANNELS: Final = {type_: channel for channel, type_ in EVENT_TYPES.items()}


class Alert(msgspec.Struct, frozen=True):
    """An alert's object as the simulator fires it; the time is left out, as socket and REST spell it differently.

    Attributes:
        market_date: The day of the replay, ISO.
    """

    id: int
    timeframe: str
    direction: str
    market_date: str
    symbol: str | None = None
    symbols: tuple[str, ...] = ()
    shape: str | None = None
    cc: str | None = None
    price: float | None = None
    threshold: int | None = None

    @property
    def name(self) -> str:
        """Who it is about, in short: ``AAPL``, ``ES NQ YM``."""
        return self.symbol or " ".join(symbol.removesuffix("1!") for symbol in self.symbols)

    def __str__(self) -> str:
        what = self.shape or f"{self.threshold} of 4"
        return f"{self.name} {self.timeframe} {self.direction} {what} of {self.market_date} (id {self.id})"


class Receipt(msgspec.Struct, frozen=True):
    """A verified delivery.

    Attributes:
        destination: The path it came to.
        rules: The rules that wanted it.
        recovered: It was found by a backfill.
        at_us: When it arrived, µs since the epoch.
    """

    destination: str
    channel: Channel
    alert: Alert
    rules: tuple[str, ...]
    recovered: bool
    at_us: int


class ReceiptError(RelayError):
    """What arrived is not what the relay says it sends."""


class _Note(msgspec.Struct):
    destination: str
    source: str
    rules: tuple[str, ...]


class _Body(msgspec.Struct):
    type: str
    data: Alert
    relay: _Note


_BODY: Final = msgspec.json.Decoder(_Body)


def alert_of(fired: Fired) -> Alert:
    """The alert that was fired."""
    return msgspec.convert(fired.object, Alert)


def read(received: Received, key: bytes) -> Receipt:
    """The receipt in a request.

    Args:
        received: As the inbox wrote it down.
        key: What deliveries are signed with.

    Raises:
        ReceiptError: The signature is wrong, or the body is not the documented one.
    """
    timestamp = received.headers.get("webhook-timestamp", "")
    signed = b"%s.%s.%s" % (received.webhook_id.encode(), timestamp.encode(), received.body)
    right = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    if not hmac.compare_digest(right.encode(), received.headers.get("webhook-signature", "").encode()):
        raise ReceiptError(f"a request to {received.path} has a wrong signature")
    try:
        body = _BODY.decode(received.body)
        channel = _CHANNELS[body.type]
    except (msgspec.DecodeError, KeyError) as error:
        raise ReceiptError(f"a request to {received.path} can't be read: {error}") from error
    destination = received.path.strip("/")
    if body.relay.destination != destination:
        raise ReceiptError(f"what is for {body.relay.destination} came to {destination}")
    return Receipt(
        destination=destination,
        channel=channel,
        alert=body.data,
        rules=body.relay.rules,
        recovered=body.relay.source == "backfill",
        at_us=received.at_us,
    )
