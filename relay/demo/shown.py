"""What stands in a chat, read as its readers do: which alerts a message shows, in full or as rows of a digest.

    Posted ──markdown, mrkdwn──> texts ──headline and time, or a row──> Look
    Alert  ────────────────────────────────────────────────look_of────> Look     what it is to look like

A chat shows no id, so an alert is known by its headline and the second of its trigger. Two that look alike are two
looks: whoever compares counts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from relay.clock import MICROS
from relay.demo.verify import Alert
from relay.simulator.chat import markdown, mrkdwn
from relay.simulator.chat.posted import DiscordPosted, Payload, Posted, SlackPosted
from relay.simulator.chat.spans import Setting, Span

_PLAIN: Final = Setting(0)
_WAYS: Final = {"bullish": "up", "bearish": "down", "▲": "up", "▼": "down"}
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_DATE: Final = re.compile(r"<!date\^(\d+)\^")
_BREAK: Final = re.compile(r"(\d) of 4 index futures broke (up|down) \[(\w+)\]")
_SETUP: Final = re.compile(r"(\S+) \[(\w+)\] (\S+)")
_ROW: Final = re.compile(r"(?:\d\d-\d\d )?(\d\d:\d\d:\d\d) +(?:(\d)/4 .*?(\S+) +([▲▼])|(\S+) +(\S+) +(\S+) )")


class Look(NamedTuple):
    """An alert as it is seen.

    Attributes:
        headline: ``AAPL [D] 1-2U`` or ``3 of 4 up [W]``.
        at: When it triggered, seconds since the epoch.
    """

    headline: str
    at: int


class Shown(NamedTuple):
    """What a message shows: alerts, in its order, and what is neither an alert nor known."""

    looks: tuple[Look, ...] = ()
    strange: tuple[str, ...] = ()


def look_of(alert: Alert, at_us: int) -> Look:
    """How ``alert``, triggered at ``at_us`` µs since the epoch, is to look."""
    if alert.symbol is None:
        headline = _break_line(str(alert.threshold), _WAYS.get(alert.direction, ""), alert.timeframe)
    else:
        headline = _setup_line(alert.symbol, alert.timeframe, alert.shape or alert.direction)
    return Look(headline, at_us // MICROS)


def shown(message: Posted) -> Shown:
    """The alerts in ``message``."""
    match message:
        case DiscordPosted():
            read = [_of_embed(embed) for embed in message.embeds]
        case SlackPosted():
            read = [_of_blocks(message.blocks)]
        case _:
            read = []
    rows = [row for some in read for row in some.rows]
    looks = [look for some in read for look in some.looks]
    strange = [text for some in read for text in some.strange]
    since = next((found for some in read for found in _INSTANT.findall(some.text)), None)
    for row in rows:
        look = _of_row(row, since)
        looks += [] if look is None else [look]
        strange += [row] if look is None else []
    return Shown(tuple(looks), tuple(strange))


class _Read(NamedTuple):
    """A part of a message: alerts in full, rows of a digest and all text beside them."""

    looks: Sequence[Look] = ()
    rows: Sequence[str] = ()
    text: str = ""
    strange: Sequence[str] = ()


def _of_embed(embed: Payload) -> _Read:
    description = markdown.read(_str(embed, "description"), _PLAIN)
    title = _text(markdown.read_line(_str(embed, "title"), _PLAIN))
    if rows := list(_rows(description)):
        return _Read(rows=rows, text=f"{title} {_text(description)}")
    headline, at = _headline(title), _seconds(_str(embed, "timestamp"))
    if headline is None or at is None:
        return _Read(strange=[title or "an embed without a title"])
    return _Read([Look(headline, at)])


def _of_blocks(blocks: Iterable[Payload]) -> _Read:
    """An alert begins with its headline; the next date is when it triggered."""
    looks: list[Look] = []
    rows: list[str] = []
    strange: list[str] = []
    texts: list[str] = []
    waiting: str | None = None
    for raw in (text for block in blocks for text in _texts(block)):
        spans = mrkdwn.read(raw, _PLAIN)
        rows += _rows(spans)
        texts.append(_text(spans))
        if (found := _headline(texts[-1])) is not None and not rows:
            strange += [] if waiting is None else [waiting]
            waiting = found
        if waiting is not None and (date := _DATE.search(raw)):
            looks.append(Look(waiting, int(date[1])))
            waiting = None
    return _Read(looks, rows, " ".join(texts), [*strange, *([] if waiting is None else [waiting])])


def _of_row(row: str, since: str | None) -> Look | None:
    """The alert of a digest's row; ``since`` is the first instant that the digest speaks of."""
    match = _ROW.match(row)
    if match is None or since is None:
        return None
    first = datetime.fromisoformat(f"{since}+00:00")
    at = datetime.combine(first.date(), datetime.strptime(match[1], "%H:%M:%S").time(), UTC)  # noqa: DTZ007  because only the time of day is taken
    at += timedelta(days=at < first)  # a digest of a demo spans minutes: past midnight, at most
    headline = _break_line(match[2], _WAYS[match[4]], match[3]) if match[2] else _setup_line(*match.group(5, 6, 7))
    return Look(headline, round(at.timestamp()))


def _headline(text: str) -> str | None:
    if match := _BREAK.search(text):
        return _break_line(*match.groups())
    return _setup_line(*match.groups()) if (match := _SETUP.search(text)) else None


def _setup_line(symbol: str, timeframe: str, shape: str) -> str:
    return f"{symbol} [{timeframe}] {shape}"


def _break_line(count: str, way: str, timeframe: str) -> str:
    return f"{count} of 4 {way} [{timeframe}]"


def _seconds(timestamp: str) -> int | None:
    try:
        return int(datetime.fromisoformat(timestamp).timestamp())
    except ValueError:
        return None


def _rows(spans: Iterable[Span]) -> Iterator[str]:
    for span in spans:
        if span.kind == "pre":
            yield from filter(str.strip, span.text.splitlines())


def _text(spans: Iterable[Span]) -> str:
    return "".join(span.href if span.kind == "dot" else span.text + _text(span.inside) for span in spans)


def _texts(block: Payload) -> Iterator[str]:
    """The texts of a block, in reading order, as they were sent."""
    for key in ("text", "fields", "elements"):
        value = block.get(key)
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, Mapping):
                yield _str(part, "text")


def _str(part: Payload, key: str) -> str:
    value = part.get(key)
    return value if isinstance(value, str) else ""
