"""Dead letters queued again, or let go of, however many there are.

Meant ──IDs: each looked at first, so that a wrong one changes nothing──> one by one ─┐
      ├─filters ──> step by step ────────────────────────────────────────────────────┴──> Done ──> words
      └─dry run ──> counted ──> RetryPlan ──> words
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import Final

import msgspec

from relay.cli import remote
from relay.cli.archive import archive, step_by_step
from relay.cli.filters import known
from relay.cli.remote import Reach
from relay.cli.wording import agreeing, counted, overdue
from relay.clock import MICROS, SystemClock
from relay.deliveries import State
from relay.durations import roughly
from relay.errors import UsageError
from relay.events import Instant
from relay.outbox.archive import EVERYTHING, Archive, Selection
from relay.outbox.forecast import RetryForecast, forecast_retry

_LISTED: Final = "`relay dead list` shows those there are."


class Meant(msgspec.Struct, frozen=True):
    """Which dead letters: these, or all that are selected."""

    ids: tuple[int, ...] = ()
    selection: Selection = EVERYTHING


class Done(msgspec.Struct, frozen=True):
    """What was done.

    Attributes:
        count: Deliveries.
        running: A relay runs and goes on with them.
        absent: Destinations among them that the config does not have.
        waiting: What waited for a destination that is gone is among them.
        bodiless: Dead letters that are left, because the event's body is gone; looked for where nothing was done.
    """

    count: int
    running: bool
    absent: tuple[str, ...] = ()
    waiting: bool = False
    bodiless: int = 0

    def retried(self, whose: str) -> str:
        """In a sentence or two."""
        if not self.count and self.bodiless:
            return f"Nothing was queued again{whose}: {_bodies_gone(self.bodiless)}."
        if not self.count:
            return f"Nothing to retry: there are no dead letters{whose}."
        later = "" if self.running else "; they go out when the relay runs"
        return f"{self._are('dead letter', whose)} queued again{later}.{self.wait()}"

    def dropped(self, whose: str) -> str:
        """In a sentence."""
        if not self.count and self.waiting:
            return f"Nothing to drop: no delivery{whose} waits or is dead."
        if not self.count:
            return f"Nothing to drop: there are no dead letters{whose}."
        noun = "delivery" if self.waiting else "dead letter"
        return f"{self._are(noun, whose)} dropped."

    def _are(self, noun: str, whose: str) -> str:
        return f"{counted(self.count, noun)}{whose} {agreeing(self.count, 'is', 'are')}"

    def wait(self) -> str:
        """Of what waits for a destination that is not there; empty where nothing does."""
        return _wait(self.absent)

    def plain(self) -> dict[str, object]:
        """For a program."""
        return {"ok": True, "done": self.count, "running": self.running}


class RetryPlan(msgspec.Struct, frozen=True):
    """What a retry would come to.

    Attributes:
        found: That.
        running: A relay runs, and would go on with them.
        now_us: When that was asked, µs since the epoch.
        absent: Destinations among them that the config does not have.
    """

    found: RetryForecast
    running: bool
    now_us: int
    absent: tuple[str, ...] = ()

    def words(self, whose: str) -> str:
        """In a few sentences."""
        found = self.found
        if not found.to_send and not found.bodiless:
            return f"Nothing to retry: there are no dead letters{whose}."
        gone = f" {_bodies_gone(found.bodiless).capitalize()}." if found.bodiless else ""
        if not found.to_send:
            return f"Nothing would be queued again{whose}.{gone}"
        to = ", ".join(f"{count:,} to {name}" for name, count in found.destinations.items())
        said = f"{counted(found.to_send, 'dead letter')}{whose} would be queued again ({to}); nothing was done."
        late = overdue(found.overdue, found.to_send)
        return f"{said}{self._age()}{late}{gone}{_wait(self.absent)}"

    def _age(self) -> str:
        oldest, newest = (roughly((self.now_us - us) / MICROS) for us in self._span())
        if oldest == newest:
            return f" {agreeing(self.found.to_send, 'Its alert is', 'Their alerts are')} {oldest} old."
        return f" The oldest alert is {oldest} old, the newest {newest}."

    def _span(self) -> tuple[int, ...]:
        found = (Instant.parse(text) for text in (self.found.earliest, self.found.latest))
        return tuple(instant.us for instant in found if instant is not None)

    def plain(self) -> dict[str, object]:
        """For a program."""
        return {"ok": True, "dry_run": True, **msgspec.structs.asdict(self.found), "running": self.running}


async def plan_retry(config: Reach, meant: Meant) -> RetryPlan:
    """What ``retry`` would come to; nothing is done.

    Raises:
        UsageError: One of the IDs is of no dead letter.
    """
    async with archive(config) as reached:
        found = await forecast_retry(reached.archive, await _selections(config, reached.archive, meant))
    absent = set(found.destinations) - set(config.destinations)
    return RetryPlan(found, reached.running, SystemClock().now_us(), tuple(sorted(absent)))


async def retry(config: Reach, meant: Meant) -> Done:
    """Queue them again.

    Raises:
        UsageError: One of the IDs is of no dead letter; nothing is queued.
    """
    async with archive(config, changes=True) as reached:
        selections = await _selections(config, reached.archive, meant)
        steps = [step for one in selections async for step in step_by_step(partial(reached.archive.retry, one))]
        count = sum(step.done for step in steps)
        left = RetryForecast() if count else await forecast_retry(reached.archive, selections)
    absent = {name for step in steps for name in step.destinations} - set(config.destinations)
    return Done(count, reached.running, tuple(sorted(absent)), bodiless=left.bodiless)


async def drop(config: Reach, meant: Meant) -> Done:
    """Let go of them.

    Raises:
        UsageError: One of the IDs is of no dead letter, and nothing is dropped; or the running relay has the
            destination that the config does not.
    """
    waiting = clears_queue(config, meant.selection)
    async with archive(config, changes=True) as reached:
        try:
            steps = [
                step
                for one in await _selections(config, reached.archive, meant)
                async for step in step_by_step(partial(reached.archive.drop, one, waiting=waiting))
            ]
        except remote.RefusedError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            hint = "Reload it first: systemctl reload relay, or POST /api/reload."
            raise UsageError(f"the running relay still has {meant.selection.destination}", hint=hint) from error
    return Done(sum(step.done for step in steps), reached.running, waiting=waiting)


def clears_queue(config: Reach, selection: Selection) -> bool:
    """Whether what waits is meant, too: for a destination that is gone nobody will send it."""
    return selection.destination is not None and selection.destination not in config.destinations


def no_such(number: int) -> UsageError:
    """There is no such delivery."""
    return UsageError(f"there is no dead letter {number}", hint=_LISTED)


async def _selections(config: Reach, found: Archive, meant: Meant) -> list[Selection]:
    if not meant.ids:
        await known(config, found, meant.selection)
        return [meant.selection]
    for number in meant.ids:
        item = await found.delivery(number)
        if item is None:
            raise no_such(number)
        if item["state"] != State.DEAD:
            raise UsageError(f"{number} is no dead letter: that delivery is {item['state']}", hint=_LISTED)
    return [Selection(id=number) for number in meant.ids]


def _wait(absent: Sequence[str]) -> str:
    if not absent:
        return ""
    verb, those = agreeing(len(absent), "is", "are"), agreeing(len(absent), "it", "them")
    return f" {', '.join(absent)} {verb} not in the config: what is for {those} waits until then."


def _bodies_gone(count: int) -> str:
    letters = counted(count, "dead letter")
    return f"the {agreeing(count, 'body', 'bodies')} of {letters} {agreeing(count, 'is', 'are')} gone"
