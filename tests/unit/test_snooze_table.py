"""``relay snooze --list`` on terminals of all widths: what is snoozed can be read on each."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from relay.cli.snooze import table
from relay.outbox.memory import Snooze, SnoozeKind
from tests.support.clock import START_US

HOUR_US = 3_600_000_000
ACTIVE = [
    Snooze(SnoozeKind.RULE, "bulls", START_US - HOUR_US, START_US + 25 * HOUR_US),
    Snooze(SnoozeKind.DESTINATION, "swing", START_US - 30 * HOUR_US, START_US + HOUR_US),
]


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (40, ["Snoozed", "Kind", "Until"]),
        (50, ["Snoozed", "Kind", "Until"]),
        (60, ["Snoozed", "Kind", "Until", "Left"]),
        (80, ["Snoozed", "Kind", "Until", "Left", "Since"]),
    ],
)
def test_a_narrow_terminal_goes_without_when_it_began_and_never_without_the_name(width: int, heads: list[str]) -> None:
    console = Console(file=StringIO(), width=width, color_system=None)
    with console.capture() as shown:
        console.print(table(ACTIVE, START_US, width))
    lines = shown.get().splitlines()
    assert lines[0].split() == heads
    named = [line.split()[:2] for line in lines if line.startswith(("bulls", "swing"))]
    assert named == [["bulls", "rule"], ["swing", "destination"]]
    assert max(map(len, lines)) <= width
