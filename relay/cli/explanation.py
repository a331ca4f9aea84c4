"""What ``relay explain`` found, to be read or for a program.

Answer ──show──> a table of rules and one of destinations on a terminal, else a line each
       ──plain──> JSON, one object for each event
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from relay.cli import became
from relay.cli.became import Became, Line
from relay.cli.fates import DestinationFate, Foretold, RuleFate
from relay.cli.given import Given
from relay.clock import MICROS, isoformat
from relay.deliveries import Suppression
from relay.destinations.redact import printable
from relay.durations import roughly
from relay.events import ALERT_CHANNELS, Event, Source
from relay.judging.judge import Sighted
from relay.outbox.base import Switch
from relay.rules import words

_STYLES: Final = {True: "green", False: "red", None: "yellow"}
_MATCHED: Final = {True: "matched", False: "not matched", None: "perhaps"}
_SENT: Final = {True: "would be sent", False: "not sent", None: "perhaps"}


class Answer(NamedTuple):
    """One event and what would become of it.

    Attributes:
        given: The event.
        sighted: As what it was judged.
        foretold: What would become of it.
        doubts: What is not known, a sentence each.
        now_us: The moment it was judged at, µs since the epoch.
        became: What became of it when it came; None where it is not stored.
    """

    given: Given
    sighted: Sighted
    foretold: Foretold
    doubts: tuple[str, ...]
    now_us: int
    became: Became | None = None


def show(answers: Sequence[Answer], *, text: str) -> None:
    """Print to be read.

    Args:
        answers: One for each event.
        text: What the verb was given, for the hint how to see a message.
    """
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    for number, answer in enumerate(answers):
        if number:
            console.print()
        for style, line in zip(("bold", "dim"), _head(answer), strict=True):
            console.print(Text(printable(line), style))
        if answer.became is not None:
            rows = list(became.said(answer.became, answer.now_us))
            _print(console, "what became of it", rows, none=answer.became.nowhere)
            console.print(Text("\nIf it came now:", "bold"))
        ordered = sorted(answer.foretold.rules, key=lambda fate: fate.matched is False)  # what matched comes first
        _print(console, "rules", [_rule_row(fate) for fate in ordered])
        _print(console, "destinations", [_destination_row(fate) for fate in answer.foretold.destinations])
        for doubt in answer.doubts:
            console.print(Text(printable(f"note: {doubt}")))
    for line in _hint(answers, text):
        console.print(Text(printable(line)))


def _print(console: Console, title: str, rows: Sequence[Line], *, none: str = "none") -> None:
    console.print(Text(f"{title}:" if rows else f"{title}: {none}"))
    if not console.is_terminal:
        for row in rows:
            console.print(Text(printable(f"  {row.name}: {row.word}{f'; {row.text}' if row.text else ''}")))
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for row in rows:
        table.add_row(Text(f"  {printable(row.name)}"), Text(row.word, _STYLES[row.good]), Text(printable(row.text)))
    console.print(table, soft_wrap=False)


def _head(answer: Answer) -> Iterator[str]:
    event = answer.sighted.event
    stored = answer.given.received_at_us is not None
    yield f"{_what(event)}  {answer.given.key if stored or event.id is not None else f'{event.channel}, without an id'}"
    at = event.triggered_at
    said = "its time is not known"
    if at is not None:
        age = (answer.now_us - at.us) / MICROS
        said = f"triggered {at.isoformat()}, {roughly(age)} {'ago' if age >= 0 else 'from now'}"
    recovered = answer.sighted.source is Source.BACKFILL
    judged = "" if answer.became is not None else "judged as if it came now, "
    yield f"{said}; {judged}{'recovered' if recovered else 'live'}"


def _what(event: Event) -> str:
    """``AAPL [D] bullish 1-2U``."""
    price = "" if event.price is None or event.channel in ALERT_CHANNELS else f"at {words.number(event.price)}"
    timeframe = event.timeframe and f"[{event.timeframe}]"
    count = "" if event.threshold is None else f"{event.threshold} futures"
    names = " ".join(event.symbols) or event.symbol
    return " ".join(filter(None, (names, count, timeframe, event.direction, event.shape, price))) or "?"


def _rule_row(fate: RuleFate) -> Line:
    said = [str(failure) for failure in fate.failures[:1]] or [note.text for note in fate.notes]
    if fate.reason is Suppression.UNKNOWN:
        return Line(fate.rule.name, "not known", None, "; ".join(("dropped (on_unknown: drop)", *said)))
    return Line(fate.rule.name, _MATCHED[fate.matched], fate.matched, "; ".join(said))


def _destination_row(fate: DestinationFate) -> Line:
    said = [fate.detail] if fate.sent is False else []
    if fate.rules:
        said.append(f"{'would list' if fate.sent is False else 'lists'} {words.listing(fate.rules, 'and')}")
    if fate.perhaps:
        said.append(f"lists {words.listing(fate.perhaps, 'and')} {fate.detail}")
    if fate.enriched:
        said.append("shows the symbol's state")
    if fate.held:
        word = "would be held" if fate.reason == Switch.PAUSED else "would be queued"
        return Line(fate.name, word, None, "; ".join(said))
    return Line(fate.name, _SENT[fate.sent], fate.sent, "; ".join(said))


def _hint(answers: Sequence[Answer], text: str) -> Iterator[str]:
    sent = next((fate.name for answer in answers for fate in answer.foretold.destinations if fate.sent), None)
    if sent is not None and len(answers) == 1 and text != "-":
        yield f"This command sent nothing. `relay send {sent} --event {text} --dry-run` shows the message."
    else:
        yield "This command sent nothing."


def plain(answers: Sequence[Answer]) -> str:
    """For a program."""
    return json.dumps({"ok": True, "events": [_plain(answer) for answer in answers]}, ensure_ascii=False)


def _plain(answer: Answer) -> dict[str, object]:
    event = answer.sighted.event
    return {
        "event": answer.given.key,
        "channel": event.channel.value,
        "type": event.type,
        "triggered_at": event.triggered_at.isoformat() if event.triggered_at else None,
        "judged_at": isoformat(answer.now_us),
        "source": answer.sighted.source.value,
        "became": became.plain(answer.became),
        "rules": [_plain_rule(fate) for fate in answer.foretold.rules],
        "destinations": [_plain_destination(fate) for fate in answer.foretold.destinations],
        "notes": list(answer.doubts),
    }


def _plain_rule(fate: RuleFate) -> dict[str, object]:
    failures = [
        {"condition": failure.condition, "found": failure.found, "wanted": failure.wanted} for failure in fate.failures
    ]
    return {
        "name": fate.rule.name,
        "matched": fate.matched,
        "failed": failures[0] if failures else None,
        "failures": failures,
        "notes": [{"about": note.about, "holds": note.holds, "text": note.text} for note in fate.notes],
        "suppressed": fate.reason,
    }


def _plain_destination(fate: DestinationFate) -> dict[str, object]:
    return {
        "name": fate.name,
        "sent": fate.sent,
        "rules": list(fate.rules),
        "perhaps": list(fate.perhaps),
        "reason": fate.reason or None,
        "detail": fate.detail or None,
        "enriched": fate.enriched,
    }
