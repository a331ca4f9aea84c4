"""How a relay's status is drawn: the page's first sentence, a few lines on the whole, then a row for each destination.

The ledger's columns are the states; each delivery is in exactly one. Those that were sent again by hand, and those
that retention has deleted, are told below it, and last what a person can do. A terminal gets no line that is longer
than it is wide, and where the table does not fit, a sentence for each destination: a number that is cut tells a lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from rich import box
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from relay.cli.ended import in_words
from relay.cli.folded import fold
from relay.cli.wording import hole, moment
from relay.clock import MICROS, isoformat
from relay.commands import relay_command
from relay.deliveries import WAITING, State
from relay.durations import roughly
from relay.events import Instant
from relay.outbox.base import DestinationState, QueueStats, Switch
from relay.outbox.ending import Ending
from relay.readiness import switched
from relay.web.desk import Readiness
from relay.web.glance import headline_of, unreadable
from relay.web.looks import LaneState, LinkState

_MOST_HOLES: Final = 5  # they stand above the destinations, which matter more
_ENDLESS: Final = 10_000  # columns: to measure what a table would like to take
_STYLES: Final = {"good": "green", "fair": "yellow", "bad": "red"}
_COLUMNS: Final = (
    ("waiting", WAITING),
    ("delivered", (State.DELIVERED,)),
    ("dead", (State.DEAD,)),
    ("expired", (State.EXPIRED,)),
    ("suppressed", (State.SUPPRESSED,)),
)


def of_store(
    stats: Mapping[str, QueueStats],
    switches: Mapping[str, DestinationState],
    *,
    now_us: int,
    held: bool,
    damage: str = "",
    ending: Ending | None = None,
) -> dict[str, Any]:
    """What the store tells of its deliveries, in the shape of ``/api/status``.

    Args:
        stats: What it tells.
        switches: The destinations of the config, and whether they are on.
        now_us: Now, µs since the epoch.
        held: A relay holds it, whose HTTP can't be reached.
        damage: What was found wrong with its file.
        ending: How the last run on it ended by itself; None where it was stopped, or runs.
    """
    return {
        "running": False,
        "held": held,
        "damage": damage,
        "ended": None if ending is None else _ended(ending, now_us),
        "now": isoformat(now_us),
        "destinations": [
            {
                "name": name,
                **_standing(name, switches.get(name), held=held),
                "oldest_pending": None if one.oldest_pending_us is None else isoformat(one.oldest_pending_us),
                **{
                    key: {str(word): number for word, number in counted.items()}
                    for key, counted in (
                        ("counts", one.counts),
                        ("suppressed", one.suppressed),
                        ("replays", one.replays),
                        ("pruned", one.pruned),
                    )
                },
            }
            for name, one in sorted(stats.items())
        ],
    }


def _ended(ending: Ending, now_us: int) -> dict[str, object]:
    return {
        "at": isoformat(ending.at_us),
        "exit_code": ending.exit_code,
        "why": ending.why,
        "hint": ending.hint,
        "said": in_words(ending, now_us),
    }


def _standing(name: str, switch: DestinationState | None, *, held: bool) -> dict[str, str]:
    """How a destination stands whose lane can't be asked; None is not in the config."""
    if switch is None:
        return {"state": LaneState.REMOVED.value, "reason": "", "trouble": "", "note": ""}
    if switch.switch is Switch.ON:
        return {"state": "not told" if held else "not running", "reason": "", "trouble": "", "note": ""}
    said = f"{name} {switched(name, switch)}"
    where = {"trouble": "", "note": said} if switch.switch is Switch.PAUSED else {"trouble": said, "note": ""}
    return {"state": switch.switch.value, "reason": switch.reason, **where}


def drawing(status: Mapping[str, Any], *, width: int | None) -> Iterator[RenderableType]:
    """What a person sees of a status, of one whose store can't be read, too; as ``shown`` takes it."""
    return stuck(status, width=width) if "problem" in status else shown(status, width=width)


def shown(status: Mapping[str, Any], *, width: int | None) -> Iterator[RenderableType]:
    """A status, as ``/api/status`` or ``of_store`` tells it.

    Args:
        status: All of it.
        width: Of the terminal; None where it is none, and lines are as long as they are.
    """
    for head, said, style in _relay(status) if status["running"] else _nobody(status):
        yield _line(head, said, style, width)
    destinations = status["destinations"]
    table = _table(status, terminal=width is not None)
    if destinations and (width is None or _width(table) <= width):
        yield Text()
        yield table
    else:
        for one in destinations:
            yield _line(one["name"], _sentence(one, status), "", width)
    for head, said, style in _below(destinations):
        yield _line(head, said, style, width)


def stuck(readiness: Mapping[str, Any], *, width: int | None) -> Iterator[RenderableType]:
    """What is known of a relay whose store can't be read.

    Args:
        readiness: As ``/readyz`` tells it, and as ``problem`` what was answered instead of a status.
        width: As ``shown`` takes it.
    """
    known = _readiness(readiness)
    glance = unreadable(known, readiness["problem"])
    yield _line("", glance.headline, _STYLES[glance.kind], width)
    for reason in glance.reasons:
        yield _line("not ready" if reason in known.reasons else "store", reason, "red", width)
    for trouble in glance.degraded:
        yield _line("degraded", trouble, "yellow", width)
    for note in glance.notes:
        yield _line("note", note, "", width)


