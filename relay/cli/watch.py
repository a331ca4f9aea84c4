"""``relay status --watch``: how the relay stands, drawn again and again until somebody has seen enough.

    look ──every few seconds──> status, the last alerts ──> a screen as high and wide as the terminal │ a line of JSON
      └──RelayError──> said in red, and asked again: a relay that restarts comes back into view

The screen is the terminal's other one: what stood there before stands there again afterwards. Ctrl-C ends it, with 0.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from relay.cli.listed import EVENTS, drawn
from relay.cli.overview import drawing
from relay.clock import Clock, SystemClock
from relay.durations import format_duration
from relay.errors import RelayError
from relay.wording import counted

Look: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
"""The status, as ``standing`` has it; an error where there is none to be had."""

Alerts: TypeAlias = Callable[[], Awaitable[list[dict[str, Any]]]]
"""The last events of a relay that runs."""

_BARS: Final = " ▁▂▃▄▅▆▇█"
_ASCII_BARS: Final = " .:-=+*#@"
MOST_ALERTS: Final = 12


async def watch(
    look: Look, alerts: Alerts, console: Console, *, every: float, as_json: bool, clock: Clock | None = None
) -> None:
    """Look, draw and wait, until cancelled.

    Args:
        look: Asks the relay.
        alerts: Asks for what a screen shows besides.
        console: The terminal.
        every: Seconds between two looks.
        as_json: A line for each look instead, for a program.
        clock: What it waits by.
    """
    clock = clock or SystemClock()
    if as_json:
        while True:
            click.echo(json.dumps(await _told(look), ensure_ascii=False))
            await clock.sleep(every)
    with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            live.update(Group(*await _screen(look, alerts, console, every)), refresh=True)
            await clock.sleep(every)


async def _told(look: Look) -> Mapping[str, Any]:
    try:
        return await look()
    except RelayError as error:
        return {"error": str(error), "hint": error.hint}


async def _screen(look: Look, alerts: Alerts, console: Console, every: float) -> list[RenderableType]:
    head = Text(f"relay status, every {format_duration(every)}; Ctrl-C ends", "dim")
    try:
        status = await look()
        events = await alerts() if status["running"] and "problem" not in status else []
    except RelayError as error:
        return [head, Text(), Text(str(error), "red"), Text(error.hint)]
    return [head, Text(), *drawing(status, width=console.width), *_hour(status, console), *_alerts(events, console)]


def _hour(status: Mapping[str, Any], console: Console) -> Iterator[RenderableType]:
    """The last hour: a bar for each minute, and its sums."""
    minutes = status.get("minutes") or []
    if not minutes:
        return
    sums = {key: sum(minute[key] for minute in minutes) for key in ("events", "delivered", "failed")}
    attempts = counted(sums["failed"], "attempt")
    said = f"{counted(sums['events'], 'alert')}, {sums['delivered']:,} delivered, {attempts} failed"
    yield Text()
    yield Text(f"last hour: {said}")
    room = max(1, console.width - 1)
    yield Text(spark([minute["delivered"] for minute in minutes][-room:], encoding=console.encoding), "green")


def spark(numbers: list[int], *, encoding: str = "utf-8") -> str:
    """A bar for each number, the greatest the highest; what is more than nothing is never drawn as nothing."""
    bars = _BARS if encoding.lower().startswith("utf") else _ASCII_BARS
    steps, most = len(bars) - 1, max(numbers, default=0)
    return "".join(bars[_height(number, most, steps)] for number in numbers)


def _height(number: int, most: int, steps: int) -> int:
    """Of a bar, in ``steps`` for ``most``; rounded up."""
    return -(-number * steps // most) if most else 0


def _alerts(events: list[dict[str, Any]], console: Console) -> Iterator[RenderableType]:
    if events:
        yield Text()
        yield drawn(events[:MOST_ALERTS], EVENTS, console)
