"""Stores that are no more, and what is left of them beside the place where they lay.

    another file was put in the store's place ──``moved`` keeps what was open──> PATH.was-TIME
                                                                        │
    PATH is refused, lost, or nothing of it can be read ──former──> "the store … lies beside it as …"

A start takes ``PATH.lock``, and leaves it: where it lies without a store, there was one.
"""

from __future__ import annotations

import glob
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from relay.clock import MICROS, isoformat
from relay.outbox.header import looks_ours

_WAS: Final = ".was-"
_FORM: Final = "%Y%m%dT%H%M%SZ"


class Former(NamedTuple):
    """A whole store that lies beside the file in its place.

    Attributes:
        file: Where.
        until_us: Up to when a relay wrote it, µs since the epoch, to the second.
    """

    file: Path
    until_us: int

    @property
    def told(self) -> str:
        """What to do with it, a sentence."""
        until = isoformat(self.until_us).replace(".000Z", "Z")
        return (
            f"The store that a relay wrote here until {until} lies beside it as {self.file.name}: to go on with that, "
            "put it in its place (docs/store.md, “The file is gone”)."
        )


def place_beside(path: Path, now_us: int) -> Path:
    """Where the store that was open at ``path`` is kept, once another file lies there."""
    return path.with_name(f"{path.name}{_WAS}{datetime.fromtimestamp(now_us / MICROS, UTC):{_FORM}}")


def former(path: Path, *, unless_written: bool = False) -> Former | None:
    """The newest of the stores that were kept when another file was put in the place of ``path``.

    Args:
        path: The store's place.
        unless_written: Only where ``path`` was not written since: the store that a relay went on with is the last one.
    """
    found: list[Former] = []
    for file in path.parent.glob(f"{glob.escape(path.name)}{_WAS}*"):
        with suppress(ValueError):  # somebody gave it another name
            at = datetime.strptime(file.name.rpartition(_WAS)[2], _FORM).replace(tzinfo=UTC)
            if looks_ours(file):
                found.append(Former(file, round(at.timestamp()) * MICROS))
    newest = max(found, key=lambda one: one.until_us, default=None)
    if newest is None or (unless_written and _written_us(path) >= newest.until_us + MICROS):
        return None
    return newest


def pointing_to_former(path: Path, hint: str, *, unless_written: bool = False) -> str:
    """``hint``, a sentence, and before it where the former store lies, if there is one; see ``former``."""
    there = former(path, unless_written=unless_written)
    return hint if there is None else f"{there.told} Else: {hint[:1].lower()}{hint[1:]}"


def was_here(path: Path) -> bool:
    """Whether there was a store at ``path``, and is none. To be asked before the lock is taken, which leaves a file."""
    beside = (path.with_name(path.name + suffix) for suffix in (".lock", ".notices"))
    return not path.exists() and (any(file.exists() for file in beside) or former(path) is not None)


def bringing_back(path: Path) -> str:
    """How what waited in a store that is gone comes all the same, now that a new one was begun at ``path``."""
    return pointing_to_former(
        path.resolve(),
        "To have it fetched again, stop the relay, move the new store away, let backfill.on_first_start reach back to "
        "before the loss, and start it (docs/store.md, “The file is gone”).",
    )


def _written_us(path: Path) -> int:
    written_us = 0
    for file in (path, path.with_name(path.name + "-wal")):
        with suppress(OSError):
            found = file.stat()
            if found.st_size:  # whoever looks at a store makes an empty log
                written_us = max(written_us, found.st_mtime_ns // 1_000)
    return written_us
