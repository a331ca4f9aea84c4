"""Stored events and deliveries to be read, or for a program.

    items ──show──> a table on a terminal, as many columns as it is wide enough for
          │         else a line each, tabs between all columns, times as RFC 3339
          ├─show_one──> a line a fact
          └─plain────> JSON, as HTTP tells it

Nothing that the upstream or a receiver wrote can steer a terminal, and no secret of the config is shown.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from relay.cli.wording import moment
from relay.clock import SystemClock
from relay.deliveries import State
from relay.destinations.texts import clean
from relay.events import Instant
from relay.outbox.archive import DROPPED_BY_HAND, Page
from relay.redaction import redact

Item: TypeAlias = Mapping[str, Any]

_STYLES: Final = {
    "delivered": "green", "dead": "red", "expired": "yellow", "dropped": "dim", "suppressed": "dim", "pending": "cyan",
    "deciding": "cyan",
}  # fmt: skip
_UNSHOWABLE: Final = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_LONGEST: Final = 300  # characters of a cell; `show` has all of it


class Column(NamedTuple):
    """A column.

    Attributes:
        head: What stands above it.
        cell: What stands in it.
        width: Terminals narrower than this go without it.
        fixed: Its cells are not broken over lines.
    """

    head: str
    cell: Callable[[Item], str]
    width: int = 0
    fixed: bool = False


def what(item: Item) -> str:
    """``AAPL [D] bullish 1-2U``, ``ES1! NQ1! [D] bearish``, ``break [D] bullish``."""
    data = item.get("data")
    sent = data if isinstance(data, Mapping) else {}  # of a delivery, shape and futures stand in the event's own object
    symbols, shape = item.get("symbols") or sent.get("symbols"), item.get("shape") or sent.get("shape")
    futures = sorted({str(one).strip().upper() for one in symbols}) if isinstance(symbols, list) else []
    timeframe = item.get("timeframe")
    names = item.get("symbol") or " ".join(futures) or "break"
    words = (names, timeframe and f"[{timeframe}]", item.get("direction"), shape and str(shape).upper())
    return " ".join(str(word) for word in words if word)


def fate(item: Item) -> str:
    """A delivery's state; ``dropped`` where it expired because a person let go of it."""
    dropped = (item.get("state"), item.get("last_error")) == (State.EXPIRED, DROPPED_BY_HAND)
    return "dropped" if dropped else str(item.get("state") or "")


def text_of(key: str) -> Callable[[Item], str]:
    """A field as text; a list's members with commas, nothing where it is not known."""

    def cell(item: Item) -> str:
        value = item.get(key)
        if isinstance(value, list):
            return ", ".join(map(str, value))
        return "" if value is None else str(value)

    return cell


def _whereto(item: Item) -> str:
    states = item.get("deliveries")
    if isinstance(states, Mapping) and states:
        return ", ".join(f"{name} {state}" for name, state in states.items())
    return "(before the first start)" if item.get("before_start") else ""


_ID: Final = Column("Id", text_of("id"), fixed=True)
_RECEIVED: Final = Column("Received", text_of("received_at"), width=50)
_EVENT: Final = Column("Event", what)
_TO: Final = Column("To", text_of("destination"))
_STATE: Final = Column("State", fate, fixed=True)
_CODE: Final = Column("Code", text_of("last_code"), fixed=True)
_ATTEMPTS: Final = Column("Attempts", text_of("attempts"), width=100, fixed=True)
_SOURCE: Final = Column("Source", text_of("source"), width=100, fixed=True)
_RULES: Final = Column("Rules", text_of("rules"), width=120)

LETTERS: Final = (_ID, _RECEIVED, _EVENT, _TO, _CODE, _ATTEMPTS, Column("Why", text_of("last_error"), width=80), _RULES)
DELIVERIES: Final = (_ID, _RECEIVED._replace(width=64), _EVENT, _TO, _STATE, _CODE, _ATTEMPTS, _SOURCE, _RULES)
EVENTS: Final = (_ID, _RECEIVED, _EVENT, Column("Deliveries", _whereto), _SOURCE)


def show(items: Iterable[Item], columns: Sequence[Column]) -> None:
    """Print a listing to be read."""
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        for item in items:
            click.echo(_fit("\t".join(clean(redact(column.cell(item))) for column in columns), console.encoding))
        return
    console.print(drawn(items, columns, console))


def drawn(items: Iterable[Item], columns: Sequence[Column], console: Console) -> Table:
    """A listing as a table, with the columns that a terminal is wide enough for."""
    now_us = SystemClock().now_us()
    shown = [column for column in columns if console.width >= column.width]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for column in shown:
        table.add_column(column.head, overflow="fold", no_wrap=column.fixed)
    for item in items:
        table.add_row(*(_cell(column, item, now_us, console.encoding) for column in shown))
    return table


def show_more(page: Page, *, noun: str) -> None:
    """Say on standard error that a listing has more than was shown."""
    if page.next is not None:
        click.echo(f"There are older {noun}: --limit {10 * len(page.items)}, or --until, shows them.", err=True)


def show_one(facts: Mapping[str, object]) -> None:
    """Print one thing to be read: a line a fact, those left out that are not known."""
    console = Console(file=sys.stdout, highlight=False)
    now_us = SystemClock().now_us()
    if not console.is_terminal:
        for name, value in _said(facts):
            click.echo(_fit(f"{name}: {value}", console.encoding))
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in _said(facts):
        shown = _local(value, now_us)
        grid.add_row(Text(name, "dim"), Text(_fit(shown, console.encoding), _STYLES.get(value, "")))
    console.print(grid)


def say(text: str) -> None:
    """Print a sentence, broken into lines where a terminal is narrow."""
    Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty()).print(Text(text))


def plain(value: object) -> str:
    """JSON on one line; what a terminal would obey is an escape of JSON, and secrets are ``***``."""
    text = json.dumps(_redacted(value), ensure_ascii=False)
    return _UNSHOWABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def page_of(page: Page) -> str:
    """A listing as HTTP tells it."""
    return plain({"items": page.items, "next": page.next})


def _said(facts: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        match value:
            case None | "" | []:
                continue
            case list():
                yield name, clean(redact(", ".join(map(str, value))))
            case dict():
                yield name, plain(value)
            case _:
                yield name, clean(redact(str(value)))


def _cell(column: Column, item: Item, now_us: int, encoding: str) -> Text:
    said = clean(redact(column.cell(item)))
    short = said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"
    return Text(_fit(_local(short, now_us), encoding), _STYLES.get(said, ""))


def _local(text: str, now_us: int) -> str:
    """A time as people of here read it; any other text as it is."""
    instant = Instant.parse(text) if "T" in text and text.endswith("Z") else None
    return text if instant is None else moment(instant.us, now_us)


def _fit(text: str, encoding: str) -> str:
    """``text`` as far as ``encoding`` has it."""
    return text.encode(encoding, "replace").decode(encoding)


def _redacted(value: object) -> object:
    match value:
        case str():
            return redact(value)
        case Mapping():
            return {redact(str(key)): _redacted(item) for key, item in value.items()}
        case list() | tuple():
            return [_redacted(item) for item in value]
        case msgspec.Struct():
            return _redacted(msgspec.to_builtins(value))
        case _:
            return value
