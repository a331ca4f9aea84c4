"""Asking again after a 429: how often, how long, and what is said in the end."""

from __future__ import annotations

import asyncio

import pytest

from relay.upstream.errors import RestUnavailableError, Unavailability
from relay.upstream.patiently import patiently


class Upstream:
    """Refuses with ``errors`` in turn, then answers; notes how long was waited."""

    def __init__(self, *errors: RestUnavailableError) -> None:
        self.errors = list(errors)
        self.asked = 0
        self.waits: list[float] = []

    async def ask(self) -> str:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return "well"

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


def too_often(retry_after: float | None = None) -> RestUnavailableError:
    return RestUnavailableError(Unavailability.RATE_LIMITED, "HTTP 429", retry_after=retry_after)


@pytest.mark.parametrize(
    ("errors", "waits"),
    [((), []), ((None,), [1.0]), ((None, None), [1.0, 2.0]), ((3.0,), [3.0]), ((0.0, None), [0.0, 2.0])],
)
async def test_a_429_is_waited_out_as_long_as_the_server_asks(
    errors: tuple[float | None, ...], waits: list[float]
) -> None:
    upstream = Upstream(*map(too_often, errors))
    assert await patiently(upstream.ask, patience=10.0, sleep=upstream.sleep) == "well"
    assert upstream.waits == waits


async def test_a_third_429_is_told() -> None:
    upstream = Upstream(too_often(), too_often(), too_often())
    with pytest.raises(RestUnavailableError, match="429"):
        await patiently(upstream.ask, patience=10.0, sleep=upstream.sleep)
    assert upstream.asked == 3


async def test_a_wait_longer_than_anybody_waits_is_told_at_once() -> None:
    upstream = Upstream(too_often(60.0))
    with pytest.raises(RestUnavailableError, match="429"):
        await patiently(upstream.ask, patience=10.0, sleep=upstream.sleep)
    assert (upstream.asked, upstream.waits) == (1, [])


async def test_other_trouble_is_told_at_once() -> None:
    upstream = Upstream(RestUnavailableError(Unavailability.SERVER_ERROR, "HTTP 500"))
    with pytest.raises(RestUnavailableError, match="500"):
        await patiently(upstream.ask, patience=10.0, sleep=upstream.sleep)
    assert upstream.asked == 1


async def test_what_takes_too_long_ends_with_the_last_refusal_or_the_time() -> None:
    async def never() -> str:
        await asyncio.Event().wait()
        return ""

    with pytest.raises(RestUnavailableError, match=r"no answer within 0\.01 s"):
        await patiently(never, patience=0.01)
    upstream = Upstream(too_often())
    with pytest.raises(RestUnavailableError, match="429"):
        await patiently(upstream.ask, patience=0.01, sleep=lambda _: asyncio.Event().wait())
