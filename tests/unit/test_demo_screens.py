"""How a demo looks: a picture that fits its terminal, or plain lines."""

from __future__ import annotations

import io
import re

import pytest
from msgspec.structs import replace
from rich.console import Console

from relay.demo.faults import Fault, Mishap
from relay.demo.lines import Lines, progress
from relay.demo.scene import Arrival, Phase
from relay.demo.view import View, sample
from tests.support.demo import receipt, scene, setup


def drawn(console: Console, view: View, *, phase: Phase = Phase.RUNNING, full: bool = True) -> list[str]:
    with console.capture() as captured:
        console.print(view.picture(scene(phase, full=full)))
    return captured.get().splitlines()


def terminal(width: int, height: int, *, no_color: bool = False) -> Console:
    return Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, no_color=no_color, color_system="standard"
    )


@pytest.mark.parametrize("size", [(80, 24), (100, 40), (200, 60)])
@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("full", [True, False])
def test_the_picture_fits_the_terminal(size: tuple[int, int], phase: Phase, *, full: bool) -> None:
    width, height = size
    console = Console(file=io.StringIO(), width=width, height=height)
    lines = drawn(console, View(console), phase=phase, full=full)
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    assert lines[15].split() == ["alert", "tf", "direction", "shape", "price", "to", "came", "after"]


def test_the_picture_tells_what_matters() -> None:
    console = Console(file=io.StringIO(), width=100, height=40)
    text = "\n".join(drawn(console, View(console)))
    for word in (
        "2001-05-03",
        "00:12 of 00:30",
        "1412 fired",
        "connected, reconnected 2x",
        "1269 live · 143 recovered",
        "12 seen again",
        "http://127.0.0.1:8787/",
        "http://127.0.0.1:40957/channels/swing-trades",
        "70 messages · 1 refused",
        "http://127.0.0.1:44517/channels/whole-market",
        "30 messages\n",
        "p50 4 ms · p99 21 ms",
        "everything",
        "▲ bullish",
        "▼ bearish",
        "ES NQ YM",
        "3 of 4",
        "20.50",
        "1.2 s",
        "socket dropped, back after 1.1 s, 143 alerts recovered by backfill",
        "receiver daily answers 503 for 2 s, 31 deliveries waited, still behind",
    ):
        assert word in text


def test_direction_is_coloured_unless_colour_is_not_wanted() -> None:
    for no_color in (False, True):
        console = terminal(100, 40, no_color=no_color)
        text = "\n".join(drawn(console, View(console)))
        assert bool(re.search(r"\x1b\[32m▲ bullish", text)) is not no_color


def test_a_small_terminal_is_used_whole_and_no_line_of_it_is_cut() -> None:
    console = Console(file=io.StringIO(), width=80, height=24)
    view = View(console)
    long = scene()
    counts = replace(long.counts, fired=121_412, live=112_690, recovered=14_312, p50=0.4, p99=12.2)
    status = replace(long.status, seen_again=12_345, reconnects=12)
    for full in (True, True, True, True, False):
        lines = drawn(console, view, full=full)
    assert len(lines) == 23
    assert all(line.strip() for line in lines[15:])
    with console.capture() as captured:
        console.print(view.picture(replace(long, counts=counts, status=status)))
    assert "…" not in captured.get()


@pytest.mark.parametrize("width", range(44, 110, 3))
def test_an_address_is_whole_and_what_stands_beside_it_goes_first(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, height=40)
    lines = drawn(console, View(console))
    [line] = [line for line in lines if "http://127.0.0.1:40957/channels/swing-trades" in line]
    assert any("http://127.0.0.1:8787/" in line for line in lines)
    assert ("discord" in line, "70 messages · 1 refused" in line) == (width >= 54, width >= 78)
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("height", [24, 40, 60])
def test_the_picture_keeps_its_height_as_alerts_come(height: int) -> None:
    console = terminal(100, height)
    view = View(console)
    heights = {len(drawn(console, view, full=full)) for full in (False, True, True, True, True, True)}
    assert len(heights) == 1


