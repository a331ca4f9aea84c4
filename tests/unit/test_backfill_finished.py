"""A commit of a round outlives the round that is cancelled around it, once and twice."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from relay.backfill.round import finished
from relay.errors import StoreBusyError


async def test_a_cancelled_round_waits_for_its_commit() -> None:
    room, done = asyncio.Event(), False

    async def commit() -> None:
        nonlocal done
        await room.wait()
        done = True

    round_ = asyncio.create_task(finished(commit()))
    await asyncio.sleep(0)
    round_.cancel()
    await asyncio.sleep(0)
    assert not round_.done()
    room.set()
    with pytest.raises(asyncio.CancelledError):
        await round_
    assert done


async def test_a_commit_that_fails_after_nobody_waits_for_it_any_more_makes_no_noise() -> None:
    noise: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
    closed = asyncio.Event()

    async def commit() -> None:
        await closed.wait()
        raise StoreBusyError("the store could not take it: database or disk is full")

    round_ = asyncio.create_task(finished(commit()))
    await asyncio.sleep(0)
    round_.cancel()  # the drain begins
    await asyncio.sleep(0)
    round_.cancel()  # and its time is up
    with pytest.raises(asyncio.CancelledError):
        await round_
    closed.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del round_
    gc.collect()
    assert noise == []


async def test_a_commit_that_fails_is_told_to_the_round_that_waits_for_it() -> None:
    async def commit() -> None:
        raise StoreBusyError("the store is closed")

    with pytest.raises(StoreBusyError):
        await finished(commit())
