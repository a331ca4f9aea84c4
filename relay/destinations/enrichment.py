"""What is known of an alert's symbol beside the alert, as it was looked up or came along.

    Delivery.states ──shown_state──> the snapshot of the symbol that an alert is about
                    ──shown_states─> those of a break's participants, by symbol
    the alert's own object, else its snapshot ──continuity──> (("D", "green"), ("W", "red"))

Snapshots are the upstream's own objects, byte for byte. What can't be read is as good as missing: the alert is worth
more than what is shown with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final, TypeAlias

import msgspec

from relay.deliveries import Delivery
from relay.events import INDEX_FUTURES, TIMEFRAMES, Channel, Event

Continuity: TypeAlias = tuple[tuple[str, str], ...]
"""Timeframe and colour (``green``, ``red`` or another word of the vendor's), from 15 minutes up to a year."""

_LONGEST: Final = 4096
"""Bytes of all colours that are looked at: a megabyte of them would keep the event loop."""

_MOST: Final = len(INDEX_FUTURES)
"""Participants of a break whose continuity is told."""


class _Coloured(msgspec.Struct, frozen=True):
    """The part of an object that continuity is read from (the vendor's state snapshot)."""

    tfc: msgspec.Raw = msgspec.Raw()


class _Trade(msgspec.Struct, frozen=True):
    price: float | None = None


class _Priced(msgspec.Struct, frozen=True):
    """The part of a state's object that its price is read from, which is an empty object where nothing traded."""

    price: _Trade = _Trade()


_decode: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_coloured: Final = msgspec.json.Decoder(_Coloured).decode
_colours: Final = msgspec.json.Decoder(dict[str, object]).decode
_priced: Final = msgspec.json.Decoder(_Priced, strict=False).decode  # a number may be told as text


def shown_state(delivery: Delivery) -> msgspec.Raw | None:
    """The snapshot of the alert's one symbol; None for a break, and where none was looked up."""
    event = delivery.event
    if event.channel is Channel.BREAKS or delivery.states is None:
        return None
    known = _known(delivery.states)
    # Looked up by another spelling, it is still the only one.
    return known.get(event.symbol or "", next(iter(known.values()), None))


def shown_states(delivery: Delivery) -> Mapping[str, msgspec.Raw]:
    """The snapshots of those that took part in a break, by symbol; empty for any other alert."""
    if delivery.event.channel is not Channel.BREAKS or delivery.states is None:
        return {}
    return _known(delivery.states)


def continuity(delivery: Delivery) -> Continuity:
    """The colours in the alert's own object, else in its snapshot; none where neither has any."""
    own = _colours_in(delivery.event.data)
    if own or (state := shown_state(delivery)) is None:
        return own
    return _colours_in(state)


def continuities(delivery: Delivery) -> tuple[tuple[str, Continuity], ...]:
    """The colours of those that took part in a break, by symbol; none for any other alert."""
    return tuple((name, _colours_in(state)) for name, state in islice(shown_states(delivery).items(), _MOST))


def last_price(event: Event) -> float | None:
    """The price in a state's own object; None where nothing traded lately."""
    try:
        return _priced(event.data).price.price
    except (ValueError, RecursionError):
        return None


def _colours_in(data: bytes | msgspec.Raw) -> Continuity:
    try:
        sent = bytes(_coloured(data).tfc)
        colours = _colours(sent) if 0 < len(sent) <= _LONGEST else {}
    except (ValueError, RecursionError):
        return ()
    folded = {
        known: colour.strip().lower()
        for name, colour in colours.items()
        if isinstance(colour, str) and (known := name.strip().upper()) in TIMEFRAMES
    }
    return tuple((timeframe, folded[timeframe]) for timeframe in TIMEFRAMES if folded.get(timeframe))


def _known(states: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _decode(states)
    except (ValueError, RecursionError):
        return {}
