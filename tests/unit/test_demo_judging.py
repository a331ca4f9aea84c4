"""The demo's judge: what is due, what arrived, and the difference told in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.demo.chats import Room
from relay.demo.faults import Fault
from relay.demo.scenario import CHANNELS
from relay.demo.scene import Replay, Report
from relay.demo.shown import look_of
from relay.demo.summary import findings_of, summary
from relay.demo.tally import Counts, Tally, due_at, event_of, percentile
from relay.demo.verify import Alert
from relay.events import Channel
from tests.support.clock import START_US
from tests.support.demo import demo_rules, future_break, receipt, setup

BULLS, TURNS, LONGER = "daily and weekly bulls", "bullish reversals", "reversals of the week and longer"
FOUR = future_break(1, "ES1!", "NQ1!", "RTY1!", "YM1!")
AT = START_US + 1_500_000


def tally_of(*alerts: Alert) -> Tally:
    tally = Tally(demo_rules(), timed="everything", chats=CHANNELS)
    for alert in alerts:
        tally.fire(Channel.BREAKS if alert.symbols else Channel.IN_FORCE, alert, START_US)
    return tally


@pytest.mark.parametrize(
    ("alert", "due"),
    [
        (setup(timeframe="M", direction="bearish"), {"everything": ("every alert",)}),
        (setup(), {"everything": ("every alert",), "daily": (BULLS,)}),
        (
            setup(timeframe="Q", shape="2D-2U"),
            {"everything": ("every alert",), "daily": (TURNS,), "swing": (LONGER,)},
        ),
        (
            setup(timeframe="W", shape="3-2D-2U"),
            {"everything": ("every alert",), "daily": (BULLS, TURNS), "swing": (LONGER,)},
        ),
        (
            setup(direction="bearish", shape="2U-2D"),
            {"everything": ("every alert",), "swing": ("daily reversals",)},
        ),
        (setup(symbol="IBM", direction="bearish", shape="2U-2D"), {"everything": ("every alert",)}),
        (future_break(1, "ES1!", "YM1!"), {"everything": ("every break",)}),
        (
            FOUR,
            {
                "everything": ("every break",),
                "market": ("the whole market moves",),
                "swing": ("the indices turn the week",),
                "desk": ("all four indices",),
            },
        ),
        (future_break(1), {"everything": ("every break",), "market": ("the whole market moves",)}),
    ],
)
def test_an_alert_is_due_once_at_each_destination_that_a_rule_names(
    alert: Alert, due: dict[str, tuple[str, ...]]
) -> None:
    channel = Channel.BREAKS if alert.symbols else Channel.IN_FORCE
    assert due_at(demo_rules(), event_of(channel, alert, START_US)) == due


def test_all_is_well_when_what_is_due_has_arrived_once() -> None:
    tally = tally_of(setup())
    complete = [tally.complete]
    tally.arrive(receipt("everything", setup(), "every alert"))
    complete.append(tally.complete)
    assert tally.waiting("daily") == 1
    tally.arrive(receipt("daily", setup(), BULLS, recovered=True))
    complete.append(tally.complete)
    assert complete == [False, False, True]
    counts = tally.counts(whole=True)
    assert (counts.fired, counts.matched, counts.delivered, counts.duplicates, counts.wrong) == (1, 2, 2, 0, 0)
    assert tally.missing() == []


def test_latency_is_told_of_live_alerts_where_nothing_fails_on_purpose() -> None:
    tally = tally_of(setup(1), setup(2))
    assert tally.arrive(receipt("everything", setup(1), "every alert", after=0.25)) == 0.25
    assert tally.arrive(receipt("daily", setup(1), BULLS, after=9.0)) == 9.0
    tally.arrive(receipt("everything", setup(2), "every alert", after=5.0, recovered=True))
    counts = tally.counts()
    assert (counts.p50, counts.p99) == (0.25, 0.25)
    assert (counts.live, counts.recovered) == (1, 1)


def test_a_destination_is_behind_while_one_that_was_fired_before_has_not_arrived_there() -> None:
    tally = tally_of(setup(1), setup(2), turn(3))
    assert tally.fired == 3
    assert [tally.behind("daily", before) for before in (0, 1, 2, 3)] == [False, True, True, True]
    tally.arrive(receipt("daily", setup(1), BULLS, recovered=True))
    assert [tally.behind("daily", before) for before in (1, 2)] == [False, True]
    tally.arrive(receipt("daily", setup(2), BULLS))
    assert [tally.behind(name, 3) for name in ("daily", "swing", "market")] == [False, True, False]
    tally.see("swing", look_of(turn(3), START_US), AT)
    assert not tally.behind("swing", 3)
    assert [tally.recovered(*span) for span in ((0, 1), (1, 3), (0, None))] == [1, 0, 1]


def test_what_comes_twice_is_a_duplicate_and_still_delivered_once() -> None:
    tally = tally_of(setup())
    for _ in range(3):
        tally.arrive(receipt("everything", setup(), "every alert"))
    counts = tally.counts()
    assert (counts.delivered, counts.duplicates) == (1, 2)
    assert findings_of(counts, missing=[], wrong=[], relay=[]) == ("2 deliveries arrived more than once",)


@pytest.mark.parametrize(
    ("arrived", "said"),
    [
        (receipt("market", setup(), "every alert"), "market got what no rule sends there"),
        (receipt("everything", setup(8), "every alert"), "everything got what no rule sends there"),
        (receipt("everything", setup(price=1.0), "every alert"), "fired was AAPL"),
        (receipt("everything", setup(), BULLS), "for the rules"),
    ],
)
def test_what_arrives_otherwise_than_it_should_is_wrong(arrived: object, said: str) -> None:
    tally = tally_of(setup())
    tally.arrive(arrived)  # type: ignore[arg-type]  # the table is of receipts
    assert said in tally.wrong[0]


def test_what_is_missing_is_named_with_its_destination() -> None:
    tally = tally_of(setup(), future_break())
    tally.arrive(receipt("everything", setup(), "every alert"))
    assert tally.missing() == [
        "daily did not get AAPL D bullish 1-2U of 2001-05-03 (id 7)",
        "everything did not get ES NQ YM W bearish 3 of 4 of 2001-05-03 (id 9)",
        "market did not get ES NQ YM W bearish 3 of 4 of 2001-05-03 (id 9)",
    ]


def turn(id_: int, **fields: object) -> Alert:
    return setup(id_, shape="2U-2D", direction="bearish", **fields)


def test_what_a_chat_shows_counts_for_the_alerts_that_look_so_once_each() -> None:
    tally = tally_of(turn(1), turn(2), turn(3, timeframe="W"))
    seen = [tally.see("swing", look_of(turn(1), START_US), AT) for _ in range(3)]
    assert [None if receipt is None else receipt.alert.id for receipt in seen] == [1, 2, None]
    assert tally.waiting("swing") == 1
    counts = tally.counts()
    assert (counts.delivered, counts.duplicates, counts.wrong) == (2, 1, 0)
    assert "swing did not get AAPL W bearish 2U-2D of 2001-05-03 (id 3)" in tally.missing()


def test_a_sight_in_a_chat_is_a_receipt_like_any_other() -> None:
    tally = tally_of(turn(1, timeframe="W"))
    tally.arrive(receipt("everything", turn(1, timeframe="W"), "every alert", recovered=True))
    seen = tally.see("swing", look_of(turn(1, timeframe="W"), START_US), AT)
    assert seen is not None
    assert (seen.destination, seen.rules, seen.recovered) == ("swing", (LONGER,), True)
    assert tally.latency_of(seen) == 1.5
    assert tally.complete
    assert tally.recovered() == 1


@pytest.mark.parametrize(
    ("destination", "alert", "at_us"),
    [
        ("desk", turn(1), START_US),
        ("swing", turn(1, symbol="IBM"), START_US),
        ("swing", turn(1, timeframe="W"), START_US),
        ("swing", turn(1), START_US + 1_000_000),
    ],
)
def test_what_a_chat_shows_that_is_not_due_there_is_wrong(destination: str, alert: Alert, at_us: int) -> None:
    tally = tally_of(turn(1))
    assert tally.see(destination, look_of(alert, at_us), AT) is None
    assert tally.wrong == [f"{destination} shows what no rule sends there: {look_of(alert, at_us).headline}"]


def test_only_the_first_faults_of_a_kind_are_listed() -> None:
    faults = findings_of(Counts(fired=1), missing=[f"m{n}" for n in range(25)], wrong=["w"], relay=[])
    assert faults == (*(f"m{n}" for n in range(10)), "and 15 more like that", "w")


def test_a_demo_that_fired_nothing_shows_nothing() -> None:
    assert findings_of(Counts(), missing=[], wrong=[], relay=[]) == ("no alert was fired",)
    assert findings_of(Counts(), missing=[], wrong=[], relay=["it ended"]) == ("it ended",)


AT_CHATS = {"swing": (70, 66), "desk": (30, 30), "daily": (7, 7)}


def report(*findings: str) -> Report:
    counts = Counts(fired=10, matched=15, delivered=14, recovered=3, by_destination=AT_CHATS, p50=0.004, p99=1.25)
    injected = (Fault.DROP, Fault.SWALLOW, Fault.DROP)
    rooms = (Room("swing", "Discord", "", 9, 1), Room("desk", "Slack", "", 3))
    return Report(Replay(None, 42, 100), 6.0, counts, injected, seen_again=5, rooms=rooms, findings=findings)


def test_the_summary_ends_with_the_verdict() -> None:
    assert summary(report())[-1] == "ok: all that matched arrived exactly once"
    assert summary(report("one", "two"))[-2:] == ["fault: one", "fault: two"]


def test_the_summary_gives_every_figure() -> None:
    text = "\n".join(summary(report()))
    for figure in (
        "replayed    42 trading days",
        "socket dropped 2x, frames swallowed 1x",
        "fired       10 alerts",
        "matched     15 ",
        "delivered   14",
        "recovered   3 ",
        "chats       12 messages for 96 alerts, 1 refused for their rate",
        "duplicates  0 (5 sightings",
        "missing     1",
        "p50 4 ms, p99 1.2 s",
    ):
        assert figure in text


@given(st.lists(st.floats(0, 1e3), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_is_the_smallest_value_that_the_share_does_not_exceed(values: list[float], share: float) -> None:
    found = percentile(sorted(values), share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9


def test_there_is_no_percentile_of_nothing() -> None:
    assert percentile([], 0.5) is None
