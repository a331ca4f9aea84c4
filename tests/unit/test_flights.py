"""One errand for many: shared, ended when nobody waits, and never lost."""

from __future__ import annotations

import asyncio
import gc
import random

import pytest

from relay.upstream.errors import RestUnavailableError, Unavailability
from relay.upstream.flights import Flights
from tests.support.clock import settle


async def test_an_error_reaches_everybody_and_is_not_remembered() -> None:
    flights: Flights[str] = Flights()
    gate = asyncio.Event()
    begun: list[int] = []

    async def fail() -> str:
        begun.append(1)
        await gate.wait()
        raise RestUnavailableError(Unavailability.TIMEOUT, "no answer")

    calls = [asyncio.ensure_future(flights.join("a", fail)) for _ in range(3)]
    await settle()
    gate.set()
    assert [type(error) for error in await asyncio.gather(*calls, return_exceptions=True)] == [RestUnavailableError] * 3
    assert (len(begun), len(flights)) == (1, 0)
    with pytest.raises(RestUnavailableError):
        await flights.join("a", fail)
    assert len(begun) == 2


async def test_closing_waits_for_what_was_told_to_end() -> None:
    flights: Flights[None] = Flights()
    ended = asyncio.Event()

    async def linger() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    call = asyncio.ensure_future(flights.join("a", linger))
    await settle()
    call.cancel()
    await asyncio.wait((call,))
    await flights.close()
    assert ended.is_set()


@pytest.mark.parametrize("seed", range(20))
async def test_whoever_comes_and_goes_everybody_who_stays_is_answered_and_nothing_is_left(seed: int) -> None:
    dice = random.Random(seed)
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    before = asyncio.all_tasks()
    flights: Flights[str] = Flights()

    async def errand(key: str) -> str:
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0)
        if dice.random() < 0.3:
            raise RestUnavailableError(Unavailability.TIMEOUT, "no answer")
        return key

    async def ask(key: str) -> str:
        for _ in range(dice.randrange(6)):
            await asyncio.sleep(0)
        return await flights.join(key, lambda: errand(key))

    keys = [dice.choice("abc") for _ in range(60)]
    calls = [asyncio.ensure_future(ask(key)) for key in keys]
    leavers = set(dice.sample(range(60), 25))
    for leaver in leavers:
        await asyncio.sleep(0)
        calls[leaver].cancel()
    ended = await asyncio.gather(*calls, return_exceptions=True)
    for number, (key, result) in enumerate(zip(keys, ended, strict=True)):
        stayed = result == key or isinstance(result, RestUnavailableError)
        assert stayed or (number in leavers and isinstance(result, asyncio.CancelledError))
        assert not isinstance(result, RestUnavailableError) or result.reason is Unavailability.TIMEOUT
    await settle()
    del calls, ended
    gc.collect()
    assert len(flights) == 0
    assert asyncio.all_tasks() == before
    assert complaints == []
