"""What went wrong between two looks at the relay, and what of it is still so. Pure; the tables are its test.

    View before, View after ──troubles──> Trouble, … ──waits to be told──> of_now, by the View of then ──> Trouble, …

A trouble says what the view that it is told by says: one that has healed is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from relay.commands import relay_command
from relay.destinations.notice import Trouble, TroubleKind
from relay.readiness import switched_off

STEPS: Final = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
"""Dead letters of a destination in a day: passing one of these is told."""

NO_WRITES: Final = 0
"""``step`` of a store that takes no writes; it may heal by itself."""
DAMAGED: Final = 1
"""And of one that is damaged: nobody but a person helps."""
TAKEN_AWAY: Final = 2
"""And of one whose file was deleted, moved or replaced: the relay ends."""

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
        left: Dead letters that the store holds, of any day, by destination; None where it was not asked, or is silent.
        holes: Ranges that backfill could not see, in this run, by channel.
        refused: Backfills that are refused, by channel.
        store_writes: The store takes writes.
        damage: What is wrong with its file, and what to do; empty while nothing is known.
        disk: None where it can't be told.
        reload_fault: Why the last reload changed nothing; empty where it worked.
    """

    since_us: int = 0
    standby: bool = False
    off: Mapping[str, Off] = {}
    dead: Mapping[str, int] = {}
    left: Mapping[str, int] | None = None
    holes: Mapping[str, int] = {}
    refused: Mapping[str, Refused] = {}
    store_writes: bool = True
    damage: str = ""
    disk: Disk | None = None
    reload_fault: str = ""


def troubles(before: View, after: View) -> list[Trouble]:
    """What is wrong ``after`` and was not ``before``."""
    found = (_told(kind, subject, step, after) for kind, subject, step in _new(before, after))
    return [trouble for trouble in found if trouble is not None]


def of_now(found: Iterable[Trouble], now: View) -> list[Trouble]:
    """Those of ``found`` that are so ``now``, each as it is now; of several steps of one only the last."""
    still: dict[tuple[TroubleKind, str], Trouble] = {}
    for former in found:
        trouble = _told(former.kind, former.subject, former.step, now)
        if trouble is not None:
            known = still.get((trouble.kind, trouble.subject))
            if known is None or known.step < trouble.step:
                still[trouble.kind, trouble.subject] = trouble
    return list(still.values())


def _new(before: View, after: View) -> Iterator[tuple[TroubleKind, str, int]]:
    """Kind, subject and step of what came up."""
    if after.standby and not before.standby:
        yield TroubleKind.EVICTED, "", 0
    yield from _new_of_destinations(before, after)
    if after.damage and not before.damage:
        yield TroubleKind.STORE, "", DAMAGED
    elif before.store_writes and not after.store_writes:
        yield TroubleKind.STORE, "", NO_WRITES
    if _nearly_full(after) and not _nearly_full(before):
        yield TroubleKind.DISK, "", 0
    if after.reload_fault and after.reload_fault != before.reload_fault:
        yield TroubleKind.RELOAD_FAILED, "", 0
    yield from _new_of_channels(before, after)


def _new_of_channels(before: View, after: View) -> Iterator[tuple[TroubleKind, str, int]]:
    for channel in after.refused:
        if channel not in before.refused:
            yield TroubleKind.BACKFILL_REFUSED, channel, 0
    for channel, count in after.holes.items():
        if count > before.holes.get(channel, 0):
            yield TroubleKind.HOLE, channel, 0


def _new_of_destinations(before: View, after: View) -> Iterator[tuple[TroubleKind, str, int]]:
    for name, off in after.off.items():
        if off.since_us >= after.since_us and before.off.get(name) != off:
            yield TroubleKind.SWITCHED_OFF, name, 0
    for name, count in after.dead.items():
        step = passed(before.dead.get(name, 0), count)
        if step is not None and name not in after.off:  # what switched it off is told, and is a dead letter by nature
            yield TroubleKind.DEAD_LETTERS, name, step


def passed(before: int, after: int) -> int | None:
    """The greatest of ``STEPS`` that was passed on the way; a count that went down has begun anew."""
    start = before if before <= after else 0
    return max((step for step in STEPS if start < step <= after), default=None)


