"""The store against a model, through everything it can be asked, with crashes between any two statements.

    rules ask for writes, alone or several at once ──> SqliteOutbox     the real path: writer, transaction, file
                                                  └──> MemoryOutbox     the model
    after each transaction both show the same picture; after a crash the store that is found shows the picture
    from before the transaction or from after it, and after it where anybody was told that it is through

A crash is a picture of the files, taken at any statement or made up as a power cut may leave them, and opened as a new
store; see ``tests.support.crashes``. A longer run, by hand:
``pytest --hypothesis-profile=long --timeout=0 tests/integration/test_outbox_state_machine.py``.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Awaitable, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar
from unittest import mock

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from relay.deliveries import Delivery, Outcome, RuleMatch, State, Suppression
from relay.events import Channel
from relay.outbox import file
from relay.outbox.archive import Selection
from relay.outbox.base import Decision, DestinationState, Entry
from relay.outbox.channels import Hole, RoundEnd
from relay.outbox.memory import Mark, Side, Snooze, SnoozeKind
from relay.outbox.sql import migrations
from relay.outbox.sqlite import SqliteOutbox
from tests.support import outbox_steps as steps
from tests.support.clock import START_US, FakeClock
from tests.support.crashes import Camera, Files, Tap, lay, torn
from tests.support.events import RULE
from tests.support.memory_outbox import Memory, MemoryOutbox
from tests.support.outbox_picture import picture
from tests.support.outbox_steps import NAMES, Step, minutes, names, numbers

T = TypeVar("T")

_STORE: Final = "relay.db"
_LOG: Final = "relay.db-wal"
_OLDEST: Final = 2  # the first schema that remembers all the model does, but for
_TELLS_LIVES_APART: Final = 4  # attempts before and since a dead letter was queued again
_PAGES: Final = 2**30
_MEMORY: Final = Path("/dev/shm")  # noqa: S108  because syncing to a disk takes time and shows nothing here


class Trouble(StrEnum):
    """What comes between a write and its answer."""

    NONE = "none"
    TOGETHER = "together"  # it waits for others, and is written with them
    KILLED = "killed at a statement"
    UNANSWERED = "killed before the answer"
    POWER_CUT = "power cut while the log was written"
    POWER_CUT_LATE = "power cut while the database was written"
    REFUSED = "refused at a statement"
    FULL = "no room"


@dataclass(frozen=True)
class Fate:
    """What happens to a write; ``at`` is the statement, or the seed of the dice."""

    trouble: Trouble = Trouble.NONE
    at: int = 0


fates = st.builds(
    Fate,
    trouble=st.sampled_from((Trouble.NONE, Trouble.TOGETHER, Trouble.TOGETHER, *Trouble)),
    at=st.integers(0, 40),
)


class _Hurried(FakeClock):
    """Whoever sleeps wakes at once; what makes the store take writes again is done meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.relief: list[sqlite3.Connection] = []

    async def sleep(self, seconds: float) -> None:
        for db in self.relief:
            db.execute(f"PRAGMA max_page_count = {_PAGES}")
        self.relief.clear()
        await super().sleep(0 * seconds)


