"""What was asked for by hand is done to its end, in a bounded number at a time."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from relay.errors import StoreBusyError
from relay.undertakings import MOST, Undertakings
from tests.support.clock import settle


class Work:
    """Ends when it may, with ``fault`` where there is one."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.may_end = asyncio.Event()
        self.fault = fault
        self.done = 0

    async def do(self) -> int:
        await self.may_end.wait()
        if self.fault is not None:
            raise self.fault
        self.done += 1
        return self.done


async def given_up(undertakings: Undertakings, work: Work) -> None:
    asking = asyncio.create_task(undertakings.see_through(work.do()))
    await settle()
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()


async def test_whoever_waits_has_the_answer() -> None:
    work = Work()
    work.may_end.set()
    assert await Undertakings().see_through(work.do()) == 1


async def test_it_is_done_though_nobody_waits_any_more() -> None:
    undertakings, work = Undertakings(), Work()
    await given_up(undertakings, work)
    work.may_end.set()
    await settle()
    assert work.done == 1


@pytest.mark.parametrize(("fault", "level"), [(StoreBusyError("full"), "warning"), (ValueError("odd"), "error")])
async def test_what_goes_wrong_where_nobody_waits_is_logged(fault: Exception, level: str) -> None:
    undertakings, work = Undertakings(), Work(fault)
    await given_up(undertakings, work)
    with structlog.testing.capture_logs() as lines:
        work.may_end.set()
        await settle()
    assert [line["log_level"] for line in lines] == [level]


async def test_what_goes_wrong_is_told_to_whoever_waits_and_not_logged() -> None:
    work = Work(StoreBusyError("full"))
    work.may_end.set()
    with structlog.testing.capture_logs() as lines, pytest.raises(StoreBusyError, match="full"):
        await Undertakings().see_through(work.do())
    assert lines == []


async def test_of_too_many_at_a_time_one_more_is_refused_until_there_is_room() -> None:
    undertakings, work, late = Undertakings(), Work(), Work()
    for _ in range(MOST):
        await given_up(undertakings, work)
    late.may_end.set()
    with pytest.raises(StoreBusyError, match="still wait"):
        await undertakings.see_through(late.do())
    assert late.done == 0
    work.may_end.set()
    await settle()
    assert work.done == MOST
    assert await undertakings.see_through(late.do()) == 1


async def test_at_the_end_of_the_relay_nothing_is_left_under_way() -> None:
    undertakings, work = Undertakings(), Work()
    await given_up(undertakings, work)
    await undertakings.close()
    work.may_end.set()
    await settle()
    assert work.done == 0
