"""Dead letters queued again, or let go of, however many there are.

Meant ──IDs: each looked at first, so that a wrong one changes nothing──> one by one ─┐
      ├─filters ──> step by step ────────────────────────────────────────────────────┴──> Done ──> words
      └─dry run ──> counted ──> RetryPlan, DropPlan ──> words
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from http import HTTPStatus
from typing import Final

import msgspec

from relay.cli import remote
from relay.cli.archive import Steps, archive, step_by_step
from relay.cli.filters import known
from relay.cli.progress import Bars
from relay.cli.remote import Reach
from relay.cli.wording import overdue
from relay.clock import MICROS, SystemClock
from relay.deliveries import State
from relay.durations import roughly
from relay.errors import UsageError
from relay.events import Instant
from relay.outbox.archive import EVERYTHING, Archive, Selection, Step
from relay.outbox.forecast import DropForecast, RetryForecast, forecast_drop, forecast_retry
from relay.wording import agreeing, counted

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
        bodiless: Dead letters that are left, because the event's body is gone.
        overdue: Of what was queued, what is older than its ``max_age``: it expires unsent. None where so much is stored
            that a relay can't count it while it is asked.
    """

    count: int
    running: bool
    absent: tuple[str, ...] = ()
    waiting: bool = False
    bodiless: int = 0
    overdue: int | None = 0

    def retried(self, whose: str) -> str:
        """In a sentence or two."""
        if not self.count and self.bodiless:
            return f"No dead letter{whose} was queued again: {_bodies_gone(self.bodiless)}."
        if not self.count:
            return f"Nothing to retry: there are no dead letters{whose}."
        later = "" if self.running else "; they go out when the relay runs"
        late = overdue(min(self.overdue or 0, self.count), self.count, done=True)
        return f"{self._are('dead letter', whose)} queued again{later}.{late}{self.wait()}"

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

    def plain_retried(self) -> dict[str, object]:
        """For a program, of a retry."""
        return {**self.plain(), "overdue": self.overdue}


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
            return f"No dead letter{whose} would be queued again.{gone}"
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


class DropPlan(msgspec.Struct, frozen=True):
    """What a drop would come to.

    Attributes:
        found: That.
        running: A relay runs.
        waiting: What waits for a destination that is gone is meant, too.
    """

    found: DropForecast
    running: bool
    waiting: bool = False

    def words(self, whose: str) -> str:
        """In a sentence."""
        found = self.found
        if not found.to_drop:
            return Done(0, self.running, waiting=self.waiting).dropped(whose)
        those = [f"{count:,} at {name}" for name, count in found.destinations.items()]
        those += [f"{found.bodiless:,} without a body"] if found.bodiless else []
        those += [f"{found.waiting:,} of them {agreeing(found.waiting, 'waits', 'wait')}"] if found.waiting else []
        noun = counted(found.to_drop, "delivery" if self.waiting else "dead letter")
        return f"{noun}{whose} would be dropped ({', '.join(those)}); nothing was done."

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


async def retry(config: Reach, meant: Meant, *, quiet: bool) -> Done:
    """Queue them again; ``quiet`` shows no bar meanwhile.

    Raises:
        UsageError: One of the IDs is of no dead letter; nothing is queued.
    """
    async with archive(config, changes=True) as reached:
        selections = await _selections(config, reached.archive, meant)
        foretold = await _foretold(reached.archive, selections)
        retries = [partial(reached.archive.retry, one) for one in selections]
        steps = [step async for step in _every("queueing", retries, quiet=quiet)]
    absent = {name for step in steps for name in step.destinations} - set(config.destinations)
    return Done(
        sum(step.done for step in steps),
        reached.running,
        tuple(sorted(absent)),
        bodiless=0 if foretold is None else foretold.bodiless,
        overdue=None if foretold is None else foretold.overdue,
    )


async def _foretold(found: Archive, selections: Sequence[Selection]) -> RetryForecast | None:
    """What a retry would come to; None where a relay can't count it in the time it has for an answer."""
    try:
        return await forecast_retry(found, selections)
    except remote.RefusedError as error:
        if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
            raise
        return None


async def plan_drop(config: Reach, meant: Meant) -> DropPlan:
    """What ``drop`` would come to; nothing is done.

    Raises:
        UsageError: One of the IDs is of no dead letter.
    """
    waiting = clears_queue(config, meant.selection)
    async with archive(config) as reached:
        selections = await _selections(config, reached.archive, meant)
        return DropPlan(await forecast_drop(reached.archive, selections, waiting=waiting), reached.running, waiting)


async def drop(config: Reach, meant: Meant, *, quiet: bool) -> Done:
    """Let go of them; ``quiet`` shows no bar meanwhile.

    Raises:
        UsageError: One of the IDs is of no dead letter, and nothing is dropped; or the running relay has the
            destination that the config does not.
    """
    waiting = clears_queue(config, meant.selection)
    async with archive(config, changes=True) as reached:
        try:
            selections = await _selections(config, reached.archive, meant)
            drops = [partial(reached.archive.drop, one, waiting=waiting) for one in selections]
            steps = [step async for step in _every("letting go", drops, quiet=quiet)]
        except remote.RefusedError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            hint = "Reload it first: systemctl reload relay, or POST /api/reload."
            raise UsageError(f"the running relay still has {meant.selection.destination}", hint=hint) from error
    return Done(sum(step.done for step in steps), reached.running, waiting=waiting)


async def _every(what: str, parts: Sequence[Steps], *, quiet: bool) -> AsyncIterator[Step]:
    """All steps of all parts; how far it is shows on a terminal."""
    done = 0
    with Bars(quiet=quiet) as bars:
        for part in parts:
            async for step in step_by_step(part):
                done += step.done
                bars.show(what, done, None)
                yield step


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
