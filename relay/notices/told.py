"""When each trouble was last told, over restarts: a relay that is started again and again tells it once an hour.

A small file beside the store, read once and written anew after each notice. Where it can't be written (a full disk)
the run still knows; where it can't be read nothing was told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from relay.clock import MICROS, Clock
from relay.placing import CLOSED, File, put_whole

ONCE_IN: Final = 3600.0
"""Seconds in which one trouble is told once."""

_MOST: Final = 10_000


class Told:
    """What was told within the hour.

    Args:
        path: The file; None remembers nothing beyond this run.
        clock: Wall time.
    """

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._at: dict[str, int] = {}

    async def load(self) -> None:
        """Take up what the last run told."""
        if self._path is not None:
            self._at = await asyncio.to_thread(_read, self._path)

    def lately(self, key: str) -> bool:
        """Whether the trouble of this key was told within the hour; a time that is yet to come is none."""
        at = self._at.get(key)
        return at is not None and 0 <= self._clock.now_us() - at < ONCE_IN * MICROS

    def forget(self, keys: Iterable[str]) -> None:
        """These were about to be told, and healed; the file learns of it with the next note."""
        for key in keys:
            self._at.pop(key, None)

    async def note(self, keys: Iterable[str]) -> None:
        """These have been told now."""
        now_us = self._clock.now_us()
        recent = {key: at for key, at in self._at.items() if self.lately(key)}
        self._at = recent | dict.fromkeys(keys, now_us)
        if self._path is not None:
            await asyncio.to_thread(_write, self._path, dict(self._at))


def beside(store: Path) -> Path:
    """Where it is kept for a store: ``relay.db.notices`` for ``relay.db``."""
    return store.with_name(store.name + ".notices")


def _read(path: Path) -> dict[str, int]:
    try:
        found = msgspec.json.decode(path.read_bytes()[: 1 << 20], type=dict[str, int])
    except (OSError, ValueError, msgspec.DecodeError):
        return {}
    return found if len(found) <= _MOST else {}


def _write(path: Path, at: dict[str, int]) -> None:
    with suppress(OSError):
        put_whole([File(path, msgspec.json.encode(at).decode(), CLOSED)])
