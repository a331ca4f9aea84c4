"""What ``relay init`` proposes: which destination gets what, how much that was, and which proposal Enter takes."""

from __future__ import annotations

import pytest

from relay.cli.setup.answers import Filter
from relay.cli.setup.dialogue import name_after
from relay.cli.setup.proposals import Proposal, counts, favourite, line, proposals
from relay.events import Event
from tests.support.events import in_force


def day(*alerts: tuple[str, str]) -> list[Event]:
    return [in_force(number, symbol=symbol, timeframe=timeframe) for number, (symbol, timeframe) in enumerate(alerts)]


DAY = day(("AAPL", "D"), ("AAPL", "15"), ("BTC-USD", "15"), ("NQ=F", "W"), ("MSFT", "60"), ("MSFT", "4H"))


def lines(offered: list[Proposal], *, cut: bool = False) -> list[str]:
    return [line(proposal, counts(proposal, DAY), cut=cut) for proposal in offered]


def test_one_destination_is_offered_everything_and_less() -> None:
    assert lines(proposals(["swing"])) == [
        "everything: 6 alerts",
        "4 hours and longer: 3 alerts",
        "daily and longer: 2 alerts",
        "weekly and longer: 1 alert",
    ]


def test_symbols_narrow_all_but_the_last() -> None:
    assert lines(proposals(["swing"], Filter(("AAPL", "*-USD"))), cut=True) == [
        "AAPL or *-USD: at least 3 alerts",
        "AAPL or *-USD, 4 hours and longer: at least 1 alert",
        "AAPL or *-USD, daily and longer: at least 1 alert",
        "AAPL or *-USD, weekly and longer: at least 0 alerts",
        "every symbol: at least 6 alerts",
    ]


def test_two_are_offered_a_split_by_their_names_first() -> None:
    assert lines(proposals(["coins", "swing"]))[:3] == [
        "by timeframe: daily and longer to swing (2), shorter to coins (4)",
        "by asset: crypto to coins (1), the rest to swing (5)",
        "everything: 6 alerts to each of coins and swing",
    ]


@pytest.mark.parametrize(
    ("names", "split"),
    [
        (("a", "b"), "daily and longer to a (2), shorter to b (4)"),
        (("scalps", "b"), "daily and longer to b (2), shorter to scalps (4)"),
        (("intraday", "Swing Desk"), "daily and longer to Swing Desk (2), shorter to intraday (4)"),
        (("a", "b", "c"), "daily and longer to a (2), 1 to 12 hours to b (2), shorter to c (2)"),
        (("scalps", "swing", "b"), "daily and longer to swing (2), 1 to 12 hours to scalps (2), shorter to b (2)"),
        (("a", "b", "c", "d"), "weekly and longer to a (1), daily to b (1), 1 to 12 hours to c (2), shorter to d (2)"),
    ],
)
def test_who_gets_what_follows_from_names_and_else_from_their_order(names: tuple[str, ...], split: str) -> None:
    assert lines(proposals(names))[0] == f"by timeframe: {split}"


def test_every_destination_of_a_split_gets_something_and_nothing_twice() -> None:
    for names in (("a", "b"), ("a", "b", "c"), ("crypto", "futures", "stocks"), ("a", "b", "c", "d")):
        for proposal in proposals(names):
            if proposal.split is not None:
                assert sorted(name for _, name in proposal.split.routes) == sorted(names)
                assert sum(counts(proposal, DAY).values()) == len(DAY)


def test_more_than_four_are_offered_no_split() -> None:
    assert all(proposal.split is None for proposal in proposals(["a", "b", "c", "d", "e"]))


def test_a_direction_that_was_asked_for_holds_in_all() -> None:
    assert {one.wanted.direction for one in proposals(["a", "b"], Filter(("AAPL",), (), "bullish"))} == {"bullish"}


@pytest.mark.parametrize(
    ("most", "taken"),
    [
        ((5306, 700, 212, 34), 3),
        ((150, 20, 3, 0), 0),
        ((5306, 700, 300, 250), 3),
        ((201, 200, 0, 0), 1),
        ((5306, 700, 0, 0), 1),
        ((5306, 0, 0, 40), 3),
        ((0, 0, 0, 0), 0),
    ],
)
def test_enter_takes_the_most_that_is_still_read_and_nothing_only_where_all_is(
    most: tuple[int, ...], taken: int
) -> None:
    assert favourite(proposals(["a"]), [{"a": count} for count in most]) == taken


def test_enter_takes_no_more_symbols_than_were_asked_for() -> None:
    offered = proposals(["a"], Filter(("AAPL",)))
    assert offered[-1].called == "every symbol"
    assert favourite(offered, [{"a": count} for count in (0, 0, 0, 0, 40)]) == 0


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ("Swing", "swing"),
        ("Swing Alerts!", "swing-alerts"),
        ("Über 4H ⚡", "uber-4h"),
        ("⚡", ""),
        ("", ""),
        ("a" * 80, "a" * 32),
    ],
)
def test_a_name_is_made_of_what_was_found(found: str, name: str) -> None:
    assert name_after(found) == name
