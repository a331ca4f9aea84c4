"""What every outbox promises (relay.outbox.base); each implementation is a parameter of ``open_outbox``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from relay.clock import MICROS
from relay.deliveries import Ask, Delivery, Outcome, RuleMatch, State, Suppression, Verdict
from relay.events import Channel, Source
from relay.outbox.archive import EVERYTHING, Selection
from relay.outbox.base import Decision, DestinationState, Entry, NewDelivery, Outbox, Sighting, Switch
from relay.outbox.channels import Baseline, Hole, RoundEnd
from relay.outbox.memory import Mark, Side, Snooze, SnoozeKind
from relay.outbox.sqlite import SqliteOutbox
from relay.states import StateWanted
from tests.support.clock import START_US, FakeClock
from tests.support.events import RULE, a_break, a_quote, a_state, entry, in_force
from tests.support.memory_outbox import Memory, MemoryOutbox

OK = Outcome(Verdict.DELIVERED, "200")
FAILED = Outcome(Verdict.RETRY, "503", "the destination answered 503", "try later")

Opener = Callable[[], Awaitable[Outbox]]


@pytest.fixture(params=["sqlite", "memory"])
async def open_outbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opener]:
    opened: list[Outbox] = []
    memory = Memory(START_US)

    async def open_one() -> Outbox:
        for outbox in opened:
            await outbox.close()
        opened.clear()
        if request.param == "sqlite":
            opened.append(await SqliteOutbox.open(tmp_path / "relay.db", FakeClock()))
        else:
            opened.append(MemoryOutbox(memory))
        return opened[-1]

    yield open_one
    for outbox in opened:
        await outbox.close()


@pytest.fixture
async def outbox(open_outbox: Opener) -> Outbox:
    return await open_outbox()


async def test_a_committed_event_is_claimed_with_all_its_facts(outbox: Outbox) -> None:
    event = in_force(98421)
    assert await outbox.commit([entry(event, "bot")]) == [Sighting.NEW]
    (delivery,), looked_to = await outbox.claim("bot", after=0, limit=10)
    assert delivery.event == event
    assert delivery.event_key == "alerts.in_force:98421"
    assert delivery.sequence == 1 == looked_to
    assert delivery.ordering_key == "AAPL"
    assert [rule.name for rule in delivery.rules] == ["daily bulls"]
    assert "." not in delivery.webhook_id


async def test_the_same_commit_twice_delivers_once(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(1), "bot")])
    assert await outbox.commit([entry(in_force(1), "bot")]) == [Sighting.DUPLICATE]
    found, _ = await outbox.claim("bot", after=0, limit=10)
    assert len(found) == 1


async def test_a_repetition_within_one_commit_is_found(outbox: Outbox) -> None:
    sightings = await outbox.commit([entry(in_force(1), "bot"), entry(in_force(1), "bot"), entry(in_force(2), "bot")])
    assert sightings == [Sighting.NEW, Sighting.DUPLICATE, Sighting.NEW]


async def test_a_live_event_without_id_is_claimed_by_one_id_at_most(outbox: Outbox) -> None:
    live = in_force(at="2026-04-10T13:45:22.123456+00:00")
    await outbox.commit([entry(live, "bot")])
    assert await outbox.commit([entry(in_force(7), "bot", source=Source.BACKFILL)]) == [Sighting.DUPLICATE]
    assert await outbox.commit([entry(in_force(8), "bot", source=Source.BACKFILL)]) == [Sighting.NEW]
    found, _ = await outbox.claim("bot", after=0, limit=10)
    assert [delivery.event.id for delivery in found] == [7, 8]


async def test_the_webhook_id_is_fixed_when_the_event_is_first_stored(outbox: Outbox, open_outbox: Opener) -> None:
    await outbox.commit([entry(in_force(), "bot")])
    (before,), _ = await outbox.claim("bot", after=0, limit=10)
    await outbox.commit([entry(in_force(7), "bot")])
    (after,), _ = await (await open_outbox()).claim("bot", after=0, limit=10)
    assert after.event.id == 7
    assert (after.webhook_id, after.event_key) == (before.webhook_id, before.event_key)


async def test_a_repetition_without_id_of_an_event_with_id_is_found(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(7), "bot")])
    assert await outbox.commit([entry(in_force(at="2026-04-10T13:45:22.900000Z"), "bot")]) == [Sighting.DUPLICATE]


async def test_a_field_missing_on_one_side_matches_anything(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(shape=None, at=None), "bot")])
    assert await outbox.commit([entry(in_force(7), "bot")]) == [Sighting.DUPLICATE]


async def test_the_same_quote_twice_is_two_events_with_ids_of_their_own(outbox: Outbox) -> None:
    assert await outbox.commit([entry(a_quote(), "bot")]) == [Sighting.NEW]
    assert await outbox.commit([entry(a_quote(), "bot", at_us=START_US + 1)]) == [Sighting.NEW]
    assert await outbox.commit([entry(a_state(), "bot"), entry(a_state(), "bot", at_us=START_US + 1)]) == [
        Sighting.NEW,
        Sighting.NEW,
    ]
    found, _ = await outbox.claim("bot", after=0, limit=10)
    assert [delivery.event for delivery in found] == [a_quote(), a_quote(), a_state(), a_state()]
    assert len({delivery.webhook_id for delivery in found}) == 4


async def test_an_alert_without_symbol_is_matched_by_the_rest_of_its_fields(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(7), "bot")])
    assert await outbox.commit([entry(in_force(symbol=None), "bot")]) == [Sighting.DUPLICATE]
    assert await outbox.commit([entry(in_force(symbol=None, direction="bearish"), "bot")]) == [Sighting.NEW]


async def test_an_old_alert_without_time_does_not_swallow_a_later_one(outbox: Outbox) -> None:
    day = 86_400 * MICROS
    await outbox.commit([entry(in_force(at=None), "bot", at_us=START_US - 10 * day)])
    assert await outbox.commit([entry(in_force(9), "bot", at_us=START_US)]) == [Sighting.NEW]
    assert await outbox.commit([entry(in_force(at=None), "bot", at_us=START_US + 5 * day)]) == [Sighting.NEW]
    found, _ = await outbox.claim("bot", after=0, limit=10)
    assert len({delivery.webhook_id for delivery in found}) == 3


async def test_breaks_are_the_same_whatever_the_order_and_form_of_their_symbols(outbox: Outbox) -> None:
    await outbox.commit([entry(a_break(symbols=("YM1!", "ES1!", "NQ1!")), "bot")])
    assert await outbox.commit([entry(a_break(5, symbols=("ES", "NQ", "YM")), "bot")]) == [Sighting.DUPLICATE]
    assert await outbox.commit([entry(a_break(6, symbols=("ES1!", "NQ1!")), "bot")]) == [Sighting.NEW]


async def test_claims_come_in_commit_order_and_continue_after_a_position(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(number), "bot") for number in range(1, 8)])
    first, position = await outbox.claim("bot", after=0, limit=3)
    second, _ = await outbox.claim("bot", after=position, limit=10)
    assert [delivery.event.id for delivery in [*first, *second]] == [1, 2, 3, 4, 5, 6, 7]


async def test_a_claim_skips_keys_and_they_can_be_claimed_alone(outbox: Outbox) -> None:
    for number, symbol in enumerate(["AAPL", "MSFT", "AAPL", "IBM"], start=1):
        await outbox.commit([entry(in_force(number, symbol), "bot")])
    found, position = await outbox.claim("bot", after=0, limit=10, skip={"AAPL"})
    assert [delivery.event.symbol for delivery in found] == ["MSFT", "IBM"]
    assert position == 4
    assert [d.sequence for d in await outbox.claim_key("bot", "AAPL", after=0, limit=10)] == [1, 3]
    assert [d.sequence for d in await outbox.claim_key("bot", "AAPL", after=1, limit=10)] == [3]


async def test_what_is_delivered_dead_or_expired_is_claimed_no_more(outbox: Outbox, open_outbox: Opener) -> None:
    await outbox.commit([entry(in_force(number), "bot") for number in (1, 2, 3, 4)])
    found, _ = await outbox.claim("bot", after=0, limit=10)
    await outbox.ack(found[0], OK, at_us=START_US)
    await outbox.bury(found[1], FAILED, at_us=START_US)
    await outbox.expire(found[2], at_us=START_US)
    again = await open_outbox()
    left, _ = await again.claim("bot", after=0, limit=10)
    assert [delivery.event.id for delivery in left] == [4]
    counts = (await again.stats())["bot"].counts
    assert counts == {State.PENDING: 1, State.DELIVERED: 1, State.DEAD: 1, State.EXPIRED: 1}


async def test_a_retry_keeps_attempts_and_first_attempt_over_a_restart(outbox: Outbox, open_outbox: Opener) -> None:
    await outbox.commit([entry(in_force(1), "bot")])
    (delivery,), _ = await outbox.claim("bot", after=0, limit=10)
    await outbox.retry(delivery, FAILED, at_us=START_US + 5, retry_at_us=START_US + 9, parked=False)
    (again,), _ = await (await open_outbox()).claim("bot", after=0, limit=10)
    assert (again.attempts, again.first_attempt_at_us, again.retry_at_us) == (1, START_US + 5, START_US + 9)


async def test_a_parked_delivery_is_claimed_only_when_due(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(1), "bot"), entry(in_force(2), "bot")])
    (poison, _), _ = await outbox.claim("bot", after=0, limit=10)
    await outbox.retry(poison, FAILED, at_us=START_US, retry_at_us=START_US + 9, parked=True)
    left, _ = await outbox.claim("bot", after=0, limit=10)
    assert [delivery.event.id for delivery in left] == [2]
    far = START_US + 10**9
    assert await outbox.next_parked_us("bot", after_us=START_US) == START_US + 9
    assert await outbox.next_parked_us("bot", after_us=START_US + 9) is None
    assert await outbox.claim_parked("bot", due_us=START_US + 8, latest_us=far, limit=10) == []
    (due,) = await outbox.claim_parked("bot", due_us=START_US + 9, latest_us=far, limit=10)
    assert due.event.id == 1
    assert due.parked


async def test_a_revived_dead_letter_goes_to_the_end_with_its_webhook_id(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(1), "bot"), entry(in_force(2), "bot")])
    (first, second), _ = await outbox.claim("bot", after=0, limit=10)
    await outbox.bury(first, FAILED, at_us=START_US)
    again = await outbox.archive.retry(Selection(id=first.id))
    assert (again.done, again.destinations, again.next) == (1, ("bot",), None)
    for nothing in (second.id, 999):
        assert (await outbox.archive.retry(Selection(id=nothing))).done == 0
    found, _ = await outbox.claim("bot", after=0, limit=10)
    assert [delivery.id for delivery in found] == [second.id, first.id]
    assert found[1].webhook_id == first.webhook_id
    assert (found[1].attempts, found[1].earlier, found[1].first_attempt_at_us) == (0, 1, None)


async def test_a_round_moves_its_channels_cursor_only(outbox: Outbox, open_outbox: Opener) -> None:
    end = RoundEnd(Channel.IN_FORCE, 40, START_US - 10, START_US, Baseline(40, START_US - 10))
    await outbox.commit([entry(in_force(40), "bot")], round_end=end)
    later = RoundEnd(Channel.IN_FORCE, 44, START_US + 90, START_US + 100)
    await outbox.commit([], round_end=later)
    again = await open_outbox()
    assert (await again.channel(Channel.BREAKS)).cursor is None
    state = await again.channel(Channel.IN_FORCE)
    assert state.cursor == 44
    assert state.cursor_at(START_US + 99) == 40
    assert state.cursor_at(START_US - 1) is None
    assert state.baseline == Baseline(40, START_US - 10)


async def test_live_events_never_move_the_cursor(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(99), "bot")])
    assert (await outbox.channel(Channel.IN_FORCE)).cursor is None


async def test_old_rounds_are_forgotten_but_the_cursor_of_an_hour_ago_is_known(outbox: Outbox) -> None:
    for minute in range(0, 600, 5):
        at_us = START_US + minute * 60 * MICROS
        await outbox.commit([], round_end=RoundEnd(Channel.IN_FORCE, minute, at_us, at_us))
    state = await outbox.channel(Channel.IN_FORCE)
    assert len(state.rounds) < 20
    assert state.cursor_at(START_US + 540 * 60 * MICROS) == 540


async def test_the_largest_page_only_grows(outbox: Outbox, open_outbox: Opener) -> None:
    await outbox.learn_page(Channel.BREAKS, 50)
    await outbox.learn_page(Channel.BREAKS, 20)
    assert (await (await open_outbox()).channel(Channel.BREAKS)).largest_page == 50


async def test_a_hole_is_kept_once(outbox: Outbox) -> None:
    hole = Hole(Channel.IN_FORCE, 10, 90, "timeframe=D direction=bullish", START_US)
    await outbox.commit([], holes=[hole])
    await outbox.commit([], holes=[hole])
    assert await outbox.holes() == [hole]


async def test_time_switched_off_is_taken_out_of_the_first_attempt(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(1), "bot")])
    (delivery,), _ = await outbox.claim("bot", after=0, limit=10)
    await outbox.retry(delivery, FAILED, at_us=START_US, retry_at_us=START_US, parked=False)
    hour = 3600 * MICROS
    await outbox.switch("bot", DestinationState(Switch.OFF, "gone", START_US + hour, "abc"))
    assert (await outbox.destination("bot")).switch is Switch.OFF
    await outbox.switch("bot", DestinationState(Switch.ON, "", START_US + 3 * hour))
    (again,), _ = await outbox.claim("bot", after=0, limit=10)
    assert again.first_attempt_at_us == START_US + 2 * hour


async def test_dropping_older_ones_keeps_them_visible(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(1), "bot", at_us=START_US), entry(in_force(2), "bot", at_us=START_US + 100)])
    assert await outbox.drop_older("bot", before_us=START_US + 50, at_us=START_US + 200) == 1
    left, _ = await outbox.claim("bot", after=0, limit=10)
    assert [delivery.event.id for delivery in left] == [2]
    page = await outbox.archive.list_deliveries(state=State.EXPIRED)
    assert [item["state"] for item in page.items] == ["expired"]


async def test_listings_page_from_the_newest_to_the_oldest(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(number), "bot") for number in range(1, 6)])
    first = await outbox.archive.list_events(limit=3)
    rest = await outbox.archive.list_events(before=first.next, limit=3)
    assert [item["upstream_id"] for item in [*first.items, *rest.items]] == [5, 4, 3, 2, 1]
    assert rest.next is None
    page = await outbox.archive.list_deliveries(state=State.PENDING, selection=Selection(destination="bot"), limit=2)
    assert [item["event"] for item in page.items] == ["alerts.in_force:5", "alerts.in_force:4"]
    assert page.next is not None
    assert first.items[0]["deliveries"] == {"bot": "pending"}


async def test_one_event_is_found_by_its_number_and_by_its_key(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(None)), entry(in_force(7, "MSFT"), "bot"), entry(a_break(7))])
    await outbox.commit([entry(in_force(5))])  # the id of the first, which had none
    for item in (await outbox.archive.list_events()).items:
        for name in (str(item["id"]), str(item["event"])):
            assert await outbox.archive.event(name) == item
    late = await outbox.archive.event("alerts.in_force:5")
    assert late is not None
    assert (late["upstream_id"], late["event"]) == (5, "alerts.in_force:AAPL|D|bullish|1-2U|2026-04-10T13:45:22Z")
    for nothing in ("0", "8", "9" * 40, "alerts.in_force:8", "alerts.in_force:", "quotes:7", "7:", ""):
        assert await outbox.archive.event(nothing) is None


async def test_retention_drops_finished_bodies_and_keeps_what_is_unfinished(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(number), "bot") for number in (1, 2, 3)])
    found, _ = await outbox.claim("bot", after=0, limit=10)
    await outbox.ack(found[0], OK, at_us=START_US)
    await outbox.bury(found[1], FAILED, at_us=START_US)
    far = START_US + 10**15
    while await outbox.prune(
        finished_before_us=far, identities_before_us=START_US - 10**15, marks_before_us=0, limit=2
    ):
        pass
    events = await outbox.archive.list_events()
    assert [item["data"] is not None for item in events.items] == [True, True, False]
    assert await outbox.commit([entry(in_force(1), "bot")]) == [Sighting.DUPLICATE]


async def test_an_identity_stays_while_it_is_above_the_cursors_overlap(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(number)) for number in (1, 2)])
    await outbox.commit([], round_end=RoundEnd(Channel.IN_FORCE, 1, START_US, START_US))
    far = START_US + 10**15
    for _ in range(3):
        while await outbox.prune(finished_before_us=far, identities_before_us=far, marks_before_us=far):
            pass
    sightings = await outbox.commit([entry(in_force(1)), entry(in_force(2))])
    assert sightings == [Sighting.NEW, Sighting.DUPLICATE]


async def test_sequences_rise_even_after_everything_was_pruned(outbox: Outbox, open_outbox: Opener) -> None:
    await outbox.commit([entry(in_force(1), "bot")])
    (delivery,), _ = await outbox.claim("bot", after=0, limit=10)
    await outbox.ack(delivery, OK, at_us=START_US)
    while await outbox.prune(finished_before_us=START_US + 10**15, identities_before_us=0, marks_before_us=0):
        pass
    again = await open_outbox()
    await again.commit([entry(in_force(2), "bot")])
    (after,), _ = await again.claim("bot", after=0, limit=10)
    assert after.sequence == 2


async def test_a_burst_is_stored_whole_and_in_order(outbox: Outbox) -> None:
    sightings = await outbox.commit([entry(in_force(number), "bot", "swing") for number in range(1, 2501)])
    assert sightings == [Sighting.NEW] * 2500
    found, _ = await outbox.claim("swing", after=0, limit=3000)
    assert [delivery.event.id for delivery in found] == list(range(1, 2501))
    assert (await outbox.stats())["bot"].oldest_pending_us == START_US


async def test_what_a_destination_asked_for_is_remembered(outbox: Outbox, open_outbox: Opener) -> None:
    await outbox.hold("bot", since_us=START_US + 1, until_us=START_US + 60)
    await outbox.switch("bot", DestinationState(Switch.PAUSED, "", START_US))
    again = await open_outbox()
    state = await again.destination("bot")
    assert (state.switch, state.held_since_us, state.held_until_us) == (Switch.PAUSED, START_US + 1, START_US + 60)
    await again.switch("bot", DestinationState(Switch.ON, "", START_US + 2))
    assert (await again.destination("bot")).held_until_us == 0


async def test_a_parked_delivery_whose_time_no_back_off_reaches_is_due(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(1), "bot"), entry(in_force(2), "bot")])
    (first, second), _ = await outbox.claim("bot", after=0, limit=10)
    await outbox.retry(first, FAILED, at_us=START_US, retry_at_us=START_US + 50, parked=True)
    await outbox.retry(second, FAILED, at_us=START_US, retry_at_us=START_US + 500, parked=True)
    found = await outbox.claim_parked("bot", due_us=START_US, latest_us=START_US + 99, limit=10)
    assert [delivery.event.id for delivery in found] == [2]


async def test_what_is_settled_is_not_retried_after_that(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(1), "bot"), entry(in_force(2), "bot")])
    (first, second), _ = await outbox.claim("bot", after=0, limit=10)
    await outbox.drop_older("bot", before_us=START_US + 1, at_us=START_US)
    await outbox.retry(first, FAILED, at_us=START_US, retry_at_us=START_US, parked=False)
    await outbox.retry(second, FAILED, at_us=START_US, retry_at_us=START_US, parked=True)
    assert await outbox.claim("bot", after=0, limit=10) == ([], 2)
    assert await outbox.claim_parked("bot", due_us=START_US, latest_us=START_US, limit=10) == []


def withheld(number: int | None, name: str) -> Entry:
    """An alert that REST showed, for a destination that takes live ones only."""
    made = NewDelivery(name, (RULE,), Suppression.SOURCE, "it came by backfill")
    return Entry(in_force(number), Source.BACKFILL, START_US, (made,))


async def test_what_was_withheld_for_its_way_is_released_by_the_first_live_sighting(
    outbox: Outbox, open_outbox: Opener
) -> None:
    await outbox.commit([withheld(1, "bot"), entry(in_force(2), "bot")])
    assert (await outbox.stats())["bot"].counts == {State.SUPPRESSED: 1, State.PENDING: 1}
    outbox = await open_outbox()
    assert await outbox.commit([entry(in_force(1), "bot"), entry(in_force(1), "bot")]) == [
        Sighting.RELEASED,
        Sighting.DUPLICATE,
    ]
    found, _ = await outbox.claim("bot", after=0, limit=10)
    assert [(delivery.event.id, delivery.source) for delivery in found] == [(2, Source.LIVE), (1, Source.LIVE)]
    assert found[1].sequence > found[0].sequence
    await outbox.ack(found[1], OK, at_us=START_US)
    await outbox.commit([entry(in_force(1), "bot")])
    left, _ = await outbox.claim("bot", after=0, limit=10)
    assert [delivery.event.id for delivery in left] == [2]


async def test_a_sighting_without_id_releases_what_was_withheld_too(outbox: Outbox) -> None:
    await outbox.commit([withheld(1, "bot")])
    await outbox.commit([entry(in_force(None, at="2026-04-10T13:45:22.5Z"), "bot")])
    found, _ = await outbox.claim("bot", after=0, limit=10)
    assert [delivery.event.id for delivery in found] == [1]


async def test_another_sighting_over_rest_releases_nothing(outbox: Outbox) -> None:
    await outbox.commit([withheld(1, "bot")])
    await outbox.commit([withheld(1, "bot"), entry(in_force(1), "bot", source=Source.BACKFILL)])
    assert (await outbox.claim("bot", after=0, limit=10))[0] == []


async def test_an_old_alert_is_not_brought_back_by_a_live_frame(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(1), source=Source.BACKFILL)])
    await outbox.commit([entry(in_force(1), "bot")])
    assert (await outbox.claim("bot", after=0, limit=10))[0] == []


# --- rules that ask


GREEN = StateWanted(tfc={"D": "green"})
ASKING = RuleMatch("green days", ask=Ask(GREEN, cooldown=900.0))
SNAPSHOT = b'{"AAPL":{"symbol":"AAPL","tfc":{"D":"green"},"price":{"price":214.30}}}'


def asking(number: int, *names: str) -> Entry:
    """An alert of a rule that asks first."""
    return Entry(in_force(number), Source.LIVE, START_US, tuple(NewDelivery(name, (ASKING,)) for name in names))


def decided(delivery: Delivery, *rules: RuleMatch, states: bytes | None = None) -> Decision:
    return Decision(delivery, rules, states=states)


async def test_what_asks_waits_where_no_lane_sees_it_and_over_a_restart(outbox: Outbox, open_outbox: Opener) -> None:
    await outbox.commit([asking(1, "bot", "swing"), entry(in_force(2), "bot")])
    assert [d.event.id for d in (await outbox.claim("bot", after=0, limit=10))[0]] == [2]
    outbox = await open_outbox()
    waiting = await outbox.deciding(after=0, limit=10)
    assert [(d.event.id, d.destination, d.rules) for d in waiting] == [(1, "bot", (ASKING,)), (1, "swing", (ASKING,))]
    assert await outbox.deciding(after=waiting[0].id, limit=1) == waiting[1:]
    assert (await outbox.stats())["bot"].counts == {State.PENDING: 1, State.DECIDING: 1}


async def test_what_was_decided_goes_to_the_end_of_its_queue_with_what_was_found(
    outbox: Outbox, open_outbox: Opener
) -> None:
    await outbox.commit([asking(1, "bot"), entry(in_force(2), "bot")])
    (waiting,) = await outbox.deciding(after=0, limit=10)
    await outbox.decide([decided(waiting, RULE, states=SNAPSHOT)], at_us=START_US)
    outbox = await open_outbox()
    found, _ = await outbox.claim("bot", after=0, limit=10)
    assert [(d.event.id, d.rules, d.states) for d in found] == [(2, (RULE,), None), (1, (RULE,), SNAPSHOT)]
    assert await outbox.deciding(after=0, limit=10) == []


async def test_a_decision_may_suppress_or_take_away(outbox: Outbox) -> None:
    await outbox.commit([asking(1, "bot"), asking(2, "bot"), entry(in_force(3), "bot")])
    first, second = await outbox.deciding(after=0, limit=10)
    unknown = RuleMatch("green days", suppressed=Suppression.UNKNOWN)
    await outbox.decide(
        [Decision(first, (unknown,), Suppression.UNKNOWN, "not known"), decided(second)], at_us=START_US
    )
    assert (await outbox.stats())["bot"].counts == {State.PENDING: 1, State.SUPPRESSED: 1}
    (item,) = (await outbox.archive.list_deliveries(state=State.SUPPRESSED)).items
    assert item["last_error"] == "not known"


async def test_what_is_decided_already_is_not_decided_again(outbox: Outbox) -> None:
    await outbox.commit([asking(1, "bot")])
    (waiting,) = await outbox.deciding(after=0, limit=10)
    await outbox.decide([decided(waiting, RULE)], at_us=START_US)
    (pending,), _ = await outbox.claim("bot", after=0, limit=10)
    await outbox.ack(pending, OK, at_us=START_US)
    await outbox.decide([decided(waiting, RULE), decided(waiting)], at_us=START_US)
    assert (await outbox.stats())["bot"].counts == {State.PENDING: 0, State.DELIVERED: 1}


async def test_what_was_withheld_and_asks_still_asks_when_it_is_released(outbox: Outbox) -> None:
    held = NewDelivery("bot", (ASKING,), Suppression.SOURCE, "it came by backfill")
    await outbox.commit([Entry(in_force(1), Source.BACKFILL, START_US, (held,))])
    assert await outbox.deciding(after=0, limit=10) == []
    assert await outbox.commit([asking(1, "bot")]) == [Sighting.RELEASED]
    assert [d.event.id for d in await outbox.deciding(after=0, limit=10)] == [1]


# --- what rules remember


def mark(at_us: int, *, count: int = 0, noted_us: int = START_US) -> Mark:
    return Mark("calm", "AAPL", "D", "bullish", at_us, count, noted_us)


async def test_marks_of_new_alerts_stay_and_those_of_repetitions_do_not(outbox: Outbox, open_outbox: Opener) -> None:
    marked = msgspec.structs.replace(entry(in_force(1), "bot"), marks=(mark(START_US, count=3),))
    await outbox.commit([marked])
    again = msgspec.structs.replace(marked, marks=(mark(START_US + 1),))
    await outbox.commit([again, again])
    await outbox.commit([entry(in_force(2), "bot", rules=(ASKING,))])
    (asked,) = await outbox.deciding(after=0, limit=9)
    passed = msgspec.structs.replace(decided(asked, RULE), marks=(mark(START_US - 5),))
    assert await outbox.decide([passed], at_us=START_US) == {asked.id}
    outbox = await open_outbox()
    assert await outbox.memory.marks(since_us=0, limit=9) == [mark(START_US, count=3), mark(START_US - 5)]
    assert await outbox.memory.marks(since_us=0, limit=1) == [mark(START_US - 5)]
    assert await outbox.memory.marks(since_us=START_US + 1, limit=9) == []


async def test_what_was_dropped_before_it_was_decided_stays_so_and_leaves_no_mark(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(number), "bot", rules=(ASKING,)) for number in (1, 2)])
    dropped, asked = await outbox.deciding(after=0, limit=9)
    await outbox.archive.drop(Selection(id=dropped.id), waiting=True)
    shared, own = mark(START_US), mark(START_US + 1)
    decisions = [
        msgspec.structs.replace(decided(dropped, RULE), marks=(own, shared)),
        msgspec.structs.replace(decided(asked, RULE), marks=(shared,)),
    ]
    assert await outbox.decide(decisions, at_us=START_US) == {asked.id}
    assert await outbox.memory.marks(since_us=0, limit=9) == [shared]
    assert (await outbox.stats())["bot"].counts == {State.PENDING: 1, State.EXPIRED: 1}
    claimed, _ = await outbox.claim("bot", after=0, limit=9)
    assert [(delivery.id, delivery.sequence) for delivery in claimed] == [(asked.id, 3)]


async def test_an_alert_that_releases_what_was_withheld_leaves_its_mark(outbox: Outbox) -> None:
    await outbox.commit([withheld(1, "bot")])
    live = msgspec.structs.replace(entry(in_force(1), "bot"), marks=(mark(START_US),))
    await outbox.commit([live, live])
    assert await outbox.memory.marks(since_us=0, limit=9) == [mark(START_US)]


async def test_sides_are_remembered_with_an_event_or_by_themselves_and_the_last_one_counts(
    outbox: Outbox, open_outbox: Opener
) -> None:
    above, below = (Side("through 200", "AAPL", "crosses_above 200", side) for side in (1, 0))
    other = Side("through 200", "SPY", "crosses_above 200", 1)
    await outbox.commit([msgspec.structs.replace(entry(in_force(1)), sides=(above, other))])
    await outbox.memory.note_sides([below])
    outbox = await open_outbox()
    assert sorted(await outbox.memory.sides(), key=lambda side: side.symbol) == [below, other]
    await outbox.memory.forget_sides(but=[msgspec.structs.replace(other, side=0)])
    assert await outbox.memory.sides() == [other]  # it is the store that knows which side


async def test_a_snooze_replaces_an_earlier_one_and_survives_until_it_is_ended(
    outbox: Outbox, open_outbox: Opener
) -> None:
    first = Snooze(SnoozeKind.RULE, "calm", START_US, START_US + 10)
    longer = Snooze(SnoozeKind.RULE, "calm", START_US + 5, START_US + 99)
    other = Snooze(SnoozeKind.DESTINATION, "calm", START_US + 7, START_US + 50)
    for snooze in (first, other, longer):
        await outbox.memory.snooze(snooze)
    outbox = await open_outbox()
    assert await outbox.memory.snoozes() == [longer, other]
    assert await outbox.memory.wake(SnoozeKind.RULE, "calm") is True
    assert await outbox.memory.wake(SnoozeKind.RULE, "calm") is False
    assert await outbox.memory.snoozes() == [other]


async def test_retention_forgets_marks_by_their_own_age_and_snoozes_that_are_over(outbox: Outbox) -> None:
    marked = entry(in_force(1), "bot")
    await outbox.commit([msgspec.structs.replace(marked, marks=(mark(7, noted_us=START_US - 1), mark(5)))])
    await outbox.memory.snooze(Snooze(SnoozeKind.SYMBOL, "SPY", 0, START_US - 1))
    await outbox.memory.snooze(Snooze(SnoozeKind.SYMBOL, "QQQ", 0, START_US + 1))
    await outbox.prune(finished_before_us=START_US, identities_before_us=0, marks_before_us=START_US)
    assert await outbox.memory.marks(since_us=0, limit=9) == [mark(5)]
    assert [snooze.name for snooze in await outbox.memory.snoozes()] == ["QQQ"]


async def test_the_ledger_tells_of_each_delivery_where_it_stands_and_why_it_was_held_back(outbox: Outbox) -> None:
    held = NewDelivery("bot", (RULE,), Suppression.COOLDOWN, "too near")
    await outbox.commit([entry(in_force(number), "bot") for number in range(1, 5)])
    await outbox.commit([msgspec.structs.replace(entry(in_force(5)), deliveries=(held,)), withheld(6, "bot")])
    await outbox.commit([asking(7, "bot"), asking(8, "bot")])
    first, second, third, _ = (await outbox.claim("bot", after=0, limit=10))[0]
    await outbox.ack(first, OK, at_us=START_US)
    await outbox.bury(second, Outcome(Verdict.DEAD, "404"), at_us=START_US)
    await outbox.expire(third, at_us=START_US)
    matched, unmatched = await outbox.deciding(after=0, limit=10)
    await outbox.decide([decided(matched, RULE), decided(unmatched)], at_us=START_US)
    stats = (await outbox.stats())["bot"]
    assert stats.counts == {
        State.PENDING: 2, State.DELIVERED: 1, State.DEAD: 1, State.EXPIRED: 1, State.SUPPRESSED: 2
    }  # fmt: skip
    assert stats.suppressed == {Suppression.COOLDOWN: 1, Suppression.SOURCE: 1}
    assert not stats.pruned


async def test_what_retention_deletes_stays_in_the_ledger(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(1), "bot"), entry(in_force(2), "bot")])
    first, _ = (await outbox.claim("bot", after=0, limit=10))[0]
    await outbox.ack(first, OK, at_us=START_US)
    far = START_US + 10**15
    while await outbox.prune(finished_before_us=far, identities_before_us=far, marks_before_us=far):
        pass
    stats = (await outbox.stats())["bot"]
    assert stats.counts == {State.PENDING: 1}
    assert stats.pruned == {State.DELIVERED: 1}


async def test_what_was_sent_again_by_hand_is_one_event_however_often_and_after_retention_too(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(number), "bot") for number in (1, 2, 3)])
    for again in (True, True, False):
        for delivery in (await outbox.claim("bot", after=0, limit=10))[0]:
            await outbox.ack(delivery, OK, at_us=START_US)
        if again:
            assert (await outbox.archive.replay(EVERYTHING)).done == 3
    stats = (await outbox.stats())["bot"]
    assert (stats.counts[State.DELIVERED], stats.replays) == (9, {State.DELIVERED: 6})
    far = START_US + 10**15
    while await outbox.prune(finished_before_us=far, identities_before_us=0, marks_before_us=0):
        pass
    stats = (await outbox.stats())["bot"]
    assert (sum(stats.counts.values()), sum(stats.replays.values())) == (0, 0)
    assert stats.pruned == {State.DELIVERED: 3}
