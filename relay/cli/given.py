"""The event that a verb is given: in a file, on standard input, or by its number or key in the store.

FILE | -                     ──> relay.cli.envelopes, in any form ──decode──┐
17 | alerts.in_force:98421   ──> the running relay, else its store ──decode──┴──> Given

A verb that sends wants one; one that only looks takes ``several``.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import msgspec

from relay.cli import remote
from relay.cli.envelopes import events_in
from relay.config.model import Config
from relay.document.reading import why
from relay.errors import UsageError
from relay.events import Channel, Event, Instant, Source
from relay.upstream.decode import decode_event
from relay.upstream.errors import DecodeError
from relay.upstream.tick import timed

FORMS: Final = "a file with an envelope as the socket sends it, - for standard input, or an event's number or key"

_MOST: Final = 64 << 20  # bytes of a file
_STORED: Final = re.compile(rf"\d+|(?:{'|'.join(map(re.escape, Channel))}):.+", re.ASCII | re.DOTALL)


class Given(NamedTuple):
    """An event to try something with.

    Attributes:
        event: The event.
        key: Its key: as it was first stored, else its own.
        received_at_us: When it was first seen, µs since the epoch; None where nobody has seen it.
        source: How it came; None where nobody has seen it.
        item: The stored one, as a listing shows it; None where nobody has seen it.
    """

    event: Event
    key: str
    received_at_us: int | None
    source: Source | None = None
    item: Mapping[str, object] | None = None


async def given(config: Config, text: str) -> Given:
    """The one event that ``text`` means.

    Raises:
        UsageError: It means none, or several.
        LockedError: A relay runs whose HTTP can't be reached.
    """
    found = await several(config, text)
    if len(found) > 1:
        raise UsageError(f"{_name(text)} holds {len(found)} events", hint="One is wanted here.")
    return found[0]


async def several(config: Config, text: str) -> list[Given]:
    """The events that ``text`` means, of any channel, at least one.

    Raises:
        UsageError: It means none.
        LockedError: A relay runs whose HTTP can't be reached.
    """
    if _STORED.fullmatch(text):
        return [_from_item(text, await _stored(config, text))]
    data = await asyncio.to_thread(_read, text)
    if len(data) > _MOST:
        raise UsageError(f"{_name(text)} is longer than {_MOST >> 20} MiB", hint="Give part of it.")
    return [Given(event, event.key(), None) for event in events_in(_name(text), data)]


def _read(text: str) -> bytes:
    """One byte more than ``_MOST`` tells that there is more."""
    try:
        if text == "-":
            return sys.stdin.buffer.read(_MOST + 1)
        with Path(text).open("rb") as file:
            return file.read(_MOST + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{text} can't be read: {why(error)}", hint=f"Wanted: {FORMS}.") from error


def _name(text: str) -> str:
    return "standard input" if text == "-" else text


async def _stored(config: Config, name: str) -> Mapping[str, object]:
    try:
        found = await remote.fetch(config, f"/api/events/{quote(name, safe='')}")
    except remote.RefusedError as error:
        if error.status != 404:  # noqa: PLR2004  because HTTP says so
            raise
        found = None
    else:
        if found is None and await asyncio.to_thread(config.store_path.exists):
            async with remote.store(config) as outbox:
                found = await outbox.archive.event(name)
    if found is None:
        raise UsageError(f"there is no event {name} in the store", hint="/api/events lists those there are.")
    return found


def _from_item(name: str, item: Mapping[str, object]) -> Given:
    data, key, received = item.get("data"), item.get("event"), Instant.parse(item.get("received_at"))
    if data is None:
        raise UsageError(f"of the event {name} only its identity is kept", hint="storage.retention is over for it.")
    event = _decode(f"the event {name}", Channel(str(item.get("channel"))), msgspec.json.encode(data))
    event = timed(event, msgspec.json.encode(item.get("triggered_at")))
    source = str(item.get("source"))
    known = Source(source) if source in set(Source) else None
    return Given(event, str(key), received.us if received else None, known, item)


def _decode(name: str, channel: Channel, data: bytes) -> Event:
    try:
        return decode_event(channel, data, lenient=True)
    except DecodeError as error:
        raise UsageError(f"{name} holds no event: {error}") from None
