"""What every desk promises (relay.web.desk): the running relay's, over either outbox, and the one the web's tests ask.

Each has the destinations bot and swing, more events than fit a page, and dead letters at bot.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from relay.deliveries import State
from relay.errors import UsageError
from relay.outbox.archive import Page, Selection, Step
from relay.outbox.base import Outbox
from relay.outbox.memory import SnoozeKind
from relay.outbox.sqlite import SqliteOutbox
from relay.web.desk import Desk
from tests.support.clock import START_US, FakeClock
from tests.support.desk import FakeDesk
from tests.support.front_desk import fill, front_desk
from tests.support.memory_outbox import Memory, MemoryOutbox

PAGE = 5


@pytest.fixture(params=["fake", "memory", "sqlite"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    if request.param == "fake":
        yield FakeDesk()
        return
    outbox: Outbox = MemoryOutbox(Memory(START_US))
    if request.param == "sqlite":
        outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    await fill(outbox)
    async with front_desk(outbox) as real:
        yield real
    await outbox.close()


def numbers(page: Page) -> list[int]:
    return [number for item in page.items if isinstance(number := item["id"], int)]


async def all_numbers(ask: Callable[[int | None], Awaitable[Page]]) -> list[int]:
    """The ids of a whole listing, page by page."""
    found: list[int] = []
    before: int | None = None
    while True:
        page = await ask(before)
        assert len(page.items) <= PAGE
        found += numbers(page)
        if page.next is None:
            return found
        assert before is None or page.next < before
        before = page.next


async def dead_letters(desk: Desk) -> list[int]:
    return numbers(await desk.archive.list_deliveries(state=State.DEAD))


async def state_of(desk: Desk, name: str) -> str:
    status = await desk.status()
    [found] = [destination for destination in status.destinations if destination.name == name]
    return found.state


async def test_it_says_why_it_is_not_well_or_not_ready_and_only_then(desk: Desk) -> None:
    healthy, troubles = desk.healthy()
    assert healthy is not bool(troubles)
    readiness = desk.ready()
    assert readiness.ready is not bool(readiness.reasons)


async def test_metrics_are_in_the_format_every_scraper_reads(desk: Desk) -> None:
    families = {family.name for family in text_string_to_metric_families((await desk.metrics()).decode())}
    assert "relay_upstream_connected" in families


async def test_the_status_speaks_the_documented_words(desk: Desk) -> None:
    status = await desk.status()
    assert status.started_at_us <= status.now_us
    assert status.connection.state in {"connected", "connecting", "waiting", "standby", "off"}
    assert status.store.healthy is desk.healthy()[0]
    assert [destination.name for destination in status.destinations] == ["bot", "swing"]
    for destination in status.destinations:
        assert destination.state in {"idle", "sending", "pacing", "backing off", "refusing", "paused", "off", "removed"}
        assert set(destination.counts) <= set(State)


async def test_destinations_are_named_without_asking_the_store(desk: Desk) -> None:
    assert list(desk.destinations()) == ["bot", "swing"]


async def test_events_are_listed_newest_first_each_once_over_all_pages(desk: Desk) -> None:
    whole = numbers(await desk.archive.list_events(limit=1_000))
    assert len(whole) > 2 * PAGE
    assert whole == sorted(set(whole), reverse=True)
    assert await all_numbers(lambda before: desk.archive.list_events(before=before, limit=PAGE)) == whole


async def test_one_event_is_found_by_its_number_and_by_its_key(desk: Desk) -> None:
    for item in (await desk.archive.list_events(limit=3)).items:
        assert await desk.archive.event(str(item["id"])) == item
        assert await desk.archive.event(str(item["event"])) == item
    for nothing in ("0", "9" * 30, "alerts.in_force:", "alerts.in_force:77777", "x", ":", ""):
        assert await desk.archive.event(nothing) is None


async def test_deliveries_are_listed_newest_first_each_once_over_all_pages(desk: Desk) -> None:
    async def ask(before: int | None) -> Page:
        return await desk.archive.list_deliveries(before=before, limit=PAGE)

    whole = numbers(await desk.archive.list_deliveries(before=None, limit=1_000))
    assert whole == sorted(set(whole), reverse=True)
    assert await all_numbers(ask) == whole


async def test_a_dead_letter_says_what_became_of_which_event_where(desk: Desk) -> None:
    page = await desk.archive.list_deliveries(state=State.DEAD, selection=Selection(destination="bot"))
    assert page.items
    for item in page.items:
        assert {"id", "event", "destination", "state", "attempts", "last_error"} <= set(item)
        assert (item["destination"], item["state"]) == ("bot", "dead")
        assert item["last_error"]


@pytest.mark.parametrize(("state", "destination"), [(State.DEAD, "swing"), (State.EXPIRED, None), (None, "nobody")])
async def test_what_is_not_asked_for_is_not_listed(desk: Desk, state: State | None, destination: str | None) -> None:
    page = await desk.archive.list_deliveries(state=state, selection=Selection(destination=destination))
    assert page == Page([], None)


async def test_a_dead_letter_is_queued_again_once(desk: Desk) -> None:
    number = (await dead_letters(desk))[0]
    step = await desk.queue(desk.archive.retry(Selection(id=number)))
    assert (step.done, step.destinations) == (1, ("bot",))
    assert number not in await dead_letters(desk)
    assert (await desk.archive.retry(Selection(id=number))).done == 0


async def test_there_is_nothing_to_retry_where_there_is_no_dead_letter(desk: Desk) -> None:
    assert await desk.archive.retry(Selection(id=10**9)) == Step(0, 0, None)


async def test_a_destination_is_paused_until_it_is_resumed(desk: Desk) -> None:
    await desk.pause("bot")
    await desk.pause("bot")
    assert await state_of(desk, "bot") == "paused"
    assert await desk.resume("bot", drop_older=None) == 0
    assert await state_of(desk, "bot") == "idle"


async def test_a_destination_that_there_is_not_is_a_key_error(desk: Desk) -> None:
    with pytest.raises(KeyError):
        await desk.pause("nobody")
    with pytest.raises(KeyError):
        await desk.resume("nobody", drop_older=60.0)


async def test_a_snooze_is_told_until_it_is_ended(desk: Desk) -> None:
    begun = await desk.snooze("Daily bulls", 60.0, kind=None)
    assert (begun.kind, begun.name, begun.until_us - begun.since_us) == (SnoozeKind.RULE, "daily bulls", 60_000_000)
    symbol = await desk.snooze("aapl", 30.0, kind=None)
    assert list(desk.snoozed()) == [symbol, begun]
    assert (await desk.status()).snoozes == (symbol, begun)
    assert list(await desk.wake("daily bulls", kind=None)) == [begun]
    assert list(await desk.wake(None, kind=None)) == [symbol]
    assert list(desk.snoozed()) == []


async def test_what_a_name_of_two_things_is_of_has_to_be_said(desk: Desk) -> None:
    with pytest.raises(UsageError):
        await desk.snooze("swing", 60.0, kind=None)
    assert (await desk.snooze("swing", 60.0, kind=SnoozeKind.DESTINATION)).name == "swing"


async def test_what_nothing_is_called_can_not_be_snoozed_or_woken(desk: Desk) -> None:
    with pytest.raises(UsageError):
        await desk.snooze("dayli bulls", 60.0, kind=None)
    with pytest.raises(UsageError):
        await desk.wake("nobody", kind=SnoozeKind.DESTINATION)
    assert list(desk.snoozed()) == []
