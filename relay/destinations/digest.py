"""Many alerts as a table: a row each, newest first, for when they are too many to show in full.

    batch ──rows──────> ["13:45:22 AAPL    D  1-2U ▲ 214.32", …]    for a code block, aligned
          ──heading───> "12 alerts"
          ──summary───> "2026-04-10 13:31:05 to 13:45:22 UTC · 9 ▲ · 3 ▼ · newest first · 2 late"
    rows  ──pages─────> texts of a limited length
    batch ──fitting───> how many of the first go into one message

Every alert of a batch has its row. Nothing upstream can end a code block (no backticks, no line breaks, nothing
invisible) or make a row longer than ``WIDTH``. A chat still escapes what it must.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from relay.clock import MICROS
from relay.deliveries import Message
from relay.destinations.texts import MOST_PARTICIPANTS, clean, fit, lateness, price_text, width
from relay.events import INDEX_FUTURES, Channel, Event, Source, symbol_root

WIDTH: Final = 60
"""UTF-16 units that a row has at most."""

UP: Final = "▲"
DOWN: Final = "▼"
_ARROWS: Final = {"bullish": UP, "bearish": DOWN}

_SYMBOL: Final = 12  # room for each column; the date, the time and the spaces between take the rest of the width
_TIMEFRAME: Final = 4
_SHAPE: Final = 11
_PRICE: Final = 12
_NAMES: Final = _SYMBOL + _TIMEFRAME + _SHAPE + 2

_TICK: Final = "\N{MODIFIER LETTER GRAVE ACCENT}"  # stands where a backtick would end the code block


class _Row(NamedTuple):
    """One alert in columns; a break's participants take the first three."""

    symbol: str
    timeframe: str
    shape: str
    arrow: str
    price: str
    names: str = ""


def rows(batch: Sequence[Message]) -> list[str]:
    """A row for each alert, newest first, times in UTC; with the date where they are not all of one day."""
    ordered = _newest_first(batch)
    moments = [_moment(message) for message in ordered]
    one_day = len({moment.date() for moment in moments}) == 1
    stamp = "%H:%M:%S" if one_day else "%m-%d %H:%M:%S"
    cells = [_row(message) for message in ordered]
    plain = [row for row in cells if not row.names]
    columns = [max((width(row[index]) for row in plain), default=0) for index in range(3)]
    names = sum(columns) + sum(column > 0 for column in columns) - 1
    lines = []
    for moment, row in zip(moments, cells, strict=True):
        what = (
            _pad(row.names, names)
            if row.names
            else " ".join(_pad(text, column) for text, column in zip(row[:3], columns, strict=True) if column)
        )
        lines.append(f"{moment:{stamp}} {what} {row.arrow} {row.price}".rstrip())
    return lines


def heading(batch: Sequence[Message]) -> str:
    """``12 alerts``."""
    return f"{len(batch)} alerts" if len(batch) > 1 else "1 alert"


def summary(batch: Sequence[Message], late_over: float) -> str:
    """From when to when, how many of each direction, how many are late; and whether they are replayed or invented.

    Args:
        batch: All of the digest.
        late_over: ``late.over`` of the destination, seconds.
    """
    moments = sorted(map(_moment, batch))
    first, last = moments[0], moments[-1]
    until = f"{last:%H:%M:%S}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M:%S}"
    directions = [message.delivery.event.direction for message in batch]
    counts = ((directions.count(name), arrow) for name, arrow in _ARROWS.items())
    sources = {message.delivery.source for message in batch}
    marks = {
        "replay": Source.REPLAY in sources,
        "test": Source.TEST in sources,
        "simulated": any(message.simulated for message in batch),
    }
    said = (
        f"{first:%Y-%m-%d %H:%M:%S} to {until} UTC" if first < last else f"{first:%Y-%m-%d %H:%M:%S} UTC",
        *(f"{count} {arrow}" for count, arrow in counts if count),
        "newest first",
        *_how_late(batch, late_over),
        *(mark for mark, holds in marks.items() if holds),
    )
    return " · ".join(said)


def _how_late(batch: Sequence[Message], over: float) -> tuple[str, ...]:
    late = [(message.delivery.happened_us, said) for message in batch if (said := lateness(message, over))]
    return (f"{len(late)} late (the oldest: {min(late)[1]})",) if late else ()


def pages(lines: Sequence[str], room: int) -> list[str]:
    """``lines`` put together into as few texts as possible, each of ``room`` UTF-16 units at most.

    Args:
        lines: Rows, escaped for the chat; none longer than ``room``.
        room: What one text holds.
    """
    made: list[list[str]] = []
    left = 0
    for line in lines:
        wide = width(line) + 1
        if wide > left or not made:
            made.append([])
            left = room + 1  # the last line of a page has no break after it
        made[-1].append(line)
        left -= wide
    return ["\n".join(page) for page in made]


def fitting(batch: Sequence[Message], holds: Callable[[Sequence[Message]], bool]) -> int:
    """How many of the first of ``batch`` go into one message; at least one.

    Args:
        batch: What waits.
        holds: Whether a digest of these is within the chat's limits; more never are where fewer are not.
    """
    if holds(batch):  # the usual case, and the cheap one
        return len(batch)
    counts = range(1, len(batch))
    return max(1, bisect_left(counts, 1, key=lambda count: not holds(batch[:count])))


def _newest_first(batch: Sequence[Message]) -> list[Message]:
    return sorted(batch, key=lambda message: message.delivery.happened_us)[::-1]


def _moment(message: Message) -> datetime:
    return datetime.fromtimestamp(message.delivery.happened_us // MICROS, UTC)


def _row(message: Message) -> _Row:
    event = message.delivery.event
    arrow = _ARROWS.get(event.direction or "", "·")
    price = "" if event.price is None else _price(event.price)
    timeframe = _cell(event.timeframe or "", _TIMEFRAME)
    if message.delivery.source is Source.TEST:
        return _Row("", "", "", arrow, "", names="test message")
    if event.channel is Channel.BREAKS:
        who = f"{_share(event)} {timeframe}".rstrip() if timeframe else _share(event)
        return _Row("", "", "", arrow, price, names=_cell(who, _NAMES))
    shape = event.shape or ("" if event.channel is Channel.IN_FORCE else event.type)
    return _Row(_cell(event.symbol or "", _SYMBOL) or "?", timeframe, _cell(shape, _SHAPE), arrow, price)


def _share(event: Event) -> str:
    """``3/4 ES NQ RTY``; room is left for the timeframe after it."""
    roots = list(map(symbol_root, event.symbols[:MOST_PARTICIPANTS]))
    count = event.threshold if event.threshold is not None else len(event.symbols)
    who = " ".join((f"{count}/{len(INDEX_FUTURES)}" if count > 0 else "break", *roots))
    return _cell(who, _NAMES - _TIMEFRAME - 1)


def _price(price: float) -> str:
    """A price is never cut, which would make it another one: where it is too long, it is rounded."""
    written = price_text(price)
    return written if width(written) <= _PRICE else f"{price:.5g}"


def _cell(text: str, room: int) -> str:
    return fit(clean(text).replace("`", _TICK), room)


def _pad(text: str, wide: int) -> str:
    return text + " " * (wide - width(text))
