"""Which alerts a person looks for, and how few are looked at for it."""

from __future__ import annotations

from typing import Any

import pytest

from relay.web.latest import LOOKED, READ, SHOWN, Wanted, latest, wanted_in
from tests.support.desk import FakeDesk, an_event

BREAK = {
    **an_event(1),
    "symbol": None,
    "symbols": ["ES1!", "NQ1!"],
    "channel": "alerts.simultaneous_breaks",
    "deliveries": {"bot": "delivered", "swing": "dead"},
}


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (Wanted(), True),
        (Wanted(symbol="es"), True),
        (Wanted(symbol=" ES=F "), True),
        (Wanted(symbol="E"), False),
        (Wanted(timeframe="D"), True),
        (Wanted(timeframe="W"), False),
        (Wanted(direction="bearish"), False),
        (Wanted(channel="alerts.simultaneous_breaks"), True),
        (Wanted(channel="alerts.in_force"), False),
        (Wanted(destination="swing"), True),
        (Wanted(destination="desk"), False),
        (Wanted(state="dead"), True),
        (Wanted(state="pending"), False),
        (Wanted(destination="swing", state="dead"), True),
        (Wanted(destination="bot", state="dead"), False),
        (Wanted(symbol="NQ", direction="bullish", destination="bot", state="delivered"), True),
    ],
)
def test_all_that_is_asked_for_has_to_hold(wanted: Wanted, fits: bool) -> None:
    assert wanted.fits(BREAK) is fits


@pytest.mark.parametrize(
    "event", [{}, {"symbol": None, "symbols": None, "deliveries": None}, {"symbol": 7, "symbols": [7]}]
)
def test_an_event_that_tells_nothing_fits_no_filter(event: dict[str, Any]) -> None:
    assert Wanted().fits(event)
    assert not Wanted(symbol="ES").fits(event)
    assert not Wanted(destination="bot").fits(event)
    assert not Wanted(state="dead").fits(event)


def test_a_query_is_read_and_what_means_nothing_left_out() -> None:
    query = {"symbol": " es ", "state": "", "before": "17", "notice": "x", "id": "3"}
    assert wanted_in(query) == Wanted(symbol="es", before=17)
    assert wanted_in(query).fields == {"symbol": "es"}
    assert wanted_in({"before": "-1"}) == Wanted()


@pytest.mark.parametrize(
    ("stored", "wanted", "found", "looked", "onwards"),
    [
        (0, Wanted(), 0, 0, None),
        (SHOWN, Wanted(), SHOWN, SHOWN, None),
        (SHOWN + 1, Wanted(), SHOWN, SHOWN, 2),
        (70, Wanted(symbol="AAPL"), SHOWN, SHOWN, 21),
        (2_000, Wanted(symbol="NONE"), 0, LOOKED, 2_000 - LOOKED + 1),
        (LOOKED, Wanted(symbol="NONE"), 0, LOOKED, None),
        (300, Wanted(before=11), 10, 10, None),
    ],
)
async def test_a_page_is_shown_and_a_bounded_number_looked_at(
    stored: int, wanted: Wanted, found: int, looked: int, onwards: int | None
) -> None:
    desk = FakeDesk()
    desk.events = [an_event(number) for number in range(1, stored + 1)]
    page = await latest(desk.archive, wanted)
    assert (len(page.items), page.looked, page.next) == (found, looked, onwards)


async def test_of_alerts_so_large_that_each_is_a_page_fewer_are_looked_at() -> None:
    desk = FakeDesk()
    desk.events = [{**an_event(number), "data": {"pad": "x" * 99_000}} for number in range(1, 100)]
    desk.page_rows = 1
    page = await latest(desk.archive, Wanted(timeframe="D"))
    assert (len(page.items), page.looked, page.next) == (READ, READ, 100 - READ)
    assert all(len(item["data"]) < 20_000 for item in page.items)


async def test_going_on_shows_each_event_that_fits_once() -> None:
    desk = FakeDesk()
    desk.events = [{**an_event(number), "timeframe": "DW"[number % 2]} for number in range(1, 1_300)]
    seen: list[object] = []
    wanted = Wanted(timeframe="W")
    while True:
        page = await latest(desk.archive, wanted)
        seen += [event["id"] for event in page.items]
        if page.next is None:
            break
        wanted = Wanted(timeframe="W", before=page.next)
    assert seen == list(range(1_299, 0, -2))