class OutboxMachine(RuleBasedStateMachine):
    """Rules ask; ``_write`` writes, crashes and compares."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._root = tempfile.TemporaryDirectory(prefix="relay-machine-", dir=_MEMORY if _MEMORY.is_dir() else None)
        self._rooms = itertools.count()
        self._clock = _Hurried()
        self._path = Path(self._root.name)
        self._memory = Memory(START_US)
        self._waiting: list[Step] = []
        self._touched: set[int] = set()
        self._given: dict[tuple[str, int], str] = {}

    @initialize(log_pages=st.sampled_from((1, 8, 1000)), cache=st.sampled_from((1, -8000)))
    def begin(self, log_pages: int, cache: int) -> None:
        """Small ones move the log into the database, and the cache into the log, within most transactions."""
        self._tuning = (f"PRAGMA wal_autocheckpoint = {log_pages}", f"PRAGMA cache_size = {cache}")
        self._do(self._open({}))

    def teardown(self) -> None:
        try:
            self._write(Fate())
        finally:
            if hasattr(self, "_outbox"):
                self._do(self._let_go())
            self._runner.close()
            self._root.cleanup()

    # --- what is asked

    @rule(
        entries=st.lists(steps.arrivals(), max_size=4),
        end=st.none() | steps.round_ends(),
        holes=steps.holes,
        fate=fates,
    )
    def commit(self, entries: list[Entry], end: RoundEnd | None, holes: list[Hole], fate: Fate) -> None:
        self._ask(steps.commit(entries, end, holes), fate)

    @precondition(lambda self: self._in(State.PENDING))
    @rule(
        which=numbers,
        how=st.sampled_from(("ack", "retry", "park", "bury", "expire")),
        outcome=steps.outcomes,
        at_us=minutes,
        again_us=minutes,
        fate=fates,
    )
    def settle(self, *, which: int, how: str, outcome: Outcome, at_us: int, again_us: int, fate: Fate) -> None:
        delivery = self._pick(which, State.PENDING)
        self._ask(steps.settle(delivery, how, outcome, at_us=at_us, retry_at_us=again_us), fate)

    @precondition(lambda self: self._in(State.DEAD, State.DELIVERED, State.EXPIRED, State.SUPPRESSED))
    @rule(which=numbers, how=st.sampled_from(("ack", "retry", "bury", "expire")), outcome=steps.outcomes, fate=fates)
    def settle_once_more(self, which: int, how: str, outcome: Outcome, fate: Fate) -> None:
        """What is not pending any more stays as it is."""
        delivery = self._pick(which, State.DEAD, State.DELIVERED, State.EXPIRED, State.SUPPRESSED)
        self._ask(steps.settle(delivery, how, outcome, at_us=START_US, retry_at_us=START_US), fate)

    @precondition(lambda self: self._in(State.DECIDING))
    @rule(
        which=numbers,
        most=st.integers(1, 3),
        rules=st.sampled_from(((RULE,), (), (RuleMatch("green days", suppressed=Suppression.UNKNOWN),))),
        marks=steps.marks,
        states=st.sampled_from((None, b'{"AAPL":{"price":214.30}}')),
        at_us=minutes,
        fate=fates,
    )
    def decide(
        self,
        *,
        which: int,
        most: int,
        rules: tuple[RuleMatch, ...],
        marks: list[Mark],
        states: bytes | None,
        at_us: int,
        fate: Fate,
    ) -> None:
        picked = [self._pick(which, State.DECIDING) for _ in range(min(most, len(self._in(State.DECIDING))))]
        suppressed = next((one.suppressed for one in rules), None)
        decisions = [Decision(one, rules, suppressed, suppressed or "", states) for one in picked]
        self._ask(steps.decide(decisions, marks, at_us=at_us), fate)

    @rule(which=numbers, fate=fates)
    def retry_one(self, which: int, fate: Fate) -> None:
        """A dead letter, mostly; anything else, and what is not there at all, is left alone."""
        dead = self._in(State.DEAD)
        number = dead[which % len(dead)].id if dead and which % 4 else which
        self._ask_alone(steps.retry_dead(Selection(id=number)), fate)

    @rule(selection=steps.selections, fate=fates)
    def retry_many(self, selection: Selection, fate: Fate) -> None:
        self._ask_alone(steps.retry_dead(selection), fate)

    @rule(selection=steps.selections, waiting=st.booleans(), fate=fates)
    def drop(self, selection: Selection, *, waiting: bool, fate: Fate) -> None:
        self._ask_alone(steps.drop(selection, waiting=waiting), fate)

    @rule(selection=steps.selections, new_ids=st.booleans(), fate=fates)
    def replay(self, selection: Selection, *, new_ids: bool, fate: Fate) -> None:
        self._ask_alone(steps.replay(selection, new_ids=new_ids), fate)

    @rule(name=names, before_us=minutes, at_us=minutes, fate=fates)
    def drop_older(self, name: str, before_us: int, at_us: int, fate: Fate) -> None:
        self._ask(steps.drop_older(name, before_us=before_us, at_us=at_us), fate)

    @rule(name=names, state=steps.states, fate=fates)
    def switch(self, name: str, state: DestinationState, fate: Fate) -> None:
        self._ask(steps.switch(name, state), fate)

    @rule(name=names, since_us=minutes, until_us=minutes, fate=fates)
    def hold(self, name: str, since_us: int, until_us: int, fate: Fate) -> None:
        self._ask(steps.hold(name, since_us=since_us, until_us=until_us), fate)

    @rule(channel=st.sampled_from(Channel), size=st.integers(0, 3), fate=fates)
    def learn_page(self, channel: Channel, size: int, fate: Fate) -> None:
        self._ask(steps.learn_page(channel, size), fate)

    @rule(sides=steps.sides, forget=st.booleans(), fate=fates)
    def remember_sides(self, sides: list[Side], forget: bool, fate: Fate) -> None:
        self._ask(steps.forget_sides(sides) if forget else steps.note_sides(sides), fate)

    @rule(made=steps.snoozes, fate=fates)
    def snooze(self, made: Snooze, fate: Fate) -> None:
        self._ask(steps.snooze(made), fate)

    @rule(kind=st.sampled_from(SnoozeKind), name=names, fate=fates)
    def wake(self, kind: SnoozeKind, name: str, fate: Fate) -> None:
        self._ask(steps.wake(kind, name), fate)

    @rule(finished=minutes, identities=minutes, marks=minutes, limit=st.integers(1, 9), fate=fates)
    def prune(self, finished: int, identities: int, marks: int, limit: int, fate: Fate) -> None:
        """Retention goes in many transactions; cut off between any two, it is taken up by the next."""

        async def sweep(outbox: SqliteOutbox | MemoryOutbox) -> None:
            for _ in range(3):
                while await outbox.prune(
                    finished_before_us=finished, identities_before_us=identities, marks_before_us=marks, limit=limit
                ):
                    pass

        self._write(Fate())
        self._do(sweep(MemoryOutbox(self._memory)))
        if fate.trouble in {Trouble.KILLED, Trouble.UNANSWERED}:
            shots: list[Files] = []
            tap = Tap(self._outbox._db, fate.at * 3, lambda: shots.append(self._camera.take()))
            self._do(sweep(self._outbox))
            tap.close()
            self._do(self._reopen(shots[0] if shots else self._camera.take()))
            self._settle_numbers()
        self._do(sweep(self._outbox))
        self._compare()

    @rule(at=st.integers(0, 60), clean=st.booleans(), schema=st.integers(_OLDEST, len(migrations())))
    def start_again(self, at: int, *, clean: bool, schema: int) -> None:
        """It opens what was closed or left behind, by this version or an older one, and is killed while it opens it."""
        self._write(Fate())
        files = self._camera.take()
        if clean:
            self._do(self._outbox.close())  # which leaves no log, and does nothing when it is asked for once more
            files = {_STORE: self._path.read_bytes()}
        self._do(self._let_go())
        if schema < len(migrations()):
            files = self._as_written_by(schema, files)
            self._memory.pruned.clear()
            if schema < _TELLS_LIVES_APART:
                self._forget_lives()
        room = self._room()
        lay(files, room)
        camera = Camera(room / _STORE)
        shots: list[Files] = []
        try:
            self._do(_open_watched(room / _STORE, at, lambda: shots.append(camera.take())))
        finally:
            camera.close()
        self._do(self._open(shots[0] if shots else files))
        self._settle_numbers()
        self._compare()

    # --- how it is written

    def _ask(self, step: Step, fate: Fate) -> None:
        self._waiting.append(step)
        if fate.trouble is not Trouble.TOGETHER:
            self._write(fate)

    def _ask_alone(self, step: Step, fate: Fate) -> None:
        """It looks before it asks, so it is not in one transaction with what is asked for meanwhile."""
        self._write(Fate())
        self._ask(step, Fate() if fate.trouble is Trouble.TOGETHER else fate)

    def _write(self, fate: Fate) -> None:
        """Write what waits, as one transaction, and see what became of it."""
        together, self._waiting = self._waiting, []
        self._touched.clear()
        if together:
            self._do(self._transact(together, fate))
            self._compare()

    async def _transact(self, together: Sequence[Step], fate: Fate) -> None:
        before = copy.deepcopy(self._memory)
        wanted = await steps.write_to_model(MemoryOutbox(self._memory), together)
        calm = self._camera.take() if fate.trouble in {Trouble.POWER_CUT, Trouble.POWER_CUT_LATE} else {}
        shots: list[Files] = []
        tap = None
        if fate.trouble is Trouble.KILLED:
            tap = Tap(self._outbox._db, fate.at, lambda: shots.append(self._camera.take()))
        elif fate.trouble is Trouble.REFUSED:
            tap = Tap(self._outbox._db, fate.at, self._outbox._db.interrupt)
        elif fate.trouble is Trouble.FULL:
            self._leave_room(fate.at % 4)
        answers = await asyncio.gather(*(step.run(self._outbox) for step in together))
        if tap is not None:
            tap.close()
        self._outbox._db.execute(f"PRAGMA max_page_count = {_PAGES}")
        assert answers == wanted, f"store {answers}, model {wanted}"
        if shots:
            await self._reopen(shots[0])
            self._memory = before
        elif fate.trouble in {Trouble.KILLED, Trouble.UNANSWERED}:
            await self._reopen(self._camera.take())
        elif fate.trouble is Trouble.POWER_CUT:
            after = self._camera.take()
            log = torn(calm.get(_LOG, b""), after[_LOG], Random(fate.at), log=True)
            await self._reopen({**calm, _LOG: log})
            await self._choose(before)
        elif fate.trouble is Trouble.POWER_CUT_LATE:
            after = self._camera.take()
            database = torn(calm[_STORE], after[_STORE], Random(fate.at), log=False)
            await self._reopen({**after, _STORE: database})
        if fate.trouble not in {Trouble.NONE, Trouble.REFUSED, Trouble.FULL}:
            self._settle_numbers()

    def _leave_room(self, pages: int) -> None:
        (now,) = self._outbox._db.execute("PRAGMA page_count").fetchone()
        self._outbox._db.execute(f"PRAGMA max_page_count = {now + pages}")
        self._clock.relief.append(self._outbox._db)

    async def _choose(self, before: Memory) -> None:
        """Whether the last transaction came through is the store's to say; half of it is neither."""
        if await picture(self._outbox, NAMES) == await picture(MemoryOutbox(before), NAMES):
            self._memory = before

    # --- stores

    async def _open(self, files: Files) -> None:
        room = self._room()
        lay(files, room)
        self._path = room / _STORE
        self._outbox = await SqliteOutbox.open(self._path, self._clock)
        for pragma in self._tuning:
            self._outbox._db.execute(pragma)
        self._camera = Camera(self._path)

    async def _let_go(self) -> None:
        await self._outbox.close()
        self._camera.close()
        shutil.rmtree(self._path.parent)

    async def _reopen(self, files: Files) -> None:
        """The process is dead: all that is left of it are ``files``."""
        await self._let_go()
        await self._open(files)
        assert self._outbox._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def _room(self) -> Path:
        return Path(self._root.name) / str(next(self._rooms))

    def _as_written_by(self, schema: int, files: Files) -> Files:
        """The same content as an older relay would have left it."""
        room = self._room()
        lay(files, room)
        old = room / "old.db"
        with closing(file.open_store(old, now_us=0, scripts=migrations()[:schema])) as db:
            db.execute("ATTACH ? AS newer", (str(room / _STORE),))
            for (table,) in db.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall():
                columns = ", ".join(name for _, name, *_ in db.execute(f"PRAGMA main.table_info({table})"))
                db.execute(f"DELETE FROM main.{table}")  # noqa: S608  because the name is the schema's own
                db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}")  # noqa: S608  likewise
            if schema < _TELLS_LIVES_APART:
                db.execute(
                    "UPDATE main.deliveries SET attempts = attempts + (SELECT n.earlier FROM newer.deliveries n"
                    " WHERE n.id = main.deliveries.id)"
                )
            db.execute("DETACH newer")
        return {_STORE: old.read_bytes()}

    # --- the model, and what it says

    def _forget_lives(self) -> None:
        """Attempts of earlier lives are told apart only where there has been none since."""
        for record in self._memory.records.values():
            one = record.delivery
            if one.earlier and (record.state is not State.PENDING or one.first_attempt_at_us is not None):
                record.delivery = msgspec.structs.replace(one, attempts=one.earlier + one.attempts, earlier=0)

    def _do(self, work: Awaitable[T]) -> T:
        async def run() -> T:
            return await work

        return self._runner.run(run())

    def _in(self, *states: State) -> list[Delivery]:
        """Deliveries in these states that nothing waiting to be written is about."""
        records = self._memory.records.values()
        return [one.delivery for one in records if one.state in states and one.delivery.id not in self._touched]

    def _pick(self, which: int, *states: State) -> Delivery:
        found = self._in(*states)
        delivery = found[which % len(found)]
        self._touched.add(delivery.id)
        return delivery

    def _settle_numbers(self) -> None:
        """Numbers of what is gone for good may be given out again by whoever starts later."""
        db = self._outbox._counters
        self._memory.last_event, self._memory.last_delivery = db.event, db.delivery

    def _compare(self) -> None:
        model = MemoryOutbox(self._memory)
        found, wanted = self._do(picture(self._outbox, NAMES)), self._do(picture(model, NAMES))
        different = [(key, found[key], value) for key, value in wanted.items() if found[key] != value]
        assert not different, "\n".join(f"{key}:\n  store {one}\n  model {other}" for key, one, other in different)
        with closing(sqlite3.connect(self._path)) as db:
            rows: list[tuple[str, int, str]] = db.execute(
                "SELECT destination, sequence, webhook_id FROM deliveries WHERE state <> 'suppressed'"
            ).fetchall()
            (twice,) = db.execute(
                "SELECT count(*) - count(DISTINCT destination || webhook_id) FROM deliveries"
                " JOIN events ON events.seq = deliveries.event"
                " WHERE channel LIKE 'alerts.%' AND deliveries.source <> 'replay'"
            ).fetchone()
        assert twice == 0, "an alert is there once for a destination"
        for name, sequence, webhook_id in rows:
            assert self._given.setdefault((name, sequence), webhook_id) == webhook_id, "a sequence is given out once"


async def _open_watched(path: Path, at: int, action: Any) -> None:
    """Open the store and close it, with ``action`` before one of the statements that this takes."""
    real = file.connect

    def connect(where: Path) -> sqlite3.Connection:
        db = real(where)
        Tap(db, at, action)
        return db

    with mock.patch.object(file, "connect", connect):
        outbox = await SqliteOutbox.open(path, FakeClock())
    await outbox.close()


pytestmark = pytest.mark.timeout(600)  # many stores are opened, and a busy machine takes its time for each
_SETTINGS: Final = settings()
_LONG: Final = _SETTINGS.max_examples > 100

TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(
    max_examples=_SETTINGS.max_examples if _LONG else 24,
    stateful_step_count=60 if _LONG else 40,
    derandomize=not _LONG,
)
