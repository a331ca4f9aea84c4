"""``relay replay --since 2h``: send once more what was decided then, marked as a replay.

options ──> a selection for each destination of the config ──forecast──> what is to come, and what is left
                                                          └──replay──> step by step, with progress ──> a sentence
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final

import click
import msgspec

from relay.cli import remote
from relay.cli.archive import Reached, archive, step_by_step
from relay.cli.filters import chosen, filters, known, of
from relay.cli.listed import plain
from relay.cli.options import config_option, json_option
from relay.cli.progress import Bars
from relay.cli.reach import reach_quietly
from relay.cli.remote import Reach
from relay.cli.told import told
from relay.cli.wording import overdue
from relay.errors import Exit, UsageError
from relay.outbox.archive import Selection
from relay.outbox.forecast import ReplayForecast, forecast_replay
from relay.wording import agreeing, counted

_EXAMPLES: Final = """\b
Examples:
  relay replay --since 2h --dry-run
  relay replay --since 2026-04-10T13:30:00Z --until 2026-04-10T14:00:00Z --to bot
  relay replay --event alerts.in_force:98421 --new-ids
"""


_WHY_LEFT: Final = (
    {
        "waiting": "waits already",
        "suppressed": "was held back then",
        "dropped": "was dropped by hand (--dropped takes it)",
        "bodiless": "has lost its body (storage.retention)",
    },
    {
        "waiting": "wait already",
        "suppressed": "were held back then",
        "dropped": "were dropped by hand (--dropped takes them)",
        "bodiless": "have lost their bodies (storage.retention)",
    },
)
"""Of one, and of many."""


class Replayed(msgspec.Struct, frozen=True):
    """What a replay came to, or would come to.

    Attributes:
        queued: Deliveries queued once more; in a dry run, that would be.
        found: What there was; None where so much is stored that a relay can't count it while it is asked.
        running: A relay runs, and sends them.
        dry_run: Nothing was done.
    """

    queued: int
    found: ReplayForecast | None
    running: bool
    dry_run: bool

    @property
    def left(self) -> Mapping[str, int]:
        """Why what was selected is not queued again; empty where that is not known."""
        if self.found is None:
            return {}
        again = 0 if self.dry_run else max(0, self.found.to_send - self.queued)
        return {
            "waiting": self.found.waiting + again,
            "suppressed": self.found.suppressed,
            "dropped": self.found.dropped,
            "bodiless": self.found.bodiless,
        }


@click.command(epilog=_EXAMPLES)
@filters("destination", "rule", "symbol", "event", "since", "until")
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
@click.option("--dropped", is_flag=True, help="What was dropped by hand, too.")
@click.option("--new-ids", is_flag=True, help="Under new webhook-ids, for receivers that drop what they know.")
@config_option
@json_option
def command(
    *, dry_run: bool, dropped: bool, new_ids: bool, config: Path | None, as_json: bool, **given: str | None
) -> int:
    """Send stored events again, marked as a replay: --since says from when on, or --event which.

    It repeats what was decided then: the same destinations and rules, in the same order, under the same webhook-id.
    What waits is not queued twice, what was suppressed or dropped by hand stays so, and what is older than its max_age
    expires. Chats are told that it is a replay, and nobody is pinged.
    """
    with told(as_json=as_json):
        if given["since"] is None and given["event"] is None:
            raise UsageError("from when on? --since 2h, or --event ID", hint="--dry-run says what would be sent.")
        selection = chosen(given)
        loaded = reach_quietly(config)
        done = asyncio.run(_replay(loaded, selection, dry_run=dry_run, dropped=dropped, new_ids=new_ids, quiet=as_json))
    click.echo(plain(_plain(done)) if as_json else _words(done, of(given, joined="to")))
    return Exit.OK


async def _replay(
    config: Reach, selection: Selection, *, dry_run: bool, dropped: bool, new_ids: bool, quiet: bool
) -> Replayed:
    async with archive(config, changes=not dry_run) as reached:
        parts = await _parts(config, reached, selection)
        try:
            found = _sum([await forecast_replay(reached.archive, part, dropped=dropped) for part in parts])
        except remote.RefusedError as error:
            if dry_run or error.status != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            found = None
        if found is not None and dry_run:
            return Replayed(found.to_send, found, reached.running, dry_run=True)
        queued = 0
        with Bars(quiet=quiet) as bars:
            for part in parts:
                take = partial(reached.archive.replay, part, new_ids=new_ids, dropped=dropped)
                async for step in step_by_step(take):
                    queued += step.done
                    bars.show("queueing", queued, None if found is None else found.to_send)
        return Replayed(queued, found, reached.running, dry_run=False)


async def _parts(config: Reach, reached: Reached, selection: Selection) -> Sequence[Selection]:
    """The same for each destination of the config: what is for one that is gone would wait for ever.

    Raises:
        UsageError: A name is of nothing, or of a destination that is gone; or there is no such event.
    """
    name = selection.destination
    await known(config, reached.archive, selection)
    if name is not None and name not in config.destinations:
        hint = "What was for it would wait until the name returns; --to takes one that is there."
        raise UsageError(f"{name} is no longer in {config.path}", hint=hint)
    if selection.event is not None and await reached.archive.event(selection.event) is None:
        raise UsageError(f"there is no event {selection.event}", hint="`relay events` lists those there are.")
    names = [name] if name is not None else list(config.destinations)
    return [msgspec.structs.replace(selection, destination=one) for one in names]


def _sum(forecasts: Sequence[ReplayForecast]) -> ReplayForecast:
    return ReplayForecast(
        **{field: sum(getattr(one, field) for one in forecasts) for field in ReplayForecast.__struct_fields__}
    )


def _words(done: Replayed, whose: str) -> str:
    would = "would be" if done.dry_run else agreeing(done.queued, "was", "were")
    queued = f"{counted(done.queued, 'delivery')}{whose} {would} queued again"
    if done.found is None:
        return f"{queued}; what was left out was too much to be counted."
    left = _left(done.left)
    if not done.queued and not left:
        return f"There is nothing to send again{whose}: nothing that is stored fits."
    if not done.queued:
        return f"No delivery{whose} {would} queued again: {left}."
    out = f" Left out: {left}." if left else ""
    if done.dry_run:
        return f"{queued}; nothing was done.{overdue(done.found.overdue, done.found.to_send)}{out}"
    later = "" if done.running else "; they go out when the relay runs"
    return f"{queued}{later}.{overdue(min(done.found.overdue, done.queued), done.queued, done=True)}{out}"


def _left(left: Mapping[str, int]) -> str:
    """Why what fits is not queued again; empty where all is."""
    one, many = _WHY_LEFT
    return ", ".join(f"{count:,} {(one if count == 1 else many)[why]}" for why, count in left.items() if count)


def _plain(done: Replayed) -> dict[str, object]:
    return {
        "ok": True,
        "dry_run": done.dry_run,
        "queued": done.queued,
        "overdue": None if done.found is None else done.found.overdue,
        "left": done.left,
        "running": done.running,
    }
