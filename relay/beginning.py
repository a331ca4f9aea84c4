"""How a run finds its store: as the last one left it, new, in the place of one that is gone, or put back from a backup.

path ──open_store──> Found: the outbox, and whether this run is its first
└──> what that means for what fired before is said, and that a copy was put back, once
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import structlog

from relay.backfill.baseline import beginning_us
from relay.clock import Clock, isoformat
from relay.config.model import Config
from relay.errors import StoreError
from relay.outbox.backup import recognise
from relay.outbox.ending import forget, note
from relay.outbox.former import bringing_back
from relay.outbox.sqlite import SqliteOutbox
from relay.systemd import Notifier, taking_time

_log = structlog.get_logger()


class Found(NamedTuple):
    """A store that is open.

    Attributes:
        outbox: That.
        is_new: This run is the first to use it; it may lie in the place of one that is gone.
    """

    outbox: SqliteOutbox
    is_new: bool


def would_begin(path: Path) -> bool:
    """Whether nothing lies at ``path``, so that a run would begin a store there; False where that can't be seen."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:  # the store's own opening says what is wrong with its place
        return False
    return False


async def open_store(
    config: Config, stack: AsyncExitStack, *, clock: Clock, notifier: Notifier, started_at_us: int
) -> Found:
    """Take the store of ``config``, and say how it was found.

    Args:
        config: What runs.
        stack: The store is closed with it.
        clock: The store's.
        notifier: Hears that this takes time, where the store is migrated first.
        started_at_us: When the run began, µs since the epoch.

    Raises:
        LockedError: Another relay holds the store.
        StoreError: The store can't be used.
    """
    async with taking_time(notifier, clock, "opening the store"):
        try:
            outbox = await SqliteOutbox.open(config.store_path, clock)
        except StoreError as error:
            await asyncio.to_thread(note, config.store_path, error, at_us=clock.now_us())
            raise
    stack.push_async_callback(outbox.close)
    await asyncio.to_thread(forget, config.store_path)
    await asyncio.to_thread(tell_if_put_back, config.store_path)
    await asyncio.to_thread(tell_if_named_twice, config.store_path)
    is_new = outbox.first_started_at_us >= started_at_us
    if is_new:
        _tell_new(config, started_at_us, follows_a_lost_one=outbox.follows_a_lost_one)
    return Found(outbox, is_new)


def tell_if_put_back(path: Path) -> None:
    """Log once that the store at ``path``, whose lock is held, is a copy that was put back."""
    if (found := recognise(path)) is not None:
        _log.warning(found.told, store=str(path), hint=found.hint)


def tell_if_named_twice(path: Path) -> None:
    """Log that the file at ``path`` has another name: its lock and its log go by names, and keep nobody there away."""
    with suppress(OSError):
        if (names := path.stat().st_nlink) > 1:
            hint = "A relay, or anything that writes, by the other name would damage it: docs/store.md, “A hard link”."
            _log.warning("the store's file has another name, by a hard link", store=str(path), names=names, hint=hint)


def _tell_new(config: Config, started_at_us: int, *, follows_a_lost_one: bool) -> None:
    back = config.backfill.on_first_start
    at = {"store": str(config.store_path), "delivered_back_to": isoformat(beginning_us(started_at_us, back))}
    further = "backfill.on_first_start says how far back to go."
    if not follows_a_lost_one:
        _log.info("the store is new: what fired before is not delivered", **at, hint=further)
    elif back:
        _log.warning("a store was here before, and is gone: what fired lately is fetched again", **at, hint=further)
    else:
        hint = bringing_back(config.store_path)
        _log.warning("a store was here before, and is gone: what waited in it is lost", **at, hint=hint)
