"""What a verb that sends nothing must know of the past: what cooldowns are measured by, who is snoozed, paused or off.

    the store, read-only ──> marks, snoozes, switches ──┐
    the running relay    ──> snoozes, switches ─────────┴──> Memory, which says what is not known, and why

A relay may hold the store meanwhile; one that never ran remembers nothing. The running relay's word on snoozes and
switches counts before the store's, which may not be the one it uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from relay.cli import remote
from relay.config.model import Config
from relay.errors import RelayError, StoreError
from relay.events import Instant
from relay.outbox.base import DestinationState, Switch
from relay.outbox.glance import Glance, glance
from relay.outbox.memory import Mark, Snooze, SnoozeKind


class Memory(msgspec.Struct, frozen=True):
    """What is remembered.

    Attributes:
        marks: Alerts that cooldowns let through; None where they are not known.
        snoozes: Those that are over may be among them; None where they are not known.
        switched: The config's destinations that are paused or off, as far as known.
        doubts: Why something is not known, a sentence each.
    """

    marks: Sequence[Mark] | None = ()
    snoozes: Sequence[Snooze] | None = ()
    switched: Mapping[str, DestinationState] = {}
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
        stored = await asyncio.to_thread(glance, config.store_path, config.destinations)
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
    switched = _stored_switches(config, stored) if running is None or "destinations" not in running else _told(running)
    return Memory(None if stored is None else stored.marks, snoozes, switched, tuple(doubts))


async def _running(config: Config) -> Mapping[str, object] | None:
    """What the running relay says of itself, nothing where it can't; None where none can be reached."""
    try:
        return await remote.fetch(config, "/api/status")
    except remote.RefusedError:
        return {}
    except RelayError:
        return None


def _snoozes(told: Mapping[str, object] | None) -> list[Snooze] | None:
    items = told.get("snoozes") if told is not None else None
    if not isinstance(items, list):
        return None
    try:
        return [snooze_of(item) for item in items]
    except (KeyError, TypeError, ValueError):
        return None


def _told(running: Mapping[str, object]) -> dict[str, DestinationState]:
    """Who is paused or off, as ``/api/status`` tells it; what it tells in another form is passed over."""
    items = running["destinations"]
    found = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return {
        str(item.get("name")): DestinationState(Switch(item["state"]), str(item.get("reason") or ""))
        for item in found
        if item.get("state") in {Switch.PAUSED, Switch.OFF}
    }


def _stored_switches(config: Config, stored: Glance | None) -> dict[str, DestinationState]:
    """Likewise of the store; what was switched off under another config goes on with the next run."""
    return {
        name: state
        for name, state in (stored.switched if stored is not None else {}).items()
        if state.switch is Switch.PAUSED or state.fingerprint == config.destinations[name].fingerprint()
    }


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
