"""What `relay status` prints of what the running relay answers: each thing once."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace
from rich.console import Console

from relay.cli.overview import shown
from relay.cli.standing import another
from relay.cli.wording import moment
from relay.delivery.settings import LaneStatus
from relay.desk import FrontDesk
from relay.events import Channel
from relay.outbox.base import Switch
from relay.readiness import lane_note, lane_trouble
from relay.web.glance import glance_of
from tests.support.clock import START_US, settle
from tests.support.events import entry, in_force
from tests.support.front_desk import front_desk
from tests.support.memory_outbox import Memory, MemoryOutbox
from tests.support.web import get, serving

IDLE: Final = LaneStatus(Switch.ON, "", 0, 0.0, 0.0, 0, 0, "")
GONE: Final = "404 Not Found"


async def told(desk: FrontDesk) -> list[str]:
    """The lines of ``relay status``."""
    async with serving(desk) as client:
        _, status = await get(client, "/api/status")
    lines = io.StringIO()
    console = Console(file=lines, width=10_000, highlight=False, soft_wrap=True)
    for part in shown({"running": True, **status}, width=None):
        console.print(part)
    return lines.getvalue().splitlines()


@pytest.mark.parametrize(
    ("head", "lane"),
    [
        ("degraded", replace(IDLE, switch=Switch.OFF, reason="410 Gone")),
        ("degraded", replace(IDLE, refusal=GONE, last_error=GONE)),
        ("degraded", replace(IDLE, failures=9, failing_seconds=3_600.0, last_error="timed out")),
        ("degraded", replace(IDLE, failures=1, held_seconds=3_630.0, last_error="429 Too Many Requests")),
        ("note", replace(IDLE, switch=Switch.PAUSED, reason="paused by an operator")),
    ],
    ids=["off", "refusing", "failing", "held", "paused"],
)
async def test_what_keeps_alerts_from_a_destination_is_said_once(
    head: str, lane: LaneStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with front_desk(MemoryOutbox(Memory(START_US))) as desk:
        monkeypatch.setattr(desk.dispatcher.lanes["bot"], "status", lambda: lane)
        lines = await told(desk)
    assert [line for line in lines if line.startswith(("degraded", "note")) or "bot:" in line] == [
        f"{head}: {lane_trouble('bot', lane) or lane_note('bot', lane)}"
    ]


async def test_it_begins_as_the_page_does() -> None:
    async with front_desk(MemoryOutbox(Memory(START_US))) as desk:
        assert (await told(desk))[0] == glance_of(desk.ready()).headline == "Not ready"


async def test_what_is_degraded_and_of_no_destination_is_said_beside_it() -> None:
    async with front_desk(MemoryOutbox(Memory(START_US))) as desk:
        desk.connection.refused = frozenset({Channel.QUOTES})
        assert "degraded: quotes was refused: add the scope prices:read to the API key" in await told(desk)


async def test_a_destination_that_leaves_and_can_not_is_told_of_like_any_other() -> None:
    outbox = MemoryOutbox(Memory(START_US))
    async with front_desk(outbox) as desk:
        await desk.dispatcher.lanes["bot"].pause()
        await outbox.commit([entry(in_force(1), "bot")])
        desk.dispatcher.change({"swing": desk.dispatcher.lanes["swing"]}, drain=["bot"])
        await settle()
        [note] = desk.ready().notes
        assert note.startswith("bot is paused")
        assert f"note: {note}" in await told(desk)


async def test_a_snooze_ends_at_a_time_as_people_of_here_read_it() -> None:
    async with front_desk(MemoryOutbox(Memory(START_US))) as desk:
        begun = await desk.snooze("AAPL", 7_200.0, kind=None)
        assert f"snoozed: AAPL (symbol) until {moment(begun.until_us, desk.clock.now_us())}" in await told(desk)


def test_a_relay_of_another_config_is_told_from_the_one_that_was_meant(tmp_path: Path) -> None:
    mine, link, other = tmp_path / "a.yaml", tmp_path / "link.yaml", tmp_path / "b.yaml"
    mine.touch()
    link.symlink_to(mine)
    other.touch()
    assert another(mine, str(other)) == str(other)
    assert another(mine, "/of/a/container.yaml") == "/of/a/container.yaml"
    for same in (str(mine), str(link), "", None):
        assert another(mine, same) == ""
