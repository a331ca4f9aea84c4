"""What every archive promises (relay.outbox.archive); each implementation is an entry of ``PLACES``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from relay.clock import MICROS, isoformat
from relay.deliveries import Ask, Delivery, Outcome, RuleMatch, State, Suppression, Verdict
from relay.events import Event, Source
from relay.outbox.archive import EVERYTHING, Archive, Selection, Step
from relay.outbox.base import Decision, Entry, NewDelivery, Outbox
from relay.outbox.forecast import ReplayForecast, RetryForecast, forecast_replay, forecast_retry
from relay.states import StateWanted
from tests.support.archive_places import PLACES, Opened, Place
from tests.support.clock import START_US, FakeClock
from tests.support.events import RULE, a_break, entry, in_force

OK = Outcome(Verdict.DELIVERED, "200")
GONE = Outcome(Verdict.DEAD, "404", "the destination answered 404")
ASKING = RuleMatch("green days", ask=Ask(StateWanted(tfc={"D": "green"})))
MINUTE = 60 * MICROS
ALL = list(State)
SNAPSHOT = b'{"AAPL":{"symbol":"AAPL","tfc":{"D":"green"}}}'


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START_US + 10 * MINUTE)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Place:
    return PLACES[request.param](tmp_path, clock)


@pytest.fixture
async def opened(place: Place) -> AsyncIterator[Opened]:
    async with place.open() as opened:
        yield opened


@pytest.fixture
def outbox(opened: Opened) -> Outbox:
    return opened.outbox


@pytest.fixture
def archive(opened: Opened) -> Archive:
    return opened.archive


async def waiting(outbox: Outbox, name: str = "bot") -> list[Delivery]:
    found, _ = await outbox.claim(name, after=0, limit=1_000)
    return found


async def deliver(outbox: Outbox, *ids: int, name: str = "bot") -> None:
    """Settle what waits: delivered; what is in ``ids`` is dead."""
    for delivery in await waiting(outbox, name):
        if delivery.id in ids:
            await outbox.bury(delivery, GONE, at_us=START_US)
        else:
            await outbox.ack(delivery, OK, at_us=START_US)


async def states(archive: Archive) -> dict[int, str]:
    page = await archive.list_deliveries(limit=1_000)
    return {item["id"]: item["state"] for item in reversed(page.items)}


async def in_steps(step: Callable[[int], Awaitable[Step]]) -> list[Step]:
    """All steps, from the first to the one that says there are no more."""
    done = [await step(0)]
    while (after := done[-1].next) is not None:
        done.append(await step(after))
        assert done[-1].next is None or done[-1].next > after
    return done


def held(event: Event, name: str, why: Suppression) -> Entry:
    return Entry(event, Source.LIVE, START_US, (NewDelivery(name, (RULE,), why, "held back"),))


# --- looking


OTHER = RuleMatch("weekly")


async def fill(outbox: Outbox) -> None:
    """Five events a minute apart, eight deliveries, of which 2 is dead and 4 suppressed."""
    await outbox.commit([entry(in_force(11, "AAPL"), "bot", "swing")])  # 1, 2
    await outbox.commit([entry(in_force(12, "BTC-USD"), "bot", at_us=START_US + MINUTE, rules=(OTHER, RULE))])  # 3
    await outbox.commit([held(in_force(13, "ES1!"), "bot", Suppression.SNOOZE)])  # 4
    late = START_US + 3 * MINUTE
    await outbox.commit([entry(a_break(14), "bot", "swing", at_us=late, rules=(OTHER,))])  # 5, 6
    await outbox.commit([entry(in_force(15, "MSFT"), "bot", "swing", at_us=START_US + 2 * MINUTE)])  # 7, 8
    await deliver(outbox, 2, name="swing")


SELECTED = [
    (EVERYTHING, {1, 2, 3, 4, 5, 6, 7, 8}),
    (Selection(id=3), {3}),
    (Selection(id=99), set[int]()),
    (Selection(id=2**63 - 1), set[int]()),
    (Selection(event="1"), {1, 2}),
    (Selection(event="alerts.in_force:15"), {7, 8}),
    (Selection(event="alerts.in_force:99"), set[int]()),
    (Selection(event="0"), set[int]()),
    (Selection(destination="swing"), {2, 6, 8}),
    (Selection(destination="nobody"), set[int]()),
    (Selection(rule="weekly"), {3, 5, 6}),
    (Selection(rule="week"), set[int]()),
    (Selection(symbol="aapl"), {1, 2}),
    (Selection(symbol="*-usd"), {3}),
    (Selection(symbol="[ab]*"), {1, 2, 3}),
    (Selection(symbol="ES1!"), {4, 5, 6}),
    (Selection(symbol="es"), {5, 6}),
    (Selection(symbol="NQ=F"), {5, 6}),
    (Selection(symbol="%"), set[int]()),
    (Selection(code="404"), {2}),
    (Selection(code="snooze"), {4}),
    (Selection(since_us=START_US + 2 * MINUTE), {5, 6, 7, 8}),
    (Selection(since_us=START_US + 3 * MINUTE), {5, 6}),
    (Selection(since_us=START_US + 4 * MINUTE), set[int]()),
    (Selection(until_us=START_US + MINUTE), {1, 2, 4}),
    (Selection(until_us=START_US + 3 * MINUTE), {1, 2, 3, 4, 7, 8}),  # the clock was set back meanwhile
    (Selection(since_us=START_US + 1, until_us=START_US + 2 * MINUTE), {3}),
    (Selection(destination="swing", rule="daily bulls", until_us=START_US + 3 * MINUTE), {2, 8}),
    (Selection(event="1", destination="swing", code="404"), {2}),
    (Selection(event="1", id=3), set[int]()),
]


@pytest.mark.parametrize(("selection", "expected"), SELECTED, ids=map(str, range(len(SELECTED))))
async def test_deliveries_are_listed_and_counted_by_whatever_is_said_of_them(
    outbox: Outbox, archive: Archive, selection: Selection, expected: set[int]
) -> None:
    await fill(outbox)
    page = await archive.list_deliveries(selection=selection)
    assert [item["id"] for item in page.items] == sorted(expected, reverse=True)
    assert page.next is None
    counted = await archive.count(ALL, selection)
    assert sum(counted.states.values()) == len(expected)
    for state in State:
        shown = await archive.list_deliveries(state=state, selection=selection)
        assert [item["id"] for item in shown.items] == [
            item["id"] for item in page.items if item["state"] == state.value
        ]
        assert counted.states.get(state, 0) == len(shown.items)


async def test_a_listing_pages_through_what_is_selected(outbox: Outbox, archive: Archive) -> None:
    await outbox.commit([entry(in_force(n, "AAPL" if n % 2 else "MSFT"), "bot", "swing") for n in range(1, 12)])
    for selection, expected in (
        (Selection(symbol="AAPL", destination="swing"), [22, 18, 14, 10, 6, 2]),
        (Selection(until_us=START_US + 1, rule="daily bulls"), list(range(22, 0, -1))),
    ):
        found: list[int] = []
        before: int | None = None
        while True:
            page = await archive.list_deliveries(selection=selection, before=before, limit=2)
            found += [item["id"] for item in page.items]
            before = page.next
            if before is None:
                break
        assert found == expected


EVENTS = [
    (EVERYTHING, [5, 4, 3, 2, 1]),
    (Selection(event="2"), [2]),
    (Selection(event="alerts.simultaneous_breaks:14"), [4]),
    (Selection(event="99"), []),
    (Selection(symbol="ES=F"), [4]),
    (Selection(symbol="es1!"), [4, 3]),
    (Selection(symbol="*A*"), [1]),
    (Selection(destination="swing"), [5, 4, 1]),
    (Selection(destination="bot", rule="weekly"), [4, 2]),
    (Selection(since_us=START_US + MINUTE, until_us=START_US + 3 * MINUTE), [5, 2]),
    (Selection(until_us=0), []),
]


@pytest.mark.parametrize(("selection", "expected"), EVENTS, ids=map(str, range(len(EVENTS))))
async def test_events_are_listed_by_what_is_said_of_them_and_their_deliveries(
    outbox: Outbox, archive: Archive, selection: Selection, expected: list[int]
) -> None:
    await fill(outbox)
    page = await archive.list_events(selection=selection)
    assert [item["id"] for item in page.items] == expected
    if len(expected) > 1:
        first = await archive.list_events(selection=selection, limit=1)
        assert first.next == expected[0]
        rest = await archive.list_events(selection=selection, before=first.next, limit=9)
        assert [item["id"] for item in [*first.items, *rest.items]] == expected


async def test_an_event_says_why_a_destination_was_not_sent_it(outbox: Outbox, archive: Archive) -> None:
    await fill(outbox)
    told = {item["id"]: item["suppressed"] for item in (await archive.list_events()).items}
    (held_back,) = (await archive.list_deliveries(state=State.SUPPRESSED)).items
    why = {name: held_back[name] for name in ("last_code", "last_error")}
    assert why["last_code"] == "snooze"
    assert told == {1: {}, 2: {}, 3: {"bot": why}, 4: {}, 5: {}}


async def test_one_delivery_is_shown_as_in_the_listing_whatever_its_state(outbox: Outbox, archive: Archive) -> None:
    await fill(outbox)
    for item in (await archive.list_deliveries()).items:
        assert await archive.delivery(item["id"]) == item
    assert await archive.delivery(99) is None


# --- dead letters


async def test_dead_letters_go_back_to_the_end_of_their_queues_in_order(outbox: Outbox, archive: Archive) -> None:
    await outbox.commit([entry(in_force(n), "bot", "swing") for n in (1, 2, 3)])
    await deliver(outbox, 1, 3)
    await deliver(outbox, 4, name="swing")
    await outbox.commit([entry(in_force(4), "bot")])
    step = await archive.retry(EVERYTHING)
    assert (step.done, step.next, set(step.destinations)) == (3, None, {"bot", "swing"})
    found = await waiting(outbox)
    assert [delivery.id for delivery in found] == [7, 1, 3]
    for again in found[1:]:  # a receiver is told that it is not the first time; how long it is tried begins anew
        assert (again.attempts, again.first_attempt_at_us, again.retry_at_us, again.parked) == (0, None, 0, False)
        assert (again.earlier, again.attempt) == (1, 2)
    assert [delivery.source for delivery in found] == [Source.LIVE] * 3
    assert (await archive.retry(EVERYTHING)).done == 0  # the answer was lost, and it is asked for again


async def test_only_what_is_selected_and_dead_is_queued_again(outbox: Outbox, archive: Archive) -> None:
    await outbox.commit([entry(in_force(n), "bot", "swing") for n in (1, 2)])
    await deliver(outbox, 1, 3)
    for selection in (Selection(id=2), Selection(id=9), Selection(destination="swing"), Selection(code="500")):
        assert (await archive.retry(selection)).done == 0
    assert (await archive.retry(Selection(id=3, code="404"))).destinations == ("bot",)
    assert await states(archive) == {1: "dead", 2: "pending", 3: "pending", 4: "pending"}


async def test_what_is_dropped_stays_visible_and_only_dead_letters_are(outbox: Outbox, archive: Archive) -> None:
    await fill(outbox)
    step = await archive.drop(EVERYTHING)
    assert step.done == 1
    item = await archive.delivery(2)
    assert item is not None
    assert (item["state"], item["last_code"], item["last_error"]) == ("expired", "404", "dropped by an operator")
    assert (await archive.drop(EVERYTHING)).done == 0


async def test_the_queue_of_a_destination_that_is_gone_is_dropped_whole(outbox: Outbox, archive: Archive) -> None:
    await outbox.commit([entry(in_force(n), "bot", "swing") for n in (1, 2, 3)])
    await outbox.commit([entry(in_force(4), "bot", rules=(ASKING,)), held(in_force(5), "bot", Suppression.SOURCE)])
    first, second, _ = await waiting(outbox)
    await outbox.ack(first, OK, at_us=START_US)
    await outbox.bury(second, GONE, at_us=START_US)
    assert (await archive.drop(Selection(destination="bot"), waiting=True)).done == 3
    assert await states(archive) == {
        1: "delivered", 2: "pending", 3: "expired", 4: "pending", 5: "expired", 6: "pending", 7: "expired",
        8: "suppressed",
    }  # fmt: skip
    assert await waiting(outbox) == []
    assert await outbox.deciding(after=0, limit=9) == []


# --- replay


async def test_a_replay_repeats_what_was_decided_then_and_is_marked(
    outbox: Outbox, archive: Archive, clock: FakeClock
) -> None:
    await outbox.commit([entry(in_force(1), "bot", rules=(ASKING,)), entry(in_force(2), "bot", rules=(OTHER, RULE))])
    (asked,) = await outbox.deciding(after=0, limit=9)
    await outbox.decide([Decision(asked, (RULE,), states=SNAPSHOT)], at_us=START_US)
    before = {delivery.id: delivery for delivery in await waiting(outbox)}
    await deliver(outbox)
    step = await archive.replay(EVERYTHING)
    assert (step.done, step.destinations, step.next) == (2, ("bot",), None)
    again = await waiting(outbox)
    assert [delivery.event.id for delivery in again] == [1, 2]  # in the order of their numbers
    for delivery, original in zip(again, (before[1], before[2]), strict=True):
        assert delivery.id not in before
        assert delivery.source is Source.REPLAY
        assert (delivery.attempts, delivery.first_attempt_at_us, delivery.parked) == (0, None, False)
        assert delivery.received_at_us == START_US  # the event's
        for name in ("event", "event_key", "rules", "states", "ordering_key", "webhook_id", "destination"):
            assert getattr(delivery, name) == getattr(original, name)
    item = await archive.delivery(again[0].id)
    assert item is not None
    assert (item["source"], item["state"]) == ("replay", "pending")
    assert item["received_at"] == (await archive.list_events(limit=1)).items[0]["received_at"]
    assert (await outbox.stats())["bot"].oldest_pending_us == clock.now_us()


async def test_what_waits_was_held_back_or_is_a_replay_itself_is_left(outbox: Outbox, archive: Archive) -> None:
    await outbox.commit([entry(in_force(1), "bot")])
    await deliver(outbox)
    assert (await archive.replay(EVERYTHING)).done == 1
    await outbox.commit([entry(in_force(2), "bot"), entry(in_force(3), "bot", rules=(ASKING,))])
    await outbox.commit([held(in_force(4), "bot", Suppression.COOLDOWN)])
    before = await states(archive)
    assert (await archive.replay(EVERYTHING)).done == 0  # the answer was lost, and it is asked for again
    assert await states(archive) == before
    await deliver(outbox)
    assert (await archive.replay(Selection(event="1"))).done == 1  # once more, as it was asked for once more
    assert len(await waiting(outbox)) == 1


async def test_what_expired_is_queued_again_as_it_was(outbox: Outbox, archive: Archive) -> None:
    old = RuleMatch("fresh", expires_at_us=START_US + 1)
    await outbox.commit([entry(in_force(1), "bot", rules=(old,))])
    (delivery,) = await waiting(outbox)
    await outbox.expire(delivery, at_us=START_US + 2)
    assert (await archive.replay(EVERYTHING)).done == 1
    assert [delivery.rules for delivery in await waiting(outbox)] == [(old,)]  # the lane lets it expire again


async def test_what_was_dropped_before_it_was_decided_is_decided_first(outbox: Outbox, archive: Archive) -> None:
    await outbox.commit([entry(in_force(1), "bot", rules=(ASKING,))])
    assert (await archive.drop(Selection(destination="bot"), waiting=True)).done == 1
    assert (await archive.replay(EVERYTHING, dropped=True)).done == 1
    assert (await archive.replay(EVERYTHING, dropped=True)).done == 0
    assert await waiting(outbox) == []
    (asked,) = await outbox.deciding(after=0, limit=9)
    assert (asked.source, asked.rules) == (Source.REPLAY, (ASKING,))


async def test_a_dead_letter_is_sent_at_last_and_stays_the_one_that_it_is(outbox: Outbox, archive: Archive) -> None:
    await outbox.commit([entry(in_force(n), "bot") for n in (1, 2)])
    await deliver(outbox, 1)
    assert (await archive.replay(EVERYTHING)).done == 2
    stats = (await outbox.stats())["bot"]
    assert stats.counts == {State.PENDING: 2, State.DELIVERED: 1}
    assert stats.replays == {State.PENDING: 1}
    found = await waiting(outbox)
    assert [(delivery.id, delivery.event.id, delivery.earlier) for delivery in found] == [(1, 1, 1), (3, 2, 0)]
    assert {delivery.attempts for delivery in found} == {0}
    await deliver(outbox)
    stats = (await outbox.stats())["bot"]
    assert (stats.counts, stats.replays) == (
        {State.PENDING: 0, State.DELIVERED: 3}, {State.DELIVERED: 1}
    )  # fmt: skip
    assert (await archive.count(ALL, EVERYTHING)).states == {State.DELIVERED: 2}
    assert (await archive.replay(EVERYTHING)).done == 2, "another replay finds it, too"


async def test_what_was_dropped_by_hand_is_left_unless_it_is_asked_for(outbox: Outbox, archive: Archive) -> None:
    old = RuleMatch("fresh", expires_at_us=START_US + 1)
    await outbox.commit([entry(in_force(n), "bot", rules=(old,) if n == 4 else (RULE,)) for n in (1, 2, 3, 4, 5)])
    await outbox.commit([entry(in_force(6), "bot", at_us=START_US + MINUTE)])
    first, second, _, fourth, *_ = await waiting(outbox)
    await outbox.bury(first, GONE, at_us=START_US)
    await outbox.bury(second, GONE, at_us=START_US)
    await outbox.expire(fourth, at_us=START_US)
    assert (await archive.drop(Selection(id=first.id))).done == 1
    assert await outbox.drop_older("bot", before_us=START_US + 1, at_us=START_US) == 2  # 3, 5
    await deliver(outbox)
    assert await forecast_replay(archive, EVERYTHING) == ReplayForecast(to_send=3, overdue=1, dropped=3)
    assert await forecast_replay(archive, EVERYTHING, dropped=True) == ReplayForecast(to_send=6, overdue=1)
    before = await states(archive)
    assert (await archive.replay(EVERYTHING)).done == 3  # 2 was dead, 4 too old, 6 delivered
    assert [delivery.event.id for delivery in await waiting(outbox)] == [2, 4, 6]
    assert {number: (await states(archive))[number] for number in (1, 3, 5)} == {
        number: before[number] for number in (1, 3, 5)
    }
    assert (await archive.replay(EVERYTHING, dropped=True)).done == 3
    assert [delivery.event.id for delivery in await waiting(outbox)] == [2, 4, 6, 1, 3, 5]


async def test_a_retry_is_foretold_with_ages_and_what_would_expire_at_once(
    outbox: Outbox, archive: Archive, clock: FakeClock
) -> None:
    now_us = clock.now_us()
    over, later = RuleMatch("over", expires_at_us=now_us), RuleMatch("later", expires_at_us=now_us + 1)
    held_back = RuleMatch("held", suppressed=Suppression.COOLDOWN)
    rules = {1: (RULE,), 2: (over,), 3: (over, later), 4: (over, held_back), 5: (over, RULE)}
    at = {number: f"2026-04-10T13:4{number}:00Z" for number in range(1, 8)}
    await outbox.commit([entry(in_force(n, at=at[n]), "bot", rules=mine) for n, mine in rules.items()])
    await outbox.commit([entry(in_force(6, "MSFT", at=None), "swing", at_us=START_US), entry(in_force(7), "swing")])
    await deliver(outbox, 1, 2, 3, 4, 5)
    await deliver(outbox, 6, name="swing")
    before = await states(archive)
    received = isoformat(START_US)
    assert await forecast_retry(archive, [EVERYTHING]) == RetryForecast(
        to_send=6, overdue=2, destinations={"bot": 5, "swing": 1}, earliest="2026-04-10T13:41:00.000Z", latest=received
    )
    assert await forecast_retry(archive, [Selection(symbol="aapl")]) == RetryForecast(
        to_send=5, overdue=2, destinations={"bot": 5}, earliest="2026-04-10T13:41:00.000Z",
        latest="2026-04-10T13:45:00.000Z",
    )  # fmt: skip
    assert await forecast_retry(archive, [Selection(id=2), Selection(id=6), Selection(id=7)]) == RetryForecast(
        to_send=2, overdue=1, destinations={"bot": 1, "swing": 1}, earliest="2026-04-10T13:42:00.000Z", latest=received
    )
    assert await forecast_retry(archive, [Selection(code="500")]) == RetryForecast()
    assert await states(archive) == before


async def test_what_is_foretold_knows_the_ages_that_destinations_have_now(
    outbox: Outbox, archive: Archive, clock: FakeClock
) -> None:
    spent, odd = RuleMatch("spent", expires_at_us=clock.now_us()), 'a "name"'
    at = {1: None, 2: "2026-04-10T13:45:00Z", 4: "2026-04-10T13:55:00Z"}
    await outbox.commit([entry(in_force(number, at=when), "bot", odd) for number, when in at.items()])
    await outbox.commit([entry(in_force(3), "bot", odd, rules=(spent,))])
    for name in ("bot", odd):
        for delivery in await waiting(outbox, name):
            await outbox.bury(delivery, GONE, at_us=START_US)

    async def overdue(ages: dict[str, float]) -> int:
        outbox.archive.max_ages = ages  # type: ignore[attr-defined]
        return (await forecast_retry(archive, [EVERYTHING])).overdue

    assert await overdue({}) == 2  # that whose own rule is over, twice
    assert await overdue({"bot": 600.0}) == 1 + 3  # received just so long ago, or earlier
    assert await overdue({"bot": 22.0}) == 1 + 4
    assert await overdue({"bot": 21.0, odd: 1.0, "swing": 1.0}) == 4 + 4
    assert await overdue({"bot": 86_400.0, odd: 600.0}) == 1 + 3


async def test_a_replay_that_died_is_foretold_and_queued_like_any_dead_letter(outbox: Outbox, archive: Archive) -> None:
    await outbox.commit([entry(in_force(1), "bot")])
    await deliver(outbox)
    await archive.replay(EVERYTHING)
    await deliver(outbox, 2)
    assert (await forecast_retry(archive, [EVERYTHING])).to_send == 1
    assert (await archive.count([State.DEAD], EVERYTHING)).total_sendable == 0
    assert (await archive.retry(EVERYTHING)).done == 1
    (again,) = await waiting(outbox)
    assert (again.source, again.attempts, again.earlier) == (Source.REPLAY, 0, 1)


@pytest.mark.parametrize("way", ["retry", "replay"])
async def test_attempts_of_all_lives_are_counted_and_told(way: str, outbox: Outbox, archive: Archive) -> None:
    await outbox.commit([entry(in_force(1), "bot")])
    for life in range(1, 4):
        (delivery,) = await waiting(outbox)
        assert (delivery.attempts, delivery.earlier) == (0, 2 * (life - 1))
        await outbox.retry(delivery, GONE, at_us=START_US, retry_at_us=START_US + 1, parked=False)
        await deliver(outbox, 1)
        assert (await (archive.retry if way == "retry" else archive.replay)(EVERYTHING)).done == 1
        item = await archive.delivery(1)
        assert item is not None
        assert item["attempts"] == 2 * life
    (delivery,) = await waiting(outbox)
    assert (delivery.attempts, delivery.earlier, delivery.attempt) == (0, 6, 7)


async def test_new_ids_are_stable_free_of_dots_and_like_no_other(outbox: Outbox, archive: Archive) -> None:
    await outbox.commit([entry(in_force(n), "bot", "swing") for n in (1, 2)])
    known = [delivery.webhook_id for name in ("bot", "swing") for delivery in await waiting(outbox, name)]
    await deliver(outbox, 1)
    await deliver(outbox, name="swing")
    assert (await archive.replay(EVERYTHING, new_ids=True)).done == 4
    first = [delivery.webhook_id for name in ("bot", "swing") for delivery in await waiting(outbox, name)]
    for delivery in await waiting(outbox):
        await outbox.bury(delivery, GONE, at_us=START_US)
    await archive.retry(EVERYTHING)
    assert [delivery.webhook_id for delivery in await waiting(outbox)] == first[:2]
    await deliver(outbox)
    await archive.replay(Selection(destination="bot"), new_ids=True)
    known += first + [delivery.webhook_id for delivery in await waiting(outbox)]
    assert len(known) == 10
    assert len(set(known)) == len(known)
    assert not any("." in name for name in known)


async def test_what_has_no_body_any_more_is_not_sent(place: Place) -> None:
    async with place.open() as opened:
        await opened.outbox.commit([entry(in_force(n), "bot") for n in (1, 2, 3)])
        first, second, _ = await waiting(opened.outbox)
        await opened.outbox.ack(first, OK, at_us=START_US)
        await opened.outbox.bury(second, GONE, at_us=START_US)
    await place.forget_bodies()
    async with place.open() as opened:
        archive = opened.archive
        assert (await archive.retry(EVERYTHING)).done == 0
        assert await forecast_retry(archive, [EVERYTHING]) == RetryForecast(bodiless=1)
        assert (await archive.replay(EVERYTHING)).done == 0
        counted = await archive.count([State.DELIVERED, State.DEAD], EVERYTHING)
        assert (sum(counted.states.values()), counted.bodiless) == (2, 2)
        assert (await archive.count(ALL, Selection(symbol="AAPL"))).bodiless == 3
        assert (await archive.drop(EVERYTHING)).done == 1


async def test_a_replay_just_queued_is_not_old_however_old_its_alert(
    outbox: Outbox, archive: Archive, clock: FakeClock
) -> None:
    await outbox.commit([entry(in_force(n), "bot") for n in (1, 2)])
    await deliver(outbox, 2)
    await outbox.commit([entry(in_force(3), "bot", at_us=START_US + 1)])
    await archive.replay(EVERYTHING)
    assert await outbox.drop_older("bot", before_us=clock.now_us(), at_us=clock.now_us()) == 1
    assert [delivery.event.id for delivery in await waiting(outbox)] == [1, 2]


async def test_a_span_of_time_holds_replays_of_what_was_received_in_it(outbox: Outbox, archive: Archive) -> None:
    await outbox.commit([entry(in_force(1), "bot"), entry(in_force(2), "bot", at_us=START_US + MINUTE)])
    await deliver(outbox)
    early = Selection(until_us=START_US + MINUTE)
    assert (await archive.replay(EVERYTHING)).done == 2
    assert [item["id"] for item in (await archive.list_deliveries(selection=early)).items] == [3, 1]
    assert [item["id"] for item in (await archive.list_deliveries(selection=early, before=3)).items] == [1]
    assert (await archive.count(ALL, early)).states == {State.DELIVERED: 1}
    for delivery in await waiting(outbox):
        await outbox.bury(delivery, GONE, at_us=START_US)
    assert (await archive.retry(early)).done == 1
    assert [delivery.id for delivery in await waiting(outbox)] == [3]


# --- steps


async def test_steps_go_on_where_the_last_one_ended_and_never_find_what_they_made(
    outbox: Outbox, archive: Archive
) -> None:
    await outbox.commit([entry(in_force(n), "bot", "swing") for n in range(1, 11)])
    await deliver(outbox, 3, 9)
    await deliver(outbox, name="swing")

    async def replayed(after: int) -> Step:
        step = await archive.replay(EVERYTHING, after=after, limit=3)
        assert step.looked <= 3
        await deliver(outbox)  # what was queued is sent at once, and could be found again
        return step

    assert sum(step.done for step in await in_steps(replayed)) == 20
    counts = (await outbox.stats())["bot"].replays
    assert counts == {State.DELIVERED: 8}, "two were dead letters, and are no copies"

    async def retried(after: int) -> Step:
        step = await archive.retry(Selection(destination="swing"), after=after, limit=2)
        for delivery in await waiting(outbox, "swing"):
            await outbox.bury(delivery, GONE, at_us=START_US)  # they die again
        return step

    for delivery in await waiting(outbox, "swing"):
        await outbox.bury(delivery, GONE, at_us=START_US)
    assert sum(step.done for step in await in_steps(retried)) == 10


async def test_what_came_in_the_meantime_does_not_hold_a_step_up(outbox: Outbox, archive: Archive) -> None:
    early = Selection(since_us=START_US + MINUTE)
    assert (await archive.replay(early)) == Step(0, 0, None)
    await outbox.commit([entry(in_force(1), "bot")])
    assert (await archive.replay(early)).done == 0
    await outbox.commit([entry(in_force(2), "bot", at_us=START_US + MINUTE)])
    await deliver(outbox)
    assert (await archive.replay(early)).done == 1
    assert [delivery.event.id for delivery in await waiting(outbox)] == [2]
