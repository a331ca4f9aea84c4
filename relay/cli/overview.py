"""How a relay's status is drawn: a few lines on the whole, then a row for each destination with its ledger.

The ledger's columns are the states; each delivery is in exactly one. Those that were sent again by hand, and those
that retention has deleted, are told below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from relay.cli.wording import roughly
from relay.clock import MICROS, isoformat
from relay.deliveries import State
from relay.events import Instant
from relay.outbox.base import QueueStats

_NARROW: Final = 96  # columns that the table takes with states and numbers as long as they get
_COLUMNS: Final = (
    ("waiting", (State.PENDING, State.DECIDING)),
    ("delivered", (State.DELIVERED,)),
    ("dead", (State.DEAD,)),
    ("expired", (State.EXPIRED,)),
    ("suppressed", (State.SUPPRESSED,)),
)


def of_store(stats: Mapping[str, QueueStats], destinations: Iterable[str], *, held: bool) -> dict[str, Any]:
    """What the store tells of its deliveries, in the shape of ``/api/status``.

    Args:
        stats: What it tells.
        destinations: Those of the config.
        held: A relay holds it, whose HTTP can't be reached.
    """
    wanted = set(destinations)
    return {
        "running": False,
        "held": held,
        "destinations": [
            {
                "name": name,
                "state": ("not told" if held else "not running") if name in wanted else "removed",
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


def shown(status: Mapping[str, Any], *, width: int | None) -> Iterator[RenderableType]:
    """A status, as ``/api/status`` or ``of_store`` tells it.

    Args:
        status: All of it.
        width: Of the terminal; None where it is none.
    """
    if status["running"]:
        yield from _relay(status)
    elif status["held"]:
        yield Text("A relay runs, and answers nothing over HTTP; this is what its store holds.", style="yellow")
    else:
        yield Text("No relay runs here; this is what its store holds.", style="yellow")
    if width is not None and width < _NARROW:
        yield from (_line(one["name"], _sentence(one, status)) for one in status["destinations"])
    elif status["destinations"]:
        yield Text()
        yield _table(status, terminal=width is not None)
    for one in status["destinations"]:
        yield from _beside(one)


def _relay(status: Mapping[str, Any]) -> Iterator[Text]:
    now_us = _us(status["now"])
    link, store, backfill = status["connection"], status["store"], status["backfill"]
    detail = f": {link['detail']}" if link["detail"] else ""
    good = link["state"] == "connected"
    yield _line(
        "connection", f"{link['state']} for {_ago(link['since'], now_us)}{detail}", style="green" if good else "yellow"
    )
    for reason in status["reasons"]:
        yield _line("not ready", reason, style="yellow")
    for reason in status["degraded"]:
        yield _line("degraded", reason, style="yellow")
    healthy = store["healthy"]
    yield _line("store", "takes writes" if healthy else store["detail"], style="" if healthy else "red")
    done = backfill["completed_at"]
    last = "no round yet" if done is None else f"last complete {_ago(done, now_us)} ago"
    yield _line("backfill", "; ".join(filter(None, (last, backfill["detail"]))))
    for hole in backfill["holes"]:
        ids = f"{hole['channel']} ids {hole['after_id'] + 1} to {hole['up_to_id']}"
        yield _line("hole", f"{ids} were not shown whole ({hole['part']})", style="yellow")
    for snooze in status["snoozes"]:
        yield _line("snoozed", f"{snooze['name']} ({snooze['kind']}) until {snooze['until']}")
    yield _line("relay", f"{status['version']}, started {_ago(status['started_at'], now_us)} ago")


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
    if oldest is None:
        return ""
    return _ago(oldest, _us(status["now"])) if status["running"] else str(oldest)


def _beside(one: Mapping[str, Any]) -> Iterator[Text]:
    name = one["name"]
    if one.get("reason"):
        yield _line(name, one["reason"], style="yellow")
    for key, word in (
        ("suppressed", "suppressed"),
        ("replays", "sent again by hand"),
        ("pruned", "deleted by retention"),
    ):
        counted = {what: number for what, number in (one.get(key) or {}).items() if number}
        if counted:
            yield _line(name, f"{word}: {', '.join(f'{number:,} {what}' for what, number in counted.items())}")


def _number(counts: Mapping[str, int], states: Iterable[State]) -> int:
    return sum(counts.get(state.value, 0) for state in states)


def _line(head: str, text: str, *, style: str = "") -> Text:
    return Text.assemble((f"{head}: ", "bold"), (text, style))


def _us(text: str) -> int:
    at = Instant.parse(text)
    assert at is not None, "a status tells its times"
    return at.us


def _ago(text: str, now_us: int) -> str:
    return roughly(max(0, now_us - _us(text)) / MICROS)
