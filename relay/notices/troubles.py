"""What went wrong between two looks at the relay. Pure; the table is its test.

View before, View after ──troubles──> Trouble, …
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from relay.commands import relay_command
from relay.destinations.notice import Trouble, TroubleKind
from relay.readiness import switched_off

STEPS: Final = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
"""Dead letters of a destination in a day: passing one of these is told."""

_ENOUGH_SHARE: Final = 0.05
_MEGA: Final = 1_000_000
_GIGA: Final = 1_000_000_000
_ENOUGH_BYTES: Final = 200 * _MEGA


class Off(msgspec.Struct, frozen=True):
    """A destination that its answer switched off: why, and since when (µs since the epoch)."""

    reason: str
    since_us: int


class Refused(msgspec.Struct, frozen=True):
    """A backfill that REST refuses: why, and what helps."""

    error: str
    hint: str = ""


class Disk(msgspec.Struct, frozen=True):
    """The store's file system; bytes."""

    free: int
    total: int

    @property
    def nearly_full(self) -> bool:
        """Less free than a twentieth of it, or than 200 MB."""
        return self.free < max(_ENOUGH_SHARE * self.total, _ENOUGH_BYTES)


class View(msgspec.Struct, frozen=True):
    """How the relay stands, as far as it may be worth a notice; as it is by default, all is well.

    Attributes:
        since_us: When this relay started: of a destination that was off before that, the run before has told.
        standby: Another connection took over, and this relay polls.
        off: Destinations that are off, by name.
        dead: Dead letters of today so far, by destination, seen by this run; begins anew each day.
        holes: Ranges that backfill could not see, in this run, by channel.
        refused: Backfills that are refused, by channel.
        store_writes: The store takes writes.
        disk: None where it can't be told.
        reload_fault: Why the last reload changed nothing; empty where it worked.
    """

    since_us: int = 0
    standby: bool = False
    off: Mapping[str, Off] = {}
    dead: Mapping[str, int] = {}
    holes: Mapping[str, int] = {}
    refused: Mapping[str, Refused] = {}
    store_writes: bool = True
    disk: Disk | None = None
    reload_fault: str = ""


def troubles(before: View, after: View) -> list[Trouble]:
    """What is wrong ``after`` and was not ``before``."""
    return [
        *_evicted(before, after),
        *_switched_off(before, after),
        *_store(before, after),
        *_disk(before, after),
        *_refused(before, after),
        *_holes(before, after),
        *_dead(before, after),
        *_reload(before, after),
    ]


def _evicted(before: View, after: View) -> Iterator[Trouble]:
    if after.standby and not before.standby:
        yield Trouble(
            TroubleKind.EVICTED,
            "",
            "another connection of this account took over; this relay stands by, polls REST and goes on delivering",
            "if the other one is not meant to run, stop it, then restart this relay",
        )


def _switched_off(before: View, after: View) -> Iterator[Trouble]:
    for name, off in after.off.items():
        if off.since_us >= after.since_us and before.off.get(name) != off:
            yield Trouble(
                TroubleKind.SWITCHED_OFF,
                name,
                f"{name} {switched_off(off.reason)}; its queue is kept",
                f"mend its config, or if the receiver is well again: {relay_command('resume', name)}",
            )


def _store(before: View, after: View) -> Iterator[Trouble]:
    if before.store_writes and not after.store_writes:
        yield Trouble(
            TroubleKind.STORE,
            "",
            "the store takes no writes; nothing new is delivered until it does",
            "is the disk full, or read-only? It goes on by itself, and fetches what it missed",
        )


def _disk(before: View, after: View) -> Iterator[Trouble]:
    was = before.disk is not None and before.disk.nearly_full
    if after.disk is not None and after.disk.nearly_full and not was:
        yield Trouble(
            TroubleKind.DISK,
            "",
            f"the disk of the store is nearly full: {_size(after.disk.free)} of {_size(after.disk.total)} are free",
            "make room, or shorten storage.retention",
        )


def _refused(before: View, after: View) -> Iterator[Trouble]:
    for channel, refused in after.refused.items():
        if channel not in before.refused:
            text = f"backfill of {channel} is refused ({refused.error}); what the socket misses is not fetched"
            yield Trouble(TroubleKind.BACKFILL_REFUSED, channel, text, refused.hint)


def _holes(before: View, after: View) -> Iterator[Trouble]:
    for channel, count in after.holes.items():
        new = count - before.holes.get(channel, 0)
        if new > 0:
            ranges = "a range" if new == 1 else f"{new} ranges"
            yield Trouble(
                TroubleKind.HOLE,
                channel,
                f"backfill of {channel} found {ranges} in which the upstream may hide alerts",
                "the page shows the ids; compare them with the vendor's scanner",
            )


def _dead(before: View, after: View) -> Iterator[Trouble]:
    for name, count in after.dead.items():
        step = passed(before.dead.get(name, 0), count)
        if step is not None and name not in after.off:  # what switched it off is told, and is a dead letter by nature
            said = "a dead letter, its first today" if count == 1 else f"{count} dead letters today"
            listed = relay_command("dead", "list", "--to", name)
            hint = f"{listed} says why; when that is mended, relay dead retry sends them again"
            yield Trouble(TroubleKind.DEAD_LETTERS, name, f"{name} has {said}", hint, step)


def passed(before: int, after: int) -> int | None:
    """The greatest of ``STEPS`` that was passed on the way; a count that went down has begun anew."""
    start = before if before <= after else 0
    return max((step for step in STEPS if start < step <= after), default=None)


def _reload(before: View, after: View) -> Iterator[Trouble]:
    if after.reload_fault and after.reload_fault != before.reload_fault:
        text = f"the config was not reloaded, and nothing changed: {after.reload_fault.partition(chr(10))[0]}"
        yield Trouble(TroubleKind.RELOAD_FAILED, "", text, "relay check tells every fault")


def _size(count: int) -> str:
    return f"{count / _GIGA:.1f} GB" if count >= _GIGA else f"{count // _MEGA} MB"
