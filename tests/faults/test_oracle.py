"""The oracle of the fault suite notices what it is there to notice."""

from __future__ import annotations

import dataclasses

import pytest

from tests.faults.oracle import Hole, Row, Target, Verdict, judge
from tests.faults.receivers import Arrival, Fate
from tests.faults.shots import Gun, exact

ONE = Gun(4).shot()


def arrival(fate: Fate = Fate.TOOK, **more: object) -> Arrival:
    given: dict[str, object] = {
        "n": ONE.n, "webhook_id": "msg_1", "sequence": 1, "attempt": 1, "source": "live", "at": 1.0, **more,
    }  # fmt: skip
    return Arrival(fate=fate, **given)  # type: ignore[arg-type]  # fields by name


def row(state: str = "delivered") -> Row:
    return Row(ONE.n, "bot", state, "msg_1")


def verdict(arrivals: list[Arrival], rows: list[Row], *, hard_ends: int = 0, **target: bool) -> Verdict:
    bot = Target({"concurrency": 1}, lambda _: True, ordered=lambda _: "", **target)
    return judge([ONE], {"bot": bot}, {"bot": arrivals}, rows, hard_ends=[-99.0] * hard_ends)


REFUSED, FINAL = arrival(Fate.REFUSED), arrival(Fate.FINAL)


@pytest.mark.parametrize(
    ("arrivals", "rows"),
    [
        ([arrival()], [row()]),
        ([REFUSED, arrival(attempt=2)], [row()]),
        ([arrival(Fate.MAYBE)], [row()]),
        ([FINAL], [row("dead")]),
        ([arrival(Fate.UNHEARD, hung_up_at=2.0), arrival(attempt=2)], [row()]),
    ],
    ids=["came", "came after a refusal", "came, perhaps", "dead", "the answer was not heard"],
)
def test_what_is_as_it_should_be_is_good(arrivals: list[Arrival], rows: list[Row]) -> None:
    assert verdict(arrivals, rows).good


@pytest.mark.parametrize(
    ("arrivals", "rows", "lost"),
    [
        ([], [], True),
        ([arrival()], [], True),
        ([], [row()], False),
        ([REFUSED], [row()], False),
        ([REFUSED], [row("dead")], False),
        ([arrival()], [row("pending")], False),
        ([], [row("expired")], False),
        ([], [row("suppressed")], False),
        ([arrival()], [row(), row()], False),
        ([arrival(), arrival(webhook_id="msg_2")], [row()], False),
        ([arrival(), arrival(), arrival(n=99)], [row()], False),
    ],
    ids=[
        "lost", "off the books", "said to be delivered", "said to be, and refused", "dead, and nobody said so", "stuck",
        "expired where nothing may", "suppressed where nothing may", "two rows", "two ids", "a stranger",
    ],
)  # fmt: skip
def test_each_thing_that_must_not_be_is_told(arrivals: list[Arrival], rows: list[Row], *, lost: bool) -> None:
    found = verdict(arrivals, rows)
    assert bool(found.lost) is lost
    assert not found.good
    assert str(found)


def test_twice_is_allowed_for_what_was_in_flight_at_hard_ends_and_no_more() -> None:
    thrice = [arrival(), arrival(), arrival()]
    assert not verdict(thrice, [row()]).good
    assert verdict(thrice, [row()], hard_ends=1).good
    assert not verdict([*thrice, arrival()], [row()], hard_ends=1).good


def test_what_may_expire_or_be_suppressed_is_told_by_the_target() -> None:
    assert verdict([], [row("expired")], may_expire=True).good
    assert verdict([], [row("suppressed")], may_suppress=True).good


def test_a_recorded_hole_is_no_loss_and_is_counted() -> None:
    holes = [Hole(ONE.channel.value, ONE.id - 1, ONE.id)]
    found = judge([ONE], {"bot": Target({}, lambda _: True)}, {}, [], holes=holes)
    assert found.good
    assert found.states["in a hole"] == 1


def test_an_order_that_falls_is_told_unless_it_was_parked() -> None:
    other = dataclasses.replace(Gun(99).shot(), n=2)
    target = Target({}, lambda _: True, ordered=lambda _: "")

    def found(attempt: int) -> Verdict:
        these = [arrival(sequence=2), Arrival(2, "msg_2", 1, attempt, "live", 1.0, Fate.TOOK)]
        rows = [row(), Row(2, "bot", "delivered", "msg_2")]
        return judge([ONE, other], {"bot": target}, {"bot": these}, rows)

    assert not found(1).good
    assert found(9).good


def test_numbers_are_compared_exactly() -> None:
    assert exact(b'{"price": 214.30}') == exact(b'{"price": 214.3}')
    assert exact(b'{"price": 0.1}') != exact(b'{"price": 0.1000000000000000055}')
    assert exact(ONE.wire)["volume"] > 2**53
