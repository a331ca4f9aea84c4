"""An alert as JSON: the default body of a webhook, and what every template sees.

    Message ──body_of──> Body ──encode──> the webhook's default body
                          └──variables_of──> a webhook's template ──chat_variables──> a chat's

``data`` is the upstream's object byte for byte, and so is a snapshot in ``relay.state`` or ``relay.states``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from relay.clock import isoformat
from relay.deliveries import Delivery, Message
from relay.destinations.charts import chart_url
from relay.destinations.enrichment import shown_state, shown_states
from relay.destinations.texts import lateness, remarks
from relay.events import Source
from relay.mentions import Mention
from relay.template import BodyTemplate, RenderError
from relay.values import read

TEST_TYPE: Final = "relay.test"

_UNREADABLE: Final = "the alert's data can't be read as values for the template"
_LARGEST_STATE: Final = 64 << 10
"""Bytes of a snapshot that a template sees, many times what the vendor's have: a megabyte, read anew for each of ten
alerts and each try to fit them into one message, would keep the event loop for seconds."""


class Envelope(msgspec.Struct, frozen=True):
    """The ``relay`` object of the body: how this alert came here.

    Attributes:
        event: The event's key as first stored.
        key: Its natural fields, for receivers that know alerts by those; where it has none, as a test, ``event``.
        rules: Names of the rules that still want it.
        destination: The name in the config.
        source: ``live``, ``backfill``, ``replay`` or ``test``.
        received_at: When the relay first saw it.
        expires_at: When the last rule stops wanting it; None is never.
        sequence: Rises per destination.
        attempt: 1 for the first; a dead letter that is sent again is counted on.
        simulated: The upstream is a simulator.
        state: The upstream's snapshot of the alert's symbol, where a rule wants it shown and it could be had.
        states: Those of a break's participants, by symbol.
    """

    event: str
    key: str
    rules: tuple[str, ...]
    destination: str
    source: str
    received_at: str
    expires_at: str | None
    sequence: int
    attempt: int
    simulated: bool
    state: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    states: Mapping[str, msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


class Body(msgspec.Struct, frozen=True):
    """The default body.

    Attributes:
        type: ``alert.in_force``, ``alert.simultaneous_break``, ``state``, ``quote`` or ``relay.test``.
        timestamp: When it triggered, as precisely as the upstream said; else when it was received.
        data: The upstream's object, unchanged.
        relay: What the relay adds.
    """

    type: str
    timestamp: str
    data: msgspec.Raw
    relay: Envelope


def body_of(message: Message) -> Body:
    """The default body of a message, not yet encoded."""
    delivery = message.delivery
    event = delivery.event
    received_at = isoformat(delivery.received_at_us)
    return Body(
        type=TEST_TYPE if delivery.source is Source.TEST else event.type,
        timestamp=event.triggered_at.isoformat() if event.triggered_at else received_at,
        data=msgspec.Raw(event.data),
        relay=Envelope(
            event=delivery.event_key,
            key=_natural(delivery),
            rules=message.rules,
            destination=delivery.destination,
            source=delivery.source.value,
            received_at=received_at,
            expires_at=None if message.expires_at_us is None else isoformat(message.expires_at_us),
            sequence=delivery.sequence,
            attempt=message.attempt,
            simulated=message.simulated,
            state=msgspec.UNSET if (state := shown_state(delivery)) is None else state,
            states=shown_states(delivery) or msgspec.UNSET,
        ),
    )


def _natural(delivery: Delivery) -> str:
    """Never one that any two without fields would share: a receiver that drops what it knows would drop the second."""
    return delivery.event_key if delivery.event.is_blank() else delivery.event.natural()


def variables_of(body: Body) -> dict[str, object]:
    """What a template sees: the fields of ``data`` by name, and ``type``, ``timestamp``, ``data``, ``relay``.

    Raises:
        RenderError: ``data`` can't be read.
    """
    data = _read(body.data)
    fields = data if isinstance(data, dict) else {}
    return {
        **fields,
        "type": body.type,
        "timestamp": body.timestamp,
        "data": data,
        "relay": _relay(body.relay),
    }


def _relay(envelope: Envelope) -> dict[str, object]:
    """``relay`` with its snapshots as values, None where there is none."""
    state, states = envelope.state, envelope.states
    return {
        **msgspec.to_builtins(replace(envelope, state=msgspec.UNSET, states=msgspec.UNSET)),
        "state": _read_state(state) if isinstance(state, msgspec.Raw) else None,
        "states": {name: _read_state(one) for name, one in states.items()} if isinstance(states, Mapping) else None,
    }


def _read_state(state: msgspec.Raw) -> object:
    """A snapshot as values; None where it is too large or can't be read, for the alert goes out without it, too."""
    try:
        return _read(state) if len(bytes(state)) <= _LARGEST_STATE else None
    except RenderError:
        return None


def _read(data: msgspec.Raw) -> object:
    """``data`` as values; what none can hold is None, and spoils nothing else of the alert."""
    try:
        return read(bytes(data))
    except ValueError:
        raise RenderError(_UNREADABLE) from None


def chat_variables(message: Message, *, pinged: Iterable[Mention], late_over: float) -> dict[str, object]:
    """What a chat's template sees: besides, ``mentions``, ``late`` and ``chart``, texts that are empty for none.

    Args:
        message: The alert.
        pinged: Whom it pings.
        late_over: ``late.over`` of the destination, seconds.
    """
    return {
        **variables_of(body_of(message)),
        "mentions": " ".join(mention.text for mention in pinged),
        "late": lateness(message, late_over) or "",
        "chart": chart_url(message.delivery.event) or "",
    }


def unsaid(template: BodyTemplate, message: Message, late_over: float) -> tuple[str, ...]:
    """What a reader must know of an alert and a chat's template does not tell.

    Lateness is left to a template that uses ``late``. That an alert is simulated is left to every template
    (``relay.simulated``): such a message stays on this machine, or goes where ``--allow-real`` was said.

    Args:
        template: What the message is made with.
        message: The alert.
        late_over: ``late.over`` of the destination, seconds.
    """
    return remarks(replace(message, simulated=False), None if "late" in template.variables else late_over)