def _told(kind: TroubleKind, subject: str, step: int, now: View) -> Trouble | None:
    """What there is to say of it; None where all is well."""
    said = _WORDS[kind](now, subject, step) if kind in _WORDS else None
    return None if said is None else Trouble(kind, subject, *said, step)


def _evicted(now: View, _subject: str, _step: int) -> tuple[str, str] | None:
    if not now.standby:
        return None
    return (
        "another connection of this account took over; this relay stands by, polls REST and goes on delivering",
        "if the other one is not meant to run, stop it, then restart this relay",
    )


def _switched_off(now: View, name: str, _step: int) -> tuple[str, str] | None:
    off = now.off.get(name)
    if off is None:
        return None
    return (
        f"{name} {switched_off(off.reason)}; its queue is kept",
        f"mend its config, or if the receiver is well again: {relay_command('resume', name)}",
    )


def _store(now: View, _subject: str, step: int) -> tuple[str, str] | None:
    if step == DAMAGED:
        return (now.damage, "nothing new is stored or delivered until then") if now.damage else None
    if now.store_writes or now.damage:
        return None
    return (
        "the store takes no writes; nothing new is delivered until it does",
        "is the disk full, or read-only? It goes on by itself, and fetches what it missed",
    )


def _nearly_full(view: View) -> bool:
    return view.disk is not None and view.disk.nearly_full


def _disk(now: View, _subject: str, _step: int) -> tuple[str, str] | None:
    if now.disk is None or not now.disk.nearly_full:
        return None
    return (
        f"the disk of the store is nearly full: {_size(now.disk.free)} of {_size(now.disk.total)} are free",
        "make room, or shorten storage.retention",
    )


def _refused(now: View, channel: str, _step: int) -> tuple[str, str] | None:
    refused = now.refused.get(channel)
    if refused is None:
        return None
    return (
        f"backfill of {channel} is refused ({refused.error}); what the socket misses is not fetched",
        refused.hint,
    )


def _holes(now: View, channel: str, _step: int) -> tuple[str, str] | None:
    count = now.holes.get(channel, 0)
    if not count:
        return None
    ranges = "a range" if count == 1 else f"{count} ranges since the relay started"
    return (
        f"backfill of {channel} found {ranges} in which the upstream may hide alerts",
        "the page shows the ids; compare them with the vendor's scanner",
    )


def _dead(now: View, name: str, _step: int) -> tuple[str, str] | None:
    today = now.dead.get(name, 0)
    left = today if now.left is None else now.left.get(name, 0)
    if not left:
        return None
    letters = "a dead letter" if left == 1 else f"{left} dead letters"
    if left == today:
        said = f"{letters}, its first today" if left == 1 else f"{letters} today"
    else:
        said = f"{letters}; {today} came today" if today else letters
    listed = relay_command("dead", "list", "--to", name)
    return f"{name} has {said}", f"{listed} says why; when that is mended, relay dead retry sends them again"


def _reload(now: View, _subject: str, _step: int) -> tuple[str, str] | None:
    if not now.reload_fault:
        return None
    text = f"the config was not reloaded, and nothing changed: {now.reload_fault.partition(chr(10))[0]}"
    return text, "relay check tells every fault"


_WORDS: Final[Mapping[TroubleKind, Callable[[View, str, int], tuple[str, str] | None]]] = {
    TroubleKind.EVICTED: _evicted,
    TroubleKind.SWITCHED_OFF: _switched_off,
    TroubleKind.STORE: _store,
    TroubleKind.DISK: _disk,
    TroubleKind.BACKFILL_REFUSED: _refused,
    TroubleKind.HOLE: _holes,
    TroubleKind.DEAD_LETTERS: _dead,
    TroubleKind.RELOAD_FAILED: _reload,
}
"""Text and hint by the view of now, of a subject, at a step; None where it is well. (``rejected``: the relay ends.)"""


def _size(count: int) -> str:
    return f"{count / _GIGA:.1f} GB" if count >= _GIGA else f"{count // _MEGA} MB"