def test_a_sample_has_one_of_each_destination_and_recovered_ones_first() -> None:
    arrivals = [
        Arrival(receipt("everything", setup(1), after=0.1, recovered=True), 0.1),
        Arrival(receipt("everything", setup(2), after=0.2), 0.2),
        Arrival(receipt("daily", setup(3), after=0.3), 0.3),
        Arrival(receipt("daily", setup(4), after=0.4), 0.4),
    ]
    assert [arrival.receipt.alert.id for arrival in sample(arrivals)] == [1, 4]


def test_a_sample_shows_no_alert_twice_where_there_is_another() -> None:
    arrivals = [
        Arrival(receipt("everything", setup(1), after=0.1), 0.1),
        Arrival(receipt("everything", setup(2), after=0.2), 0.2),
        Arrival(receipt("daily", setup(2), after=0.3), 0.3),
    ]
    assert [arrival.receipt.alert.id for arrival in sample(arrivals)] == [1, 2]
    assert [arrival.receipt.destination for arrival in sample(arrivals[1:])] == ["everything", "daily"]
    assert sample([]) == []


def test_lines_are_plain_and_say_each_thing_once() -> None:
    written: list[str] = []
    lines = Lines(written.append)
    for phase, seconds in (
        (Phase.STARTING, 0.0),
        (Phase.RUNNING, 0.0),
        (Phase.RUNNING, 0.5),
        (Phase.RUNNING, 3.0),
        (Phase.CATCHING_UP, 12.0),
        (Phase.ENDED, 12.0),
    ):
        lines.show(scene(phase, seconds=seconds))
    text = "\n".join(written)
    assert text.isascii()
    assert text.isprintable() or "\x1b" not in text
    assert written[:3] == [
        "page      http://127.0.0.1:8787/",
        "discord   http://127.0.0.1:40957/channels/swing-trades",
        "slack     http://127.0.0.1:44517/channels/whole-market",
    ]
    assert [line[:5] for line in written if "fired 1412" in line] == ["00:03", "00:12"]
    assert text.count("socket dropped") == text.count("20 frames lost") == text.count("answers 503") == 1


def test_the_times_of_lines_never_go_back() -> None:
    written: list[str] = []
    lines = Lines(written.append)
    for tenths in range(130):
        lines.show(scene(seconds=tenths / 10))
    lines.show(scene(Phase.ENDED, seconds=13.0))
    times = [line[:5] for line in written if re.match(r"\d\d:\d\d ", line)]
    assert len(times) > 6
    assert times == sorted(times)


def test_a_trouble_is_told_once_it_is_mended_whatever_came_before_it() -> None:
    written: list[str] = []
    lines = Lines(written.append)
    drop = Mishap(Fault.DROP, 3.0, 1.1, 7)
    swallow = Mishap(Fault.SWALLOW, 6.0, 0.0, 20, mended=True)
    moment = scene(seconds=7.0)
    lines.show(replace(moment, mishaps=(drop,)))
    assert not any("socket dropped" in line for line in written)  # it is connected, and 7 are not all
    lines.show(replace(moment, mishaps=(drop, swallow)))
    drop = Mishap(Fault.DROP, 3.0, 1.1, 143, mended=True)
    lines.show(replace(moment, seconds=8.2, mishaps=(drop, swallow)))
    assert [line for line in written if " at 00:" in line] == [
        "00:07 at 00:06: 20 frames lost on the way, 20 alerts recovered by backfill",
        "00:08 at 00:03: socket dropped, back after 1.1 s, 143 alerts recovered by backfill",
    ]
    assert (
        str(Mishap(Fault.DROP, 3.0, 1.1, 7))
        == "socket dropped, back after 1.1 s, 7 alerts recovered by backfill so far"
    )


def test_a_connection_that_is_down_is_said_to_be_while_lanes_have_nothing_to_do() -> None:
    console = Console(file=io.StringIO(), width=80, height=24)
    down = replace(scene(), status=replace(scene().status, connection="waiting"))
    with console.capture() as captured:
        console.print(View(console).picture(down))
    assert "upstream  down, connects again soon  " in captured.get()
    assert "  down, connects again soon  " in progress(down)
