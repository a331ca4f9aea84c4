"""A symbol's snapshot to be read on a terminal, or by a program.

    Snapshot ──drawn──> head · a row a timeframe · a row a setup
             ──plain──> the upstream's object on one line

A colour is always said in words, too. Nothing of the upstream's text can steer a terminal, and an object with odd or
missing fields is shown as far as it goes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import msgspec
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from relay.destinations.texts import clean, price_text, timeframe_words
from relay.events import TIMEFRAMES
from relay.states import HIGHER_TIMEFRAMES, Snapshot, colour_of, continuity_of

_Fields: TypeAlias = dict[str, msgspec.Raw]

_WAY: Final = {"bullish": "up", "bearish": "down"}
_STYLES: Final = {"green": "green", "red": "red", "up": "green", "down": "red"}
_MOST_ROWS: Final = 50
_LONGEST: Final = 120
_UNKNOWN: Final = "?"
_FOLDED: Final = 60
_UNSHOWABLE: Final = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

_fields_in: Final = msgspec.json.Decoder(_Fields).decode
_items_in: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_value_in: Final = msgspec.json.Decoder().decode


def plain(snapshot: Snapshot) -> str:
    """The upstream's object on one line, value for value; what a terminal would obey as an escape of JSON."""
    text = msgspec.json.format(snapshot.data, indent=-1).decode()
    return _UNSHOWABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def drawn(snapshot: Snapshot, *, encoding: str = "utf-8") -> Group:
    """To be read.

    Args:
        snapshot: What to show.
        encoding: Of what it is printed on; what that lacks becomes a question mark.
    """
    return _Drawing(snapshot, encoding).all()


class _Drawing:
    def __init__(self, snapshot: Snapshot, encoding: str) -> None:
        self._snapshot = snapshot
        self._encoding = encoding
        self._told = _fields(msgspec.Raw(snapshot.data))
        self._setups = [_fields(item) for item in _items(self._told.get("setups"))]

    def all(self) -> Group:
        return Group(*self._head(), Text(), self._continuity(), Text(), *self._setups_table())

    def _head(self) -> Iterator[RenderableType]:
        instrument, price = _fields(self._told.get("instrument")), _fields(self._told.get("price"))
        symbol = self._text(self._snapshot.symbol) or _UNKNOWN
        yield Text("  ".join(filter(None, (symbol, self._say(instrument.get("name"))))), "bold")
        facts = {
            "sector": self._text(self._snapshot.sector or ""),
            "price": _number(price.get("price"), decimals=True) or "no recent trade",
            "volume": _number(price.get("volume"), decimals=False),
        }
        grid = Table.grid(padding=(0, 2))
        for label, said in facts.items():
            if said:
                _add(grid, label, said)
        way = _WAY.get(continuity_of(self._snapshot) or "", "none")
        _add(grid, "full continuity", Text(way, _STYLES.get(way, "")))
        if _read(instrument.get("active")) is False:
            _add(grid, "active", Text("no", "yellow"))
        yield grid

    def _continuity(self) -> Table:
        table = _table("timeframe", "", "continuity")
        shown = self._timeframes()
        for timeframe in shown[:_MOST_ROWS]:
            colour = self._text(colour_of(self._snapshot, timeframe)) or _UNKNOWN
            name, words = self._text(timeframe), self._text(timeframe_words(timeframe))
            _add(table, name, "" if words == name else words, Text(colour, _STYLES.get(colour, "dim")))
        return table

    def _timeframes(self) -> Sequence[str]:
        """Those that the upstream charts or tells anything of, from short to long; unknown ones after them."""
        charted = [_read(item) for item in _items(self._told.get("chart_timeframes"))]
        set_up = [_read(setup.get("timeframe")) for setup in self._setups]
        told = {str(name).strip().upper() for name in (*charted, *set_up, *self._snapshot.colours) if name is not None}
        every = told.union(HIGHER_TIMEFRAMES)
        return [*(name for name in TIMEFRAMES if name in every), *sorted(every.difference(TIMEFRAMES))]

    def _setups_table(self) -> Iterator[RenderableType]:
        if not self._setups:
            yield Text("no active setups", "dim")
            return
        table = _table("setup", "timeframe", "in force", "continuation")
        for setup in self._setups[:_MOST_ROWS]:
            _add(
                table,
                self._say(setup.get("shape")) or _UNKNOWN,
                self._say(setup.get("timeframe")) or _UNKNOWN,
                _yes_no(setup.get("in_force")),
                _yes_no(setup.get("continuation")),
            )
        yield table
        if (more := len(self._setups) - _MOST_ROWS) > 0:
            yield Text(f"and {more} more", "dim")

    def _say(self, raw: msgspec.Raw | None) -> str:
        """A text or a number as a cell."""
        value = _read(raw)
        return self._text(str(value)) if isinstance(value, str | int | float) else ""

    def _text(self, text: str) -> str:
        fit = clean(text)[:_LONGEST]
        return fit.encode(self._encoding, "replace").decode(self._encoding)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", max_width=_FOLDED)
    return table


def _add(table: Table, *cells: str | Text) -> None:
    """A row, whose texts are no markup."""
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))


def _read(raw: msgspec.Raw | None) -> object:
    try:
        return None if raw is None else _value_in(raw)
    except (ValueError, RecursionError):
        return None


def _fields(raw: msgspec.Raw | None) -> _Fields:
    try:
        return {} if raw is None else _fields_in(raw)
    except (ValueError, RecursionError):
        return {}


def _items(raw: msgspec.Raw | None) -> list[msgspec.Raw]:
    try:
        return [] if raw is None else _items_in(raw)
    except (ValueError, RecursionError):
        return []


def _number(raw: msgspec.Raw | None, *, decimals: bool) -> str:
    """``214.32`` or ``1,200``; empty where it is no number."""
    value = _read(raw)
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        return ""
    return price_text(number) if decimals or not number.is_integer() else f"{number:,.0f}"


def _yes_no(raw: msgspec.Raw | None) -> str:
    value = _read(raw)
    return _UNKNOWN if not isinstance(value, bool) else "yes" if value else "no"
