"""A demo on a terminal: one picture, drawn anew a few times a second.

market and its progress
connection, events
pages: the relay's, and each channel as its readers see it
destinations: due, arrived, waiting
what arrives, a sample that can be read
what went wrong, and what the relay made of it
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from relay.demo.faults import Mishap
from relay.demo.scenario import DESTINATIONS
from relay.demo.scene import Arrival, Phase, Scene
from relay.demo.summary import duration, minutes
from relay.demo.tally import Counts
from relay.events import Channel
from relay.web.looks import WELL, LaneState, LinkState, look_of

_EVERY: Final = 0.25
_AROUND: Final = 19  # lines beside arrivals and mishaps, the cursor's among them
_ROOMY: Final = 30  # lines of a terminal from which on mishaps and foot stand apart
_FEWEST, _MOST = 3, 20  # arrivals and mishaps shown
_MISHAPS: Final = 3
_LABEL: Final = 8
_BETWEEN: Final = "  "
_COLOURS: Final = {"bullish": "green", "bearish": "red"}
_SIGNS: Final = {"bullish": "▲", "bearish": "▼"}
_COLUMNS: Final = {"alert": 12, "tf": 2, "direction": 9, "shape": 8, "price": 7, "to": 10, "came": 9, "after": 6}
_NUMBERS: Final = frozenset({"price", "after"})
_BRANDS: Final = ("Discord", "Slack")
_GOOD: Final = frozenset(state for state in (*LinkState, *LaneState) if look_of(state) in WELL)


class View:
    """Draws a demo; a context manager, within which the terminal is its own.

    Args:
        console: A terminal that knows UTF-8.
    """

    every: float = _EVERY

    def __init__(self, console: Console) -> None:
        self._console = console
        self._latest: deque[Arrival] = deque(maxlen=_MOST)
        self._live = Live(
            console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False, vertical_overflow="crop"
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, scene: Scene) -> None:
        """Draw this moment."""
        self._live.update(self.picture(scene), refresh=True)

    def picture(self, scene: Scene) -> RenderableType:
        """This moment, with what arrived shortly before it."""
        self._latest.extend(sample(scene.arrivals))
        gap = [Text()] if self._console.height >= _ROOMY else []
        room = min(_MOST, self._console.height - _AROUND - 2 * len(gap))
        mishaps = scene.mishaps[-max(1, min(_MISHAPS, room - _FEWEST)) :]
        rows = max(_FEWEST, room - len(mishaps))  # a mishap takes an arrival's line: the picture keeps its height
        shown = list(self._latest)[-rows:]
        parts = (_head(scene, self._console.width), Text(), _destinations(scene), Text(), _arrivals(shown, rows))
        return Group(*parts, *gap, *map(_mishap, mishaps), *gap, _foot(scene))


def sample(arrivals: Sequence[Arrival]) -> list[Arrival]:
    """One for each destination, in the order they came: more could not be read.

    Recovered ones go before live ones, newer before older; no alert twice where there is another.
    """
    ranked = sorted(arrivals, key=lambda arrival: (arrival.receipt.recovered, arrival.receipt.at_us), reverse=True)
    chosen: list[Arrival] = []
    for name in reversed(DESTINATIONS):  # the choosiest first
        here = [arrival for arrival in ranked if arrival.receipt.destination == name]
        fresh = (arrival for arrival in here if all(_id(arrival) != _id(other) for other in chosen))
        chosen += [found for found in (next(fresh, None),) if found is not None] or here[:1]
    return sorted(chosen, key=lambda arrival: arrival.receipt.at_us)


def _id(arrival: Arrival) -> tuple[Channel, int]:
    return arrival.receipt.channel, arrival.receipt.alert.id


def _head(scene: Scene, width: int) -> RenderableType:
    counts, status, replay = scene.counts, scene.status, scene.replay
    time = minutes(scene.seconds) + (f" of {minutes(scene.of_seconds)}" if scene.of_seconds is not None else "")
    well = status.connection in _GOOD
    connection = Text(status.link, "green" if well else "bold yellow")
    if well and status.reconnects:
        connection.append(f", reconnected {status.reconnects}x", "dim")
    known = f"{counts.live} live · {counts.recovered} recovered"
    return Group(
        _line(
            "market",
            Text("" if replay.day is None else f"{replay.day}", "bold"),
            ProgressBar(*_progress(scene)),
            Text(f"{time} · {counts.fired} fired"),
        ),
        _line("upstream", connection, Text(known, justify="right")),
        _address("page", f"{scene.page}/" if scene.page else "", _latency(counts), width),
        _line(
            "config",
            Text(scene.config, "dim", overflow="ellipsis", no_wrap=True),
            Text(f"{status.seen_again} seen again", justify="right"),
        ),
        *(_address(name.lower(), *_room(name, scene), width) for name in _BRANDS),
    )


def _room(brand: str, scene: Scene) -> tuple[str, str]:
    """A chat's channel: where it is seen, and in how many messages it came."""
    room = next((room for room in scene.rooms if room.brand == brand), None)
    if room is None:
        return ("", "")
    refused = f" · {room.refused} refused" if room.refused else ""
    return room.page, f"{room.messages} messages{refused}"


