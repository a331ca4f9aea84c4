"""``relay status --watch``: what is drawn, again and again."""

from __future__ import annotations

import asyncio
import io
import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from relay.cli.watch import spark, watch
from relay.errors import RelayError, StoreError
from relay.web.answers import plain
from tests.support.clock import FakeClock, settle
from tests.support.desk import a_status, an_event

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def status() -> dict[str, Any]:
    told = json.loads(json.dumps(plain(msgspec.structs.asdict(a_status()))))
    return {"running": True, "ready": True, "reasons": [], "degraded": [], **told}


class Looks:
    """What each look finds; the last one is found again."""

    def __init__(self, *found: dict[str, Any] | RelayError) -> None:
        self.found = list(found)
        self.count = 0

    async def __call__(self) -> dict[str, Any]:
        self.count += 1
        one = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(one, RelayError):
            raise one
        return one


async def alerts() -> list[dict[str, Any]]:
    return [an_event(7)]


async def seen(looks: Looks, *, rounds: int = 1, width: int = 120) -> str:
    """All that was drawn in so many rounds, without what steers a terminal."""
    clock, out = FakeClock(), io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, height=60, color_system=None, legacy_windows=False)
    task = asyncio.create_task(watch(looks, alerts, console, every=2.0, as_json=False, clock=clock))
    await settle()
    for _ in range(rounds - 1):
        await clock.advance(2.0)
    task.cancel()
    await asyncio.wait([task])
    assert looks.count == rounds
    return _ESCAPES.sub("", out.getvalue())


async def test_it_draws_how_the_relay_stands_the_last_hour_and_the_last_alerts() -> None:
    text = await seen(Looks(status()))
    assert "relay status, every 2s; Ctrl-C ends" in text
    assert "All is well" in text
    assert "connected for 2 minutes" in text
    assert re.search(r"bot +idle +1 +7", text)
    assert "last hour: 24 alerts, 20 delivered, 1 attempt failed" in text
    assert "AAPL [D] bullish 1-2U" in text


async def test_it_looks_again_each_time() -> None:
    later = status()
    later["connection"] |= {"state": "waiting", "detail": "closed with 1006"}
    text = await seen(Looks(status(), later), rounds=2)
    assert text.index("connected for") < text.index("waiting for")


async def test_a_relay_that_can_not_be_asked_is_asked_again() -> None:
    gone = StoreError("there is no store yet", hint="Start the relay.")
    text = await seen(Looks(gone, status()), rounds=2)
    assert text.index("there is no store yet") < text.index("Start the relay.") < text.index("connected for")


@pytest.mark.parametrize("width", [20, 40, 80, 200])
async def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = await seen(Looks(status()), width=width)
    assert max(len(line) for line in text.splitlines()) <= width


async def test_a_program_gets_a_line_of_json_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    clock, looks = FakeClock(), Looks(status(), StoreError("gone", hint="look"), status())
    task = asyncio.create_task(watch(looks, alerts, Console(), every=1.0, as_json=True, clock=clock))
    await settle()
    await clock.advance(2.0)
    task.cancel()
    await asyncio.wait([task])
    first, second, third = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["connection"]["state"] == third["connection"]["state"] == "connected"
    assert second == {"error": "gone", "hint": "look"}


@given(st.lists(st.integers(0, 10**9), max_size=80), st.sampled_from(["utf-8", "ascii"]))
def test_a_sparkline_shows_more_for_more_and_something_for_anything(numbers: list[int], encoding: str) -> None:
    bars = " ▁▂▃▄▅▆▇█" if encoding == "utf-8" else " .:-=+*#@"
    heights = [bars.index(one) for one in spark(numbers, encoding=encoding)]
    assert len(heights) == len(numbers)
    for number, height in zip(numbers, heights, strict=True):
        assert (height > 0) == (number > 0)
        assert (height == len(bars) - 1) or number < max(numbers) or not number
    ordered = sorted(zip(numbers, heights, strict=True))
    assert [height for _, height in ordered] == sorted(heights)
