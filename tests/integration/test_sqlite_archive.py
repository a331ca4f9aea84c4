"""The archive in SQLite: what it may cost, histories at random against the one in memory, and looking from beside."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.deliveries import Ask, Outcome, RuleMatch, State, Suppression, Verdict
from relay.errors import StoreBusyError, StoreError
from relay.events import Instant, Source
from relay.outbox.archive import EVERYTHING, PAGE_BYTES, Archive, Page, Selection, Step, page_by_page
from relay.outbox.base import Decision, DestinationState, Entry, NewDelivery, Outbox, Switch
from relay.outbox.file import open_store
from relay.outbox.sql import migrations, queries
from relay.outbox.sqlite import SqliteOutbox
from relay.outbox.sqlite_archive import reading
from relay.states import StateWanted
from tests.support.archive_places import MemoryPlace, Opened, Place, SqlitePlace
from tests.support.clock import START_US, FakeClock
from tests.support.events import RULE, entry, in_force
from tests.support.pages import leaves, spoil

OK = Outcome(Verdict.DELIVERED, "200")
GONE = Outcome(Verdict.DEAD, "404")
ASKING = RuleMatch("green days", ask=Ask(StateWanted(tfc={"D": "green"})))
MINUTE = 60 * MICROS


# --- what a statement looks at


AUDIT = "ledger_faults"  # counts all, and is asked from beside the relay


def _plans(db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for name, text in queries().items():
        statement = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
        if statement.startswith(("SELECT", "WITH", "UPDATE", "DELETE", "INSERT")) and "/* rows */" not in statement:
            names = {found.lstrip(":") for found in _parameters(statement)}
            for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", dict.fromkeys(names, 1)):
                yield name, row[3]


def _parameters(statement: str) -> list[str]:
    words = statement.replace("(", " ").replace(")", " ").replace(",", " ").replace(";", " ").split()
    return [word for word in words if word.startswith(":")]


def test_no_statement_walks_through_all_deliveries(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "relay.db", now_us=START_US)) as db:
        plans = list(_plans(db))
    assert {name for name, _ in plans} >= {"chosen", "ids_by_queue_up", "list_deliveries", "add_away"}
    walks = {(name, plan) for name, plan in plans if plan.split()[:2] in (["SCAN", "deliveries"], ["SCAN", "d"])}
    assert {name for name, _ in walks} <= {AUDIT}


@pytest.mark.parametrize("name", ["ids_by_state_up", "ids_by_state_down", "ids_by_queue_up", "ids_by_queue_down"])
def test_the_numbers_of_several_states_are_merged_and_not_sorted(tmp_path: Path, name: str) -> None:
    with closing(open_store(tmp_path / "relay.db", now_us=START_US)) as db:
        plan = [text for found, text in _plans(db) if found == name]
    assert sum("USING COVERING INDEX deliveries_by_" in text for text in plan) == len(State)
    assert sum("MERGE" in text for text in plan) == len(State) - 1
    assert not any("TEMP B-TREE" in text for text in plan)


async def test_a_listing_ends_by_the_size_of_its_objects_too_and_is_gone_on_with(tmp_path: Path) -> None:
    sizes = [10, PAGE_BYTES // 2, 10, PAGE_BYTES // 2, 10, PAGE_BYTES, PAGE_BYTES, 10]
    alerts = [
        msgspec.structs.replace(in_force(number), data=b'{"id":%d,"pad":"%s"}' % (number, b"x" * size))
        for number, size in enumerate(sizes, 1)
    ]
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    await outbox.commit([entry(alert, "bot") for alert in alerts])
    archive = outbox.archive
    for listing in (archive.list_events, archive.list_deliveries):
        for limit, expected in ((100, [[8, 7], [6], [5, 4, 3, 2], [1]]), (2, [[8, 7], [6], [5, 4], [3, 2], [1]])):
            found: list[list[int]] = []
            before: int | None = None
            while not found or before is not None:
                page = await listing(before=before, limit=limit)
                found.append([item["id"] for item in page.items])
                before = page.next
            assert found == expected
        assert [item["id"] for item in (await page_by_page(partial(_below, listing), 7)).items] == [8, 7, 6, 5, 4, 3, 2]
    assert (await archive.event("7") or {})["id"] == 7
    await outbox.close()


async def _below(listing: Callable[..., Awaitable[Page]], before: int | None, limit: int) -> Page:
    return await listing(before=before, limit=limit)


# --- looking from beside


async def _filled(path: Path) -> SqliteOutbox:
    outbox = await SqliteOutbox.open(path, FakeClock())
    await outbox.commit([entry(in_force(n), "bot") for n in range(1, 6)])
    return outbox


def _names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def test_a_store_that_another_holds_is_looked_at_and_not_written(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    outbox = await _filled(path)
    async with reading(path, FakeClock()) as archive:
        assert len((await archive.list_deliveries()).items) == 5
        await outbox.commit([entry(in_force(6), "bot")])
        assert (await archive.count([State.PENDING], EVERYTHING)).states == {State.PENDING: 6}
        for doing in (archive.retry, archive.drop, archive.replay):
            with pytest.raises(StoreError) as refused:
                await doing(EVERYTHING)
            assert refused.value.hint
    await outbox.close()


async def test_looking_at_a_store_that_nobody_has_open_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    await (await _filled(path)).close()
    path.with_name("relay.db.lock").unlink()
    before = path.read_bytes()
    async with reading(path, FakeClock()) as archive:
        assert await archive.event("alerts.in_force:3") is not None
    assert _names(tmp_path) == ["relay.db"]
    assert path.read_bytes() == before


async def test_a_store_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"no database at all" * 100)
    open_store(tmp_path / "old.db", now_us=START_US, scripts=migrations()[:2]).close()
    newer = [*migrations(), "CREATE TABLE later (n INTEGER) STRICT;"]
    open_store(tmp_path / "new.db", now_us=START_US, scripts=newer).close()
    for name in ("none.db", "other.db", "old.db", "new.db"):
        with pytest.raises(StoreError) as refused:
            async with reading(tmp_path / name, FakeClock()):
                pass
        assert name in str(refused.value)
        assert refused.value.hint


async def test_damage_is_told_by_who_looks_and_not_as_by_who_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "relay.db"
    await (await _filled(path)).close()
    spoil(path, leaves(path, "deliveries")[0])
    with pytest.raises(StoreError) as told:
        async with reading(path, FakeClock()) as archive:
            await archive.list_deliveries()
    assert not isinstance(told.value, StoreBusyError)
    assert "is damaged" in str(told.value)
    assert "`relay repair --dry-run`" in told.value.hint
    assert "Stop" not in told.value.hint, "none runs"
    assert capsys.readouterr() == ("", "")


# --- many rows


async def test_many_old_ones_are_dropped_in_short_transactions_parked_ones_too(tmp_path: Path) -> None:
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    await outbox.commit([entry(in_force(n), "bot", "swing", at_us=START_US + n) for n in range(1, 1_201)])
    first, second, *_ = (await outbox.claim("bot", after=0, limit=2))[0]
    for delivery, parked in ((first, True), (second, False)):
        await outbox.retry(delivery, GONE, at_us=START_US, retry_at_us=START_US, parked=parked)
    assert await outbox.drop_older("bot", before_us=START_US + 1_101, at_us=START_US) == 1_100
    stats = await outbox.stats()
    assert stats["bot"].counts == {State.PENDING: 100, State.EXPIRED: 1_100}
    assert stats["swing"].counts == {State.PENDING: 1_200}
    await outbox.close()


# --- histories at random


actions = st.one_of(
    st.tuples(st.just("commit"), st.integers(1, 4)),
    st.tuples(st.just("settle"), st.sampled_from(["ack", "bury", "expire", "retry"])),
    st.tuples(st.just("decide"), st.booleans()),
    st.tuples(st.just("retry"), st.integers(0, 11)),
    st.tuples(st.just("drop"), st.integers(0, 11)),
    st.tuples(st.just("clear"), st.integers(0, 11)),
    st.tuples(st.just("replay"), st.integers(0, 11)),
    st.tuples(st.just("renew"), st.integers(0, 11)),
    st.tuples(st.just("undo"), st.integers(0, 11)),
    st.tuples(st.just("reopen"), st.just(0)),
    st.tuples(st.just("later"), st.integers(-3, 5)),
)

SELECTIONS = (
    EVERYTHING,
    Selection(destination="bot"),
    Selection(destination="swing", symbol="msft"),
    Selection(rule="green days"),
    Selection(since_us=START_US + MINUTE),
    Selection(until_us=START_US + 2 * MINUTE),
    Selection(since_us=START_US - MINUTE, until_us=START_US + MINUTE, destination="bot"),
    Selection(code="404"),
    Selection(event="2"),
    Selection(id=3),
    Selection(symbol="A*"),
    Selection(code="snooze"),
)


def _committed(number: int, at_us: int) -> Entry:
    """Of several kinds, by its number."""
    to = [NewDelivery("bot", (ASKING,) if number % 3 == 0 else (RULE,))]
    if number % 2:
        to.append(NewDelivery("swing", (RULE,), Suppression.SNOOZE if number % 5 == 0 else None))
    event = in_force(number, "AAPL" if number % 4 else "MSFT")
    return Entry(event, Source.LIVE, at_us, tuple(to))


class History:
    """One place and what is done there; the same actions leave the same everywhere."""

    def __init__(self, place: Place, clock: FakeClock) -> None:
        self._place = place
        self._clock = clock
        self._stack = AsyncExitStack()
        self._opened: Opened
        self._events = self._deliveries = 0

    async def open(self) -> None:
        await self._stack.aclose()
        self._opened = await self._stack.enter_async_context(self._place.open())

    async def close(self) -> None:
        await self._stack.aclose()

    @property
    def outbox(self) -> Outbox:
        return self._opened.outbox

    @property
    def archive(self) -> Archive:
        return self._opened.archive

    async def act(self, what: str, how: int | str, limit: int) -> object:
        if what == "commit":
            for _ in range(int(how)):
                self._events += 1
                made = _committed(self._events, self._clock.now_us())
                self._deliveries += len(made.deliveries)
                await self.outbox.commit([made])
        elif what == "settle":
            await self._settle(str(how))
        elif what == "decide":
            for delivery in await self.outbox.deciding(after=0, limit=2):
                decision = Decision(delivery, (RULE,), Suppression.UNKNOWN if how else None)
                await self.outbox.decide([decision], at_us=self._clock.now_us())
        elif what == "reopen":
            await self.open()
        elif what != "later":
            return await self._steps(what, SELECTIONS[int(how)], limit)
        return None

    async def _settle(self, how: str) -> None:
        """The first three of each queue."""
        for name in ("bot", "swing"):
            for delivery in (await self.outbox.claim(name, after=0, limit=3))[0]:
                now_us = self._clock.now_us()
                if how == "ack":
                    await self.outbox.ack(delivery, OK, at_us=now_us)
                elif how == "bury":
                    await self.outbox.bury(delivery, GONE, at_us=now_us)
                elif how == "retry":
                    await self.outbox.retry(delivery, GONE, at_us=now_us, retry_at_us=now_us, parked=False)
                else:
                    await self.outbox.expire(delivery, at_us=now_us)

    async def _steps(self, what: str, selection: Selection, limit: int) -> int:
        """All of them, with the relay started anew after each, and each asked for again, its answer being lost."""
        done, after = 0, 0
        while True:
            step = await self._step(what, selection, after, limit)
            await self.open()
            done += step.done + (await self._step(what, selection, after, limit)).done
            if step.next is None:
                return done
            after = step.next

    async def _step(self, what: str, selection: Selection, after: int, limit: int) -> Step:
        if what == "retry":
            return await self.archive.retry(selection, after=after, limit=limit)
        if what in {"replay", "renew", "undo"}:
            flags = {"new_ids": what == "renew", "dropped": what == "undo"}
            return await self.archive.replay(selection, **flags, after=after, limit=limit)
        return await self.archive.drop(selection, waiting=what == "clear", after=after, limit=limit)

    async def picture(self) -> list[object]:
        """Whatever can be seen."""
        page = await self.archive.list_deliveries(limit=1_000)
        names = ("id", "event", "destination", "state", "attempts", "webhook_id", "sequence", "rules", "source")
        seen: list[object] = [{name: item[name] for name in names} for item in page.items]
        for selection in SELECTIONS:
            seen.append([item["id"] for item in (await self.archive.list_deliveries(selection=selection)).items])
            seen.append([item["id"] for item in (await self.archive.list_events(selection=selection)).items])
            seen += [await self.archive.count(list(State), selection, copies=how, dropped=how) for how in (True, False)]
        for name, stats in sorted((await self.outbox.stats()).items()):
            seen.append((name, dict(stats.counts), dict(stats.replays), dict(stats.suppressed)))
            seen.append([delivery.id for delivery in (await self.outbox.claim(name, after=0, limit=1_000))[0]])
        return seen

    async def check(self) -> None:
        """The ledger balances, and nothing is queued twice."""
        items = (await self.archive.list_deliveries(limit=1_000)).items
        places = [(item["event"], item["destination"]) for item in items if item["state"] in {"pending", "deciding"}]
        assert len(places) == len(set(places)), "one of each waits at most"
        assert len({(item["event"], item["destination"]) for item in items}) == self._deliveries, "none is lost"
        stats = (await self.outbox.stats()).values()
        assert sum(number for one in stats for number in one.counts.values()) == len(items)
        assert sum(number for one in stats for number in one.replays.values()) == len(items) - self._deliveries
        for name in ("bot", "swing"):
            sequences = [delivery.sequence for delivery in (await self.outbox.claim(name, after=0, limit=1_000))[0]]
            assert sequences == sorted(set(sequences))


@settings(max_examples=25, deadline=None)
@given(done=st.lists(actions, min_size=3, max_size=14), limit=st.integers(1, 5))
async def test_whatever_is_done_in_steps_and_cut_off_comes_to_the_same_and_balances(
    done: list[tuple[str, int | str]], limit: int
) -> None:
    with TemporaryDirectory() as folder:
        clock = FakeClock()
        histories = [History(kind(Path(folder), clock), clock) for kind in (SqlitePlace, MemoryPlace)]
        try:
            for history in histories:
                await history.open()
                await history.act("commit", 4, limit)
            for what, how in done:
                if what == "later":  # or earlier: clocks are set back
                    clock.jump(int(how) * 60.0)
                answers = [await history.act(what, how, limit) for history in histories]
                assert answers[0] == answers[1]
                for history in histories:
                    await history.check()
            pictures = [await history.picture() for history in histories]
            assert pictures[0] == pictures[1]
        finally:
            for history in histories:
                await history.close()


async def test_time_switched_off_is_told_of_what_waits_and_of_nothing_that_ended(tmp_path: Path) -> None:
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    await outbox.commit([entry(in_force(n), "bot", "swing") for n in (1, 2, 3, 4, 5)])
    first, second, _, fourth, fifth = (await outbox.claim("bot", after=0, limit=5))[0]
    for delivery in (first, second, fourth, fifth):
        await outbox.retry(delivery, GONE, at_us=START_US, retry_at_us=START_US, parked=delivery is fourth)
    await outbox.archive.drop(Selection(id=fifth.id), waiting=True)
    for number in (1, 3):
        await outbox.switch("bot", DestinationState(Switch.PAUSED, "", START_US))
        await outbox.switch("bot", DestinationState(Switch.ON, "", START_US + number * MINUTE))
    (again, *_), _ = await outbox.claim("bot", after=0, limit=1)
    assert again.first_attempt_at_us == START_US + 4 * MINUTE
    await outbox.retry(again, GONE, at_us=START_US, retry_at_us=START_US, parked=False)
    await outbox.archive.drop(Selection(id=second.id), waiting=True)
    parked = await outbox.claim_parked("bot", due_us=START_US, latest_us=START_US, limit=9)
    found = [*(await outbox.claim("bot", after=0, limit=9))[0], *parked]
    moved = START_US + 4 * MINUTE
    assert [delivery.first_attempt_at_us for delivery in found] == [moved, None, moved]
    await outbox.bury(found[0], GONE, at_us=START_US)
    await outbox.switch("bot", DestinationState(Switch.OFF, "", START_US))
    await outbox.switch("bot", DestinationState(Switch.ON, "", START_US + MINUTE))
    told = {
        item["id"]: item["first_attempt_at"]
        for item in (await outbox.archive.list_deliveries(selection=Selection(destination="bot"))).items
    }
    times = {number: (us - START_US) // MINUTE for number, at in told.items() if (us := _us(at)) is not None}
    assert times == {first.id: 4, second.id: 4, fourth.id: 5, fifth.id: 0}
    await outbox.close()


def _us(text: str | None) -> int | None:
    instant = Instant.parse(text)
    return None if instant is None else instant.us
