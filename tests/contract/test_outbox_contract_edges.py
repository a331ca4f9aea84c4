"""What every outbox promises where there is nothing yet, nothing more, or a clock that was set back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from relay.clock import MICROS
from relay.deliveries import Ask, Outcome, RuleMatch, State, Suppression, Verdict, webhook_id
from relay.events import Channel, Event, Source
from relay.outbox.base import Decision, DestinationState, Entry, NewDelivery, Outbox, Sighting, Switch
from relay.outbox.channels import Baseline, ChannelState, Hole, RoundEnd
from relay.outbox.sqlite import SqliteOutbox
from relay.states import StateWanted
from tests.support.clock import START_US, FakeClock
from tests.support.events import RULE, a_break, a_quote, a_state, entry, in_force
from tests.support.memory_outbox import Memory, MemoryOutbox

FAILED = Outcome(Verdict.RETRY, "503", "the destination answered 503", "try later")
ASKING = RuleMatch("green days", ask=Ask(StateWanted(tfc={"D": "green"}), cooldown=900.0))


@pytest.fixture(params=["sqlite", "memory"])
async def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Outbox]:
    opened: Outbox
    if request.param == "sqlite":
        opened = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    else:
        opened = MemoryOutbox(Memory(START_US))
    yield opened
    await opened.close()


async def test_nothing_is_remembered_of_a_channel_or_a_destination_that_never_was(outbox: Outbox) -> None:
    assert await outbox.channel(Channel.BREAKS) == ChannelState()
    assert await outbox.destination("bot") == DestinationState()


async def test_it_is_known_when_the_store_was_first_opened(outbox: Outbox) -> None:
    assert outbox.first_started_at_us == START_US


EVENTS = {
    "an alert": in_force(7),
    "one that tells whether it goes on": msgspec.structs.replace(in_force(7), continuation=True),
    "one that does not": msgspec.structs.replace(in_force(7), continuation=None),
    "one that tells no time": in_force(7, at=None),
    "one to the minute": in_force(7, at="2026-04-10T13:45Z"),
    "a break": a_break(7),
    "a quote": a_quote(),
    "a state": a_state(),
}


@pytest.mark.parametrize("event", [pytest.param(event, id=name) for name, event in EVENTS.items()])
async def test_what_is_claimed_has_its_times_and_all_that_its_alert_said(outbox: Outbox, event: Event) -> None:
    await outbox.commit([entry(event, "bot", at_us=START_US + 3)])
    (delivery,), _ = await outbox.claim("bot", after=0, limit=10)
    assert delivery.event == event
    assert (delivery.received_at_us, delivery.updated_at_us) == (START_US + 3, START_US + 3)
    await outbox.retry(delivery, FAILED, at_us=START_US + 8, retry_at_us=START_US + 9, parked=False)
    (delivery,), _ = await outbox.claim("bot", after=0, limit=10)
    assert (delivery.received_at_us, delivery.updated_at_us) == (START_US + 3, START_US + 8)


async def test_each_destination_gets_a_webhook_id_of_its_own_and_nothing_is_said_of_what_waits(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(7), "bot", "swing")])
    items = (await outbox.archive.list_deliveries()).items
    assert {item["destination"]: item["webhook_id"] for item in items} == {
        name: webhook_id("alerts.in_force:7", name) for name in ("bot", "swing")
    }
    assert {(item["last_code"], item["last_error"]) for item in items} == {("", "")}


@pytest.mark.parametrize("second", ["00", "00.000001", "59.999999"])
async def test_an_alert_is_known_again_to_the_last_microsecond_of_its_minute(outbox: Outbox, second: str) -> None:
    at = f"2026-04-10T13:45:{second}Z"
    await outbox.commit([entry(in_force(None, at=at), "bot")])
    assert await outbox.commit([entry(in_force(7, at=at), "bot")]) == [Sighting.DUPLICATE]


async def test_a_channel_that_has_only_learnt_its_page_has_no_baseline(outbox: Outbox) -> None:
    await outbox.learn_page(Channel.BREAKS, 50)
    assert await outbox.channel(Channel.BREAKS) == ChannelState(largest_page=50)


async def test_rounds_come_back_as_they_were_noted_with_the_baseline_beside_them(outbox: Outbox) -> None:
    first = RoundEnd(Channel.IN_FORCE, 40, START_US - 10, START_US, Baseline(None, START_US - 10))
    second = RoundEnd(Channel.IN_FORCE, 44, START_US + 90, START_US + 100)
    for end in (first, second):
        await outbox.commit([], round_end=end)
    state = await outbox.channel(Channel.IN_FORCE)
    assert state.rounds == (msgspec.structs.replace(first, baseline=None), second)
    assert state.baseline == first.baseline


async def test_a_hundred_holes_are_told_the_newest_first_unless_more_are_asked_for(outbox: Outbox) -> None:
    found = [Hole(Channel.IN_FORCE, number, number + 9, "everything", START_US + number) for number in range(102)]
    await outbox.commit([], holes=found)
    assert await outbox.holes() == found[:1:-1]
    assert await outbox.holes(limit=200) == found[::-1]
    assert await outbox.holes(limit=1) == found[-1:]


async def test_the_symbols_of_in_force_alerts_are_known_and_no_others(outbox: Outbox) -> None:
    assert await outbox.known_symbols() == []
    alerts = [in_force(1, "SPY"), in_force(2, "AAPL"), in_force(3, "SPY", timeframe="W"), in_force(4, None)]
    await outbox.commit([entry(event, "bot") for event in (*alerts, a_break(5), a_quote(), a_state())])
    assert await outbox.known_symbols() == ["AAPL", "SPY"]


@pytest.mark.parametrize(
    ("off_after", "on_after", "moved"),
    [
        pytest.param(3_600, 7_200, 3_600, id="an hour off"),
        pytest.param(3_600, 0, 0, id="a clock set back meanwhile"),
        pytest.param(None, 3_600, 0, id="never off"),
    ],
)
async def test_only_time_switched_off_moves_the_first_attempt(
    outbox: Outbox, off_after: int | None, on_after: int, moved: int
) -> None:
    await outbox.commit([entry(in_force(1), "bot")])
    (delivery,), _ = await outbox.claim("bot", after=0, limit=10)
    await outbox.retry(delivery, FAILED, at_us=START_US, retry_at_us=START_US, parked=False)
    if off_after is not None:
        await outbox.switch("bot", DestinationState(Switch.OFF, "gone", START_US + off_after * MICROS))
    await outbox.hold("bot", since_us=START_US, until_us=START_US + 9)
    for seconds in (on_after, on_after + 60):  # the second time it is on already
        on = DestinationState(Switch.ON, "", START_US + seconds * MICROS)
        await outbox.switch("bot", on)
        assert await outbox.destination("bot") == on, "what it asked for is forgotten"
    (again,), _ = await outbox.claim("bot", after=0, limit=10)
    assert again.first_attempt_at_us == START_US + moved * MICROS


async def test_what_expired_says_why_and_nothing_of_an_answer(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(1), "bot")])
    (delivery,), _ = await outbox.claim("bot", after=0, limit=10)
    await outbox.expire(delivery, at_us=START_US)
    (item,) = (await outbox.archive.list_deliveries(state=State.EXPIRED)).items
    assert (item["last_code"], item["last_error"], item["attempts"]) == ("", "older than max_age", 0)
    assert item["parked"] is False


async def test_what_is_released_together_goes_in_the_order_in_which_it_was_withheld(outbox: Outbox) -> None:
    withheld = NewDelivery("bot", (RULE,), Suppression.SOURCE, "it came over REST")
    for number in (1, 2, 3):
        await outbox.commit([Entry(in_force(number), Source.BACKFILL, START_US, (withheld,))])
    sightings = await outbox.commit([entry(in_force(number), "bot") for number in (3, 1, 2, 3)])
    assert sightings == [*[Sighting.RELEASED] * 3, Sighting.DUPLICATE]
    released, _ = await outbox.claim("bot", after=0, limit=10)
    assert [delivery.event.id for delivery in released] == [1, 2, 3]


async def test_a_decision_that_holds_back_takes_no_place_and_one_that_lets_go_leaves_no_reason(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(number), "bot", rules=(ASKING,)) for number in (1, 2)])
    first, second = await outbox.deciding(after=0, limit=10)
    decisions = [
        Decision(first, (RULE,), Suppression.UNKNOWN, "not known"),
        Decision(second, (RULE,)),
    ]
    await outbox.decide(decisions, at_us=START_US)
    items = (await outbox.archive.list_deliveries()).items
    assert {item["id"]: (item["sequence"], item["last_code"], item["last_error"]) for item in items} == {
        first.id: (first.sequence, "unknown", "not known"),
        second.id: (3, "", ""),
    }
