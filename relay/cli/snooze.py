"""``relay snooze NAME 2h``: silence for a while, asked for, listed and ended.

    NAME [DURATION] ──> the running relay, over HTTP ──┐
                    └─> the store, where none runs  ───┴──> Snooze ──> a sentence, a table, JSON

Names are read by ``relay.judging.silence`` on either way, so that one means the same to both.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import Final

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from relay.cli import recall, remote
from relay.cli.options import completing, config_option, json_option
from relay.cli.reach import reach_quietly
from relay.cli.remote import Reach
from relay.cli.told import told
from relay.cli.wording import moment
from relay.clock import MICROS, SystemClock, isoformat
from relay.commands import relay_command
from relay.config.model import Config
from relay.durations import FORMS, format_duration, roughly
from relay.errors import Exit, RelayError, UsageError
from relay.judging import silence
from relay.judging.snoozes import Asleep, Snoozes
from relay.outbox.memory import Snooze, SnoozeKind

_EXAMPLES: Final = """\b
Examples:
  relay snooze "daily bulls" 2h
  relay snooze AAPL 1d
  relay snooze --list
  relay snooze --clear AAPL
"""
_PATH: Final = "/api/snooze"
_WRONG: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})
_KEPT: Final = {
    SnoozeKind.RULE: "what matches is kept and shown as suppressed",
    SnoozeKind.DESTINATION: "what would go there is kept and shown as suppressed",
    SnoozeKind.SYMBOL: "its alerts are kept and shown as suppressed",
}
_HEADS: Final = {"Snoozed": 0, "Kind": 0, "Until": 0, "Left": 60, "Since": 80}  # terminals narrower go without it
_FOLDED: Final = frozenset({"Snoozed", "Until"})
_MEANT: Final = {"list": "shows what is snoozed", "clear": "ends all"}  # typed as in `relay dead list`
_NEGATIVE: Final = re.compile(r"-\d")
_TO_THE_MINUTE: Final = 600.0  # seconds; of a snooze this long nobody wants to know the second


class _Command(click.Command):
    """Takes ``-5m`` for the duration that was meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse it before it is taken for options."""
        negative = next((arg for arg in args if _NEGATIVE.match(arg)), None)
        if negative is not None:
            hint = f"A snooze begins now: {FORMS}; --clear ends one."
            raise UsageError(f"{negative!r}: a duration is not negative", hint=hint)
        return super().parse_args(ctx, args)


@click.command(cls=_Command, epilog=_EXAMPLES)
@click.argument("name", required=False, shell_complete=completing("both"))
@click.argument("duration", required=False)
@click.option("--list", "listing", is_flag=True, help="Show what is snoozed.")
@click.option("--clear", is_flag=True, help="End the snooze of NAME; without NAME, end all.")
@click.option("--rule", is_flag=True, help="NAME is a rule's.")
@click.option("--destination", is_flag=True, help="NAME is a destination's.")
@click.option("--symbol", is_flag=True, help="NAME is a symbol.")
@config_option
@json_option
def command(
    *,
    name: str | None,
    duration: str | None,
    listing: bool,
    clear: bool,
    config: Path | None,
    as_json: bool,
    **kinds: bool,
) -> int:
    """Suppress what a rule, a destination or a symbol would have sent, for as long as DURATION (2h).

    A snooze suppresses: what comes meanwhile is never sent, only shown. `relay pause` holds: it is sent on resume.

    A name of the config is taken before a symbol. A break is silent where all of its symbols are snoozed. What was
    queued before goes out. A snooze lasts over restarts; another one of the same thing takes its place.
    """
    with told(as_json=as_json):
        kind = _kind(kinds)
        seconds = _wanted(name, duration, listing=listing, clear=clear, kind=kind)
        loaded = reach_quietly(config)
        if listing:
            _tell_all(asyncio.run(_active(loaded)), as_json=as_json)
        elif name is not None and duration is not None and seconds:
            _tell_begun(asyncio.run(_begin(loaded, name, duration, kind)), as_json=as_json)
        else:
            _tell_ended(asyncio.run(_end(loaded, name, kind)), name, as_json=as_json)
    return Exit.OK


def _kind(given: Mapping[str, bool]) -> SnoozeKind | None:
    """What NAME must be a name of, by the flags that were given.

    Raises:
        UsageError: They contradict each other.
    """
    said = [kind for kind in SnoozeKind if given[kind.value]]
    if len(said) > 1:
        raise UsageError(f"{' and '.join(f'--{kind}' for kind in said)}: NAME can't be a name of both")
    return said[0] if said else None


def _wanted(
    name: str | None, duration: str | None, *, listing: bool, clear: bool, kind: SnoozeKind | None
) -> float | None:
    """Seconds, if a duration is given; refuses what can't be meant.

    Raises:
        UsageError: It says too little, too much, or no duration.
    """
    if listing and (name is not None or clear or kind is not None):
        raise UsageError("--list stands alone", hint="relay snooze --list")
    if clear and duration is not None:
        raise UsageError(
            "--clear ends a snooze: it goes without a duration", hint=relay_command("snooze", "--clear", name or "NAME")
        )
    if name is not None and not name.strip():  # a script's empty variable must not end all
        raise UsageError("NAME is empty")
    if name is None and kind is not None:
        raise UsageError(f"--{kind} says what NAME is a name of, and there is no NAME")
    if listing or clear:
        return None
    if name is None:
        raise UsageError("what shall be snoozed, and for how long?", hint='Like this: relay snooze "daily bulls" 2h')
    if duration is None:
        does = _MEANT.get(name)
        meant = f"`relay snooze --{name}` {does}." if does else f"A number and a unit: {FORMS}."
        raise UsageError(f"for how long shall {name!r} be snoozed?", hint=meant)
    try:
        return silence.length(duration)
    except ValueError as error:
        meant = f"`{relay_command('snooze', '--clear', duration)}` ends one." if name == "clear" else ""
        raise UsageError(f"{duration!r}: {error}", hint=meant) from error


async def _active(config: Reach) -> list[Snooze]:
    """What is snoozed now; a running relay, or its store, is only read.

    Raises:
        RelayError: It can't be known.
    """
    if not isinstance(config, Config):
        answer = await remote.fetch(config, _PATH)
        if answer is None:
            raise remote.gone()
        return _snoozes(answer.get("items"))
    memory = await recall.recall(config, cooldowns=False)
    if memory.snoozes is None:
        raise RelayError(memory.doubts[0])
    return Asleep(memory.snoozes, SystemClock().now_us).active()


async def _begin(config: Reach, name: str, duration: str, kind: SnoozeKind | None) -> Snooze:
    answer = await _ask(config, {kind or "name": name, "for": duration})
    if answer is not None:
        return recall.snooze_of(answer)
    async with remote.store(config) as outbox:
        snoozes = Snoozes(outbox.memory, SystemClock())
        return await silence.silence(snoozes, _names(config), name, silence.length(duration), kind)


async def _end(config: Reach, name: str | None, kind: SnoozeKind | None) -> list[Snooze]:
    answer = await _ask(config, {"clear": True} | ({} if name is None else {kind or "name": name}))
    if answer is not None:
        return _snoozes(answer.get("ended"))
    async with remote.store(config) as outbox:
        snoozes = Snoozes(outbox.memory, SystemClock())
        await snoozes.load()
        return await silence.wake(snoozes, _names(config), name, kind)


def _snoozes(items: object) -> list[Snooze]:
    return [recall.snooze_of(item) for item in items] if isinstance(items, list) else []


async def _ask(config: Reach, body: dict[str, object]) -> dict[str, object] | None:
    """The running relay's answer; None where none runs.

    Raises:
        UsageError: It does not take that name or duration.
        RelayError: It can't do it now.
    """
    try:
        return await remote.ask(config, _PATH, body)
    except remote.RefusedError as error:
        if error.status in _WRONG:
            raise UsageError(error.said) from error
        raise


def _names(config: Reach) -> silence.Names:
    return silence.Names([rule.name for rule in config.rules], list(config.destinations))


def _tell_begun(snooze: Snooze, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_plain(snooze), ensure_ascii=False))
        return
    span = format_duration(_seconds(snooze))
    click.echo(f"{_whose(snooze)} is snoozed until {_until(snooze)} ({span}); {_KEPT[snooze.kind]}.")


def _tell_ended(ended: Sequence[Snooze], name: str | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"ended": [_plain(snooze) for snooze in ended]}, ensure_ascii=False))
        return
    for snooze in ended:
        click.echo(f"{_whose(snooze)} is snoozed no longer.")
    if not ended:
        click.echo("Nothing was snoozed." if name is None else f"{name} was not snoozed.")


def _tell_all(active: Sequence[Snooze], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"items": [_plain(snooze) for snooze in active]}, ensure_ascii=False))
    elif not active:
        click.echo("Nothing is snoozed.")
    elif sys.stdout.isatty():
        console = Console(file=sys.stdout, highlight=False)
        console.print(table(active, SystemClock().now_us(), console.width))
    else:
        for snooze in active:
            click.echo(f"{_whose(snooze)} is snoozed until {_until(snooze)}.")


def table(active: Sequence[Snooze], now_us: int, width: int) -> Table:
    """What is snoozed, with the columns that a terminal of this width has room for beside the names."""
    heads = [head for head, least in _HEADS.items() if width >= least]
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for head in heads:
        drawn.add_column(head, overflow="fold", no_wrap=head not in _FOLDED)
    for snooze in active:
        drawn.add_row(*(Text(cell) for cell in islice(_cells(snooze, now_us), len(heads))))
    return drawn


def _cells(snooze: Snooze, now_us: int) -> Iterator[str]:
    yield snooze.name
    yield snooze.kind.value
    yield _until(snooze)
    yield roughly((snooze.until_us - now_us) / MICROS)
    yield moment(snooze.since_us, now_us)


def _whose(snooze: Snooze) -> str:
    return f"{snooze.name} ({snooze.kind})"


def _until(snooze: Snooze) -> str:
    """When it ends: to the second where it is short, else to the nearest minute."""
    unit = 60 * MICROS if _seconds(snooze) >= _TO_THE_MINUTE else MICROS
    return moment((snooze.until_us + unit // 2) // unit * unit, SystemClock().now_us())


def _seconds(snooze: Snooze) -> float:
    return (snooze.until_us - snooze.since_us) / MICROS


def _plain(snooze: Snooze) -> dict[str, str]:
    """As ``GET /api/snooze`` tells it."""
    return {
        "kind": snooze.kind.value,
        "name": snooze.name,
        "since": isoformat(snooze.since_us),
        "until": isoformat(snooze.until_us),
    }
