"""What a verb that sends nothing must know of the past: what cooldowns are measured by, and who is snoozed.

    the store, read-only ──> marks, snoozes ──┐
    the running relay    ──> snoozes ─────────┴──> Memory, which says what is not known, and why

A relay may hold the store meanwhile; one that never ran remembers nothing. The running relay's word on snoozes counts
before the store's, which may not be the one it uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from relay.cli import remote
from relay.config.model import Config
from relay.errors import RelayError, StoreError
from relay.events import Instant
from relay.outbox.glance import Glance, glance
from relay.outbox.memory import Mark, Snooze, SnoozeKind


class Memory(msgspec.Struct, frozen=True):
    """What is remembered.

    Attributes:
        marks: Alerts that cooldowns let through; None where they are not known.
        snoozes: Those that are over may be among them; None where they are not known.
        doubts: Why something is not known, a sentence each.
    """

    marks: Sequence[Mark] | None = ()
    snoozes: Sequence[Snooze] | None = ()
    doubts: tuple[str, ...] = ()


async def recall(config: Config, *, cooldowns: bool) -> Memory:
    """All that can be known without taking the store from a running relay.

    Args:
        config: Says where the store lies and where the relay listens.
        cooldowns: Whether some rule has one; else not to know them is no doubt.
    """
    running = await _running(config)
    stored, fault = None, ""
    try:
        stored = await asyncio.to_thread(glance, config.store_path)
    except StoreError as error:
        fault = str(error)
    if stored is None and not fault:
        if running is None:
            stored = Glance()  # no relay ever ran here
        else:
            fault = f"the running relay's store is not at {config.store_path}"
    told = _snoozes(running)
    snoozes = stored.snoozes if told is None and stored is not None else told
    doubts = []
    if stored is None and cooldowns:
        doubts.append(f"cooldowns are not known: {fault}")
    if snoozes is None:
        doubts.append(f"snoozes are not known: {fault}")
    return Memory(None if stored is None else stored.marks, snoozes, tuple(doubts))


async def _running(config: Config) -> Mapping[str, object] | None:
    """What the running relay says of snoozes, nothing where it can't; None where none can be reached."""
    try:
        return await remote.fetch(config, "/api/snooze")
    except remote.RefusedError:
        return {}
    except RelayError:
        return None


def _snoozes(told: Mapping[str, object] | None) -> list[Snooze] | None:
    items = told.get("items") if told is not None else None
    if not isinstance(items, list):
        return None
    try:
        return [snooze_of(item) for item in items]
    except (KeyError, TypeError, ValueError):
        return None


def snooze_of(item: Mapping[str, object]) -> Snooze:
    """A snooze as ``/api/snooze`` tells it.

    Raises:
        KeyError: A field is missing.
        ValueError: One is of no use.
    """
    since, until = Instant.parse(item["since"]), Instant.parse(item["until"])
    if since is None or until is None:
        raise ValueError("a snooze without its times")
    return Snooze(SnoozeKind(str(item["kind"])), str(item["name"]), since.us, until.us)
