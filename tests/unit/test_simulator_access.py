from __future__ import annotations

import pytest

from relay.simulator.access import NO_KEY, NOT_ENTITLED, Denial, Limiter, authorize, key_of
from relay.simulator.settings import ApiKey, Scope, SimulatorSettings
from tests.support.clock import FakeClock

KEYS = {
    "all": ApiKey(),
    "poor": ApiKey(entitled=False),
    "deaf": ApiKey(scopes=frozenset({Scope.CONNECT})),
}


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, ""),
        ({"Authorization": "Bearer all"}, "all"),
        ({"Authorization": "bearer  all "}, "all"),
        ({"Authorization": "Basic all"}, ""),
        ({"Authorization": "all"}, ""),
        ({"X-API-Key": "all"}, "all"),
        ({"Authorization": "Basic xyz", "X-API-Key": "all"}, "all"),
    ],
)
def test_a_key_is_read_from_either_header(headers: dict[str, str], key: str) -> None:
    assert key_of(headers) == key


@pytest.mark.parametrize(
    ("key", "scope", "code"),
    [
        ("all", Scope.ALERTS, None),
        ("who", Scope.ALERTS, NO_KEY.code),
        ("poor", Scope.ALERTS, NOT_ENTITLED.code),
        ("deaf", Scope.CONNECT, None),
        ("deaf", Scope.ALERTS, "missing_scope"),
    ],
)
def test_a_key_is_refused_with_the_vendors_code(key: str, scope: Scope, code: str | None) -> None:
    verdict = authorize({"X-API-Key": key}, KEYS, scope)
    assert (verdict.code if isinstance(verdict, Denial) else None) == code


async def test_a_token_bucket_gives_a_burst_and_then_its_rate() -> None:
    clock = FakeClock()
    limiter = Limiter(SimulatorSettings(rest_rate=2, rest_burst=3), clock)
    assert [limiter.wait("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limiter.wait("b") == 0
    await clock.advance(0.5)
    assert [limiter.wait("a") for _ in range(2)] == [0, 0.5]