def _nobody(status: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if status["held"]:
        yield "", "A relay runs, and answers nothing over HTTP; this is what its store holds.", "yellow"
    else:
        yield "", "No relay runs here; this is what its store holds.", "yellow"
    if ended := status.get("ended"):
        yield "", f"It {ended['said']}", "red"
    if damage := status.get("damage"):
        repair = "`relay repair --dry-run` says what can be kept"
        yield "store", f"its file is damaged ({damage}), and no relay starts on it: {repair}", "red"


def _relay(status: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    now_us = _us(status["now"])
    kind, headline = headline_of(_readiness(status), [one["state"] for one in status["destinations"]])
    yield "", headline, _STYLES[kind]
    link, store, backfill = status["connection"], status["store"], status["backfill"]
    detail = f": {link['detail']}" if link["detail"] else ""
    good = link["state"] == LinkState.CONNECTED
    yield "connection", f"{link['state']} for {_ago(link['since'], now_us)}{detail}", "green" if good else "yellow"
    for reason in status["reasons"]:
        yield "not ready", reason, "yellow"
    below = {one.get("trouble") for one in status["destinations"]}
    for reason in status["degraded"]:
        if reason not in below:
            yield "degraded", reason, "yellow"
    healthy = store["healthy"]
    yield "store", "takes writes" if healthy else store["detail"], "" if healthy else "red"
    done = backfill["completed_at"]
    last = "no round yet" if done is None else f"last complete {_ago(done, now_us)} ago"
    yield "backfill", "; ".join(filter(None, (last, backfill["detail"]))), ""
    holes = backfill["holes"]
    for one in holes[:_MOST_HOLES]:
        yield "hole", hole(one["channel"], one["after_id"], one["up_to_id"], one["part"]), "yellow"
    if (more := len(holes) - _MOST_HOLES) > 0:
        yield "holes", f"{more:,} more; --json lists them", "yellow"
    for snooze in status["snoozes"]:
        yield "snoozed", f"{snooze['name']} ({snooze['kind']}) until {moment(_us(snooze['until']), now_us)}", ""
    yield "relay", f"{status['version']}, started {_ago(status['started_at'], now_us)} ago", ""


def _readiness(told: Mapping[str, Any]) -> Readiness:
    """What was judged of it, as ``/readyz`` and ``/api/status`` tell it."""
    return Readiness(told["ready"], *(tuple(told[key]) for key in ("reasons", "degraded", "notes")))


def _width(table: Table) -> int:
    """How many columns a table takes where nothing in it is cut or folded."""
    console = Console(width=_ENDLESS)
    return Measurement.get(console, console.options, table).maximum


def _table(status: Mapping[str, Any], *, terminal: bool) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD if terminal else None, show_edge=False, pad_edge=False, header_style="bold", expand=False
    )
    table.add_column("destination", overflow="fold")
    table.add_column("state")
    for name, _ in _COLUMNS:
        table.add_column(name, justify="right")
    table.add_column("oldest")
    for one in status["destinations"]:
        numbers = (f"{_number(one['counts'], states):,}" for _, states in _COLUMNS)
        cells = [one["name"], one["state"], *numbers, _since(one, status)]
        table.add_row(*map(Text, cells))
    return table


def _sentence(one: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    """``idle, 3 waiting since 2 minutes, 120 delivered``: for a terminal that no table fits."""
    counted = [(name, _number(one["counts"], states)) for name, states in _COLUMNS]
    parts = [f"{number:,} {name}" for name, number in counted if number]
    since = _since(one, status)
    return ", ".join([one["state"], *parts, *([f"oldest {since}"] if since else [])])


def _since(one: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    oldest = one["oldest_pending"]
    return "" if oldest is None else _ago(oldest, _us(status["now"]))


def _below(destinations: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """What no row holds, and what a person can do."""
    dead = {}
    for one in destinations:
        name = one["name"]
        head, said = _said(one)
        if said:
            yield head, said, "yellow"
        for key, word in (
            ("suppressed", "suppressed"),
            ("replays", "sent again by hand"),
            ("pruned", "deleted by retention"),
        ):
            counted = {what: number for what, number in (one.get(key) or {}).items() if number}
            if counted:
                yield name, f"{word}: {', '.join(f'{number:,} {what}' for what, number in counted.items())}", ""
        if number := _number(one["counts"], (State.DEAD,)):
            dead[name] = number
    if dead:
        listed = ", ".join(f"{number:,} at {name}" for name, number in dead.items())
        yield "dead letters", f"{listed}; `relay dead list` shows them", "yellow"


def _said(one: Mapping[str, Any]) -> tuple[str, str]:
    """What there is to say of how a destination stands, after a word that says how much that matters."""
    if trouble := one.get("trouble"):
        return "degraded", trouble
    if note := one.get("note"):
        return "note", note
    if one["state"] != LaneState.REMOVED or not _number(one["counts"], WAITING):
        return one["name"], one.get("reason") or ""
    dropping = relay_command("dead", "drop", "--to", one["name"])
    return one["name"], f"what waits goes on when the config has it again; `{dropping}` lets go of it"


def _number(counts: Mapping[str, int], states: Iterable[State]) -> int:
    return sum(counts.get(state.value, 0) for state in states)


def _line(head: str, said: str, style: str, width: int | None) -> Text:
    """``head: said``; no line of it is longer than ``width``, and no word or command is broken that fits."""
    bold = f"{head}:" if head else ""
    told = f"{bold} {said}" if head else said
    if width is not None:
        told = fold(told, width, break_words=True)
    line = Text(told)
    line.stylize("bold", 0, len(bold))
    line.stylize(style, len(bold))
    return line


def _us(text: str) -> int:
    at = Instant.parse(text)
    assert at is not None, "a status tells its times"
    return at.us


def _ago(text: str, now_us: int) -> str:
    return roughly(max(0, now_us - _us(text)) / MICROS)
