"""Silence that people asked for: what a snooze is of, from when until when.

    begin · end ──> the store first, then in force ──> rule(name) · destination(name) · event(event) of the judge

A snooze is over at its end by the wall clock; nobody has to wake. Nothing snoozed costs a look at three empty mappings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from relay.clock import MICROS, Clock
from relay.errors import UsageError
from relay.events import Channel, Event, names_of, symbol_root
from relay.outbox.memory import RuleMemory, Snooze, SnoozeKind

LONGEST: Final = 365 * 86_400.0
"""Seconds; what is wanted silent for longer is taken out of the config."""

MOST: Final = 1_000
"""Snoozes at a time."""


class TooManySnoozesError(UsageError):
    """As many things are snoozed as may be."""


class Asleep:
    """What is snoozed at a moment.

    Args:
        snoozes: Those that there are.
        now_us: Tells the moment, µs since the epoch.
    """

    def __init__(self, snoozes: Iterable[Snooze], now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._kept: dict[SnoozeKind, dict[str, Snooze]] = {kind: {} for kind in SnoozeKind}
        for snooze in snoozes:
            self._kept[snooze.kind][snooze.name] = snooze

    def active(self) -> list[Snooze]:
        """Snoozes that are not over, the one that ends first before the others."""
        now_us = self._now_us()
        found = [snooze for kept in self._kept.values() for snooze in kept.values() if now_us < snooze.until_us]
        return sorted(found, key=lambda snooze: (snooze.until_us, snooze.kind, snooze.name))

    def rule(self, name: str) -> Snooze | None:
        """The snooze of a rule, if there is one."""
        return self._of(SnoozeKind.RULE, name)

    def destination(self, name: str) -> Snooze | None:
        """The snooze of a destination, if there is one."""
        return self._of(SnoozeKind.DESTINATION, name)

    def event(self, event: Event) -> Snooze | None:
        """The snooze of the symbol that an event is about.

        A break is about several: it is silent only where each of them is, futures compared without their contract
        suffix; the snooze that ends first is told.
        """
        if not self._kept[SnoozeKind.SYMBOL]:
            return None
        futures = event.channel is Channel.BREAKS
        found = [self._symbol(name.upper(), futures=futures) for name in names_of(event)]
        snoozed = [snooze for snooze in found if snooze is not None]
        if not snoozed or len(snoozed) < len(found):
            return None
        return min(snoozed, key=lambda snooze: snooze.until_us)

    def _symbol(self, name: str, *, futures: bool) -> Snooze | None:
        if not futures:
            return self._of(SnoozeKind.SYMBOL, name)
        root = symbol_root(name)
        spelt = (self._of(SnoozeKind.SYMBOL, spelling) for spelling in (root, f"{root}1!", f"{root}=F"))
        return next((snooze for snooze in spelt if snooze is not None), None)

    def _of(self, kind: SnoozeKind, name: str) -> Snooze | None:
        snooze = self._kept[kind].get(name)
        if snooze is None or self._now_us() < snooze.until_us:
            return snooze
        del self._kept[kind][name]  # over; the store prunes its own
        return None


class Snoozes(Asleep):
    """What is snoozed, held in memory as the store has it.

    Args:
        memory: Where snoozes last.
        clock: Ends them.
    """

    def __init__(self, memory: RuleMemory, clock: Clock) -> None:
        super().__init__((), clock.now_us)
        self._memory = memory

    async def load(self) -> None:
        """Take up what the last run knew.

        Raises:
            StoreBusyError: The store can't be read.
        """
        for snooze in await self._memory.snoozes():
            self._kept[snooze.kind][snooze.name] = snooze

    async def begin(self, kind: SnoozeKind, name: str, seconds: float) -> Snooze:
        """Snooze something from now on, in place of an earlier snooze of it; a symbol's name is folded.

        Raises:
            StoreBusyError: The store does not take it, and nothing is snoozed.
            TooManySnoozesError: There is no room for another one.
        """
        now_us = self._now_us()
        snooze = Snooze(kind, _folded(kind, name), now_us, now_us + round(min(seconds, LONGEST) * MICROS))
        if self._of(kind, snooze.name) is None and not self._has_room():
            hint = "End some of them, or take out of the config what is not wanted at all."
            raise TooManySnoozesError(f"{MOST:,} snoozes are as many as there may be", hint=hint)
        await self._memory.snooze(snooze)
        self._kept[kind][snooze.name] = snooze
        return snooze

    def _has_room(self) -> bool:
        """Whether there may be one more; those that are over make room."""
        active = self.active()
        self._kept = {kind: {one.name: one for one in active if one.kind is kind} for kind in SnoozeKind}
        return len(active) < MOST

    async def end(self, kind: SnoozeKind, name: str) -> bool:
        """End a snooze; whether there was one that was not over."""
        folded = _folded(kind, name)
        was = self._of(kind, folded)
        await self._memory.wake(kind, folded)
        self._kept[kind].pop(folded, None)
        return was is not None


def _folded(kind: SnoozeKind, name: str) -> str:
    return name.strip().upper() if kind is SnoozeKind.SYMBOL else name