def _address(name: str, url: str, more: str, width: int) -> RenderableType:
    """A line of the head with an address, which is copied and so never cut before all else is left out."""
    if len(url) + _LABEL + len(_BETWEEN) > width:
        return Text(url, "cyan", no_wrap=True)
    if len(url) + len(more) + _LABEL + 2 * len(_BETWEEN) > width:
        return Text.assemble((name.ljust(_LABEL), "dim"), _BETWEEN, (url, "cyan"), no_wrap=True)
    return _line(name, Text(url, "cyan"), Text(more, justify="right"))


def _line(name: str, *cells: RenderableType) -> Table:
    """A line of the head: its name, what it says, and the rest of the width for the second thing it says."""
    grid = Table.grid(padding=(0, len(_BETWEEN)), expand=True)
    grid.add_column(style="dim", width=_LABEL)
    for index in range(len(cells)):
        grid.add_column(no_wrap=True, ratio=1 if index == min(1, len(cells) - 1) else None)
    grid.add_row(name, *cells)
    return grid


def _latency(counts: Counts) -> str:
    return f"fired to arrived: p50 {duration(counts.p50)} · p99 {duration(counts.p99)}"


def _progress(scene: Scene) -> tuple[float, float]:
    """Total and completed: of the time where that is bounded, else of the days."""
    if scene.of_seconds is not None:
        return scene.of_seconds, min(scene.seconds, scene.of_seconds)
    return max(1, scene.replay.days), scene.replay.index


def _destinations(scene: Scene) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, expand=True, padding=(0, 1, 0, 0))
    table.add_column("destination")
    for name in ("matched", "delivered", "waiting"):
        table.add_column(name, justify="right")
    table.add_column("lane", width=12)
    for name in DESTINATIONS:
        due, arrived = scene.counts.by_destination.get(name, (0, 0))
        waiting, lane = due - arrived, scene.status.lanes.get(name, "")
        table.add_row(
            Text(name, "bold"),
            str(due),
            str(arrived),
            Text(str(waiting), "yellow" if waiting else "dim"),
            Text(lane, "green" if lane in _GOOD else "yellow"),
        )
    return table


def _arrivals(shown: list[Arrival], rows: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, expand=True, padding=(0, 1, 0, 0))
    for name, width in _COLUMNS.items():
        table.add_column(name, justify="right" if name in _NUMBERS else "left", no_wrap=True, min_width=width)
    for arrival in shown:
        table.add_row(*_row(arrival))
    for _ in range(rows - len(shown)):
        table.add_row("")
    return table


def _row(arrival: Arrival) -> tuple[RenderableType, ...]:
    alert, receipt = arrival.receipt.alert, arrival.receipt
    colour = _COLOURS.get(alert.direction, "")
    return (
        Text(alert.name, "bold"),
        alert.timeframe,
        Text(f"{_SIGNS.get(alert.direction, '')} {alert.direction}", colour),
        alert.shape or f"{alert.threshold} of 4",
        "" if alert.price is None else f"{alert.price:.2f}",
        receipt.destination,
        Text("recovered", "magenta") if receipt.recovered else Text("live", "dim"),
        duration(arrival.latency),
    )


def _mishap(mishap: Mishap) -> Text:
    line = Text.assemble((minutes(mishap.at), "dim"), "  ", (str(mishap), "magenta"), overflow="ellipsis")
    line.no_wrap = True
    return line


_FEET: Final = {
    Phase.STARTING: "starting the relay",
    Phase.RUNNING: "Ctrl-C ends it and sums up",
    Phase.OVER: "the replay is at its end; Ctrl-C sums up",
    Phase.CATCHING_UP: "no more alerts are fired; waiting for what is due (Ctrl-C again ends at once)",
    Phase.ENDED: "",
}


def _foot(scene: Scene) -> Text:
    return Text(_FEET[scene.phase], "dim")
