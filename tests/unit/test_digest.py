from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.deliveries import Message
from relay.destinations import digest
from relay.destinations.texts import width
from relay.events import Source
from tests.support.any_alert import batches
from tests.support.events import a_break, in_force
from tests.support.messages import message

BURST = [
    message(in_force(1)),
    message(
        in_force(
            2,
            "BTC-USD",
            timeframe="4H",
            shape="3-2D-2U",
            price=64250.125,
            direction="bearish",
            at="2026-04-10T13:40:00Z",
        )
    ),
    message(a_break(3)),
]


def test_rows_are_aligned_and_newest_first() -> None:
    assert digest.rows(BURST) == [
        "13:45:22 AAPL    D  1-2U    ▲ 214.32",
        "13:40:00 BTC-USD 4H 3-2D-2U ▼ 64,250.125",
        "13:35:00 3/4 ES NQ YM D     ▲",
    ]


def test_of_one_second_the_later_in_the_queue_comes_first() -> None:
    rows = digest.rows([message(in_force(1, "AAPL")), message(in_force(2, "MSFT"))])
    assert [row.split()[1] for row in rows] == ["MSFT", "AAPL"]


def test_rows_of_several_days_have_the_date() -> None:
    rows = digest.rows([*BURST, message(in_force(4, at="2026-04-09T20:00:00Z"))])
    assert rows[0].startswith("04-10 13:45:22 AAPL ")
    assert rows[-1].startswith("04-09 20:00:00 AAPL ")


def test_what_is_not_known_leaves_no_hole() -> None:
    assert digest.rows([message(in_force(1, None, timeframe=None, direction=None, shape=None, price=None))]) == [
        "13:45:22 ? ·"
    ]


def test_a_test_message_says_so() -> None:
    assert digest.rows([message(source=Source.TEST)]) == ["13:45:22 test message ▲"]


@pytest.mark.parametrize(("price", "shown"), [(1e18, "1e+18"), (12345678.123, "1.2346e+07"), (12345.678, "12,345.678")])
def test_a_price_is_rounded_and_never_cut(price: float, shown: str) -> None:
    assert digest.rows([message(in_force(1, price=price))])[0].split()[-1] == shown


def test_the_summary_tells_span_directions_and_lateness() -> None:
    assert digest.heading(BURST) == "3 alerts"
    assert digest.heading(BURST[:1]) == "1 alert"
    assert (
        digest.summary(BURST, 600.0)
        == "2026-04-10 13:35:00 to 13:45:22 UTC · 2 ▲ · 1 ▼ · newest first · 1 late (the oldest: 10 min late)"
    )
    older = message(in_force(4, at="2026-04-09T20:00:00Z"), source=Source.BACKFILL, simulated=True)
    assert digest.summary([*BURST[:2], older], 600.0) == (
        "2026-04-09 20:00:00 to 2026-04-10 13:45:22 UTC · 2 ▲ · 1 ▼ · newest first"
        " · 1 late (the oldest: recovered, 17 h late) · simulated"
    )
    assert digest.summary([message(source=Source.REPLAY)], 600.0) == (
        "2026-04-10 13:45:22 UTC · 1 ▲ · newest first · replay"
    )


@given(batches)
def test_every_alert_has_a_row_that_can_not_break_out(batch: list[Message]) -> None:
    rows = digest.rows(batch)
    assert len(rows) == len(batch)
    for row in rows:
        assert width(row) <= digest.WIDTH
        assert row.isprintable()
        assert "`" not in row
    assert digest.heading(batch)
    assert width(digest.summary(batch, 600.0)) < 200


@given(st.lists(st.text("ab😀 ", max_size=60), min_size=1, max_size=40), st.integers(120, 500))
def test_pages_hold_every_line_once_and_are_filled(lines: list[str], room: int) -> None:
    pages = digest.pages(lines, room)
    assert "\n".join(pages).split("\n") == lines
    assert all(width(page) <= room for page in pages)
    for page, following in pairwise(pages):
        assert width(page) + 1 + width(following.split("\n")[0]) > room


@given(batches, st.integers(0, 2500))
def test_as_many_rows_as_fit_go_into_a_message(batch: list[Message], room: int) -> None:
    def holds(some: object) -> bool:
        assert isinstance(some, list)
        return sum(map(width, digest.rows(some))) <= room

    count = digest.fitting(batch, holds)
    assert 1 <= count <= len(batch)
    assert count == 1 or holds(batch[:count])
    assert count == len(batch) or not holds(batch[: count + 1])


def test_a_digest_of_usual_alerts_is_about_forty_characters_a_row() -> None:
    burst = [message(in_force(number, "NVDA", at="2026-04-10T13:30:01Z")) for number in range(180)]
    assert len("\n".join(digest.rows(burst))) < 6000
