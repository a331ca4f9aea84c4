"""What every outbox promises of the identities of alerts that came without an id: whoever shows them again is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay.clock import MICROS
from relay.events import Channel, Source
from relay.outbox.base import Entry, Outbox, Sighting
from relay.outbox.channels import RoundEnd
from relay.outbox.sqlite import SqliteOutbox
from tests.support.clock import START_US, FakeClock
from tests.support.events import a_quote, entry, in_force
from tests.support.memory_outbox import Memory, MemoryOutbox

DAY_US = 86_400 * MICROS
LATER_US = START_US + 40 * DAY_US


@pytest.fixture(params=["sqlite", "memory"])
async def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Outbox]:
    opened: Outbox
    if request.param == "sqlite":
        opened = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    else:
        opened = MemoryOutbox(Memory(START_US))
    yield opened
    await opened.close()


def round_of(began_us: int) -> RoundEnd:
    return RoundEnd(Channel.IN_FORCE, 5, began_us, began_us + MICROS)


async def sweep(outbox: Outbox, before_us: int = LATER_US) -> None:
    for _ in range(2):
        while await outbox.prune(
            finished_before_us=before_us, identities_before_us=before_us, marks_before_us=before_us
        ):
            pass


def shown_again(number: int) -> Entry:
    return entry(in_force(number), source=Source.BACKFILL)


@pytest.mark.parametrize("began_us", [START_US - MICROS, START_US])
async def test_one_that_came_after_the_oldest_round_began_is_known_whatever_the_clock_says(
    outbox: Outbox, began_us: int
) -> None:
    await outbox.commit([], round_end=round_of(began_us))
    await outbox.commit([entry(in_force(None)), entry(in_force(7, "MSFT"))])
    await sweep(outbox)
    again = [shown_again(6), entry(in_force(7, "MSFT"), source=Source.BACKFILL)]
    assert await outbox.commit(again) == [Sighting.DUPLICATE, Sighting.DUPLICATE]


async def test_one_that_came_before_goes_when_it_is_old_enough(outbox: Outbox) -> None:
    await outbox.commit([entry(in_force(None))])
    await outbox.commit([], round_end=round_of(START_US + 1))
    await sweep(outbox, START_US)
    assert await outbox.commit([entry(in_force(None))]) == [Sighting.DUPLICATE]
    await sweep(outbox)
    assert await outbox.commit([entry(in_force(None))]) == [Sighting.NEW]


async def test_it_is_the_round_of_its_own_channel_that_counts(outbox: Outbox) -> None:
    end = RoundEnd(Channel.BREAKS, 5, START_US + DAY_US, START_US + DAY_US)
    await outbox.commit([], round_end=round_of(START_US))
    await outbox.commit([entry(in_force(None))], round_end=end)
    await sweep(outbox)
    assert await outbox.commit([shown_again(6)]) == [Sighting.DUPLICATE]


async def test_a_quote_that_fired_goes_by_its_age_alone(outbox: Outbox) -> None:
    await outbox.commit([entry(a_quote())], round_end=round_of(START_US))
    await sweep(outbox)
    assert not (await outbox.archive.list_events()).items
