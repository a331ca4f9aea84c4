"""Connecting again and fetching by hand, over HTTP."""

from __future__ import annotations

import aiohttp
import msgspec
import pytest

from relay.backfill.round import Report, Result
from relay.events import Channel
from relay.web.looks import LinkState
from tests.support.desk import FakeDesk
from tests.support.web import get, post


async def test_a_relay_that_stands_by_takes_the_connection_back(local: aiohttp.ClientSession, desk: FakeDesk) -> None:
    desk.change(connection=msgspec.structs.replace(desk.now.connection, state=LinkState.STANDBY))
    assert await post(local, "/api/connect") == (200, {"taken_back": True})
    assert await post(local, "/api/connect") == (200, {"taken_back": False})


async def test_a_backfill_is_begun_and_asked_after(local: aiohttp.ClientSession, desk: FakeDesk) -> None:
    status, begun = await post(local, "/api/backfill", json={"since": "2h"})
    assert (status, begun["number"], begun["running"], begun["ok"]) == (202, 1, True, None)
    assert desk.asked == [("backfill", 7200.0)]
    report = Report(Channel.IN_FORCE, Result.OK, found=7, recovered=2, requests=1)
    desk.errands[0] = msgspec.structs.replace(desk.errands[0], reports=(report,))
    status, over = await get(local, "/api/backfill/1")
    assert (status, over["running"], over["ok"]) == (200, False, True)
    assert over["channels"] == [
        {
            "channel": "alerts.in_force",
            "result": "ok",
            "found": 7,
            "recovered": 2,
            "requests": 1,
            "holes": 0,
            "error": "",
        }
    ]


@pytest.mark.parametrize("report", [Report(Channel.BREAKS, Result.REFUSED, error="no scope"), None])
async def test_a_backfill_that_was_not_finished_says_so(
    local: aiohttp.ClientSession, desk: FakeDesk, report: Report | None
) -> None:
    await post(local, "/api/backfill")
    changes = {"failed": "the round broke down"} if report is None else {"reports": (report,)}
    desk.errands[0] = msgspec.structs.replace(desk.errands[0], **changes)
    _, over = await get(local, "/api/backfill/1")
    assert (over["running"], over["ok"]) == (False, False)


@pytest.mark.parametrize("since", ["soon", "-1h", "2 parsecs", "3651d", "99999999d", "9" * 30 + "d", "9" * 400 + "d"])
async def test_a_span_that_is_none_is_refused(local: aiohttp.ClientSession, desk: FakeDesk, since: str) -> None:
    status, told = await post(local, "/api/backfill", json={"since": since})
    assert (status, "since" in told["error"]["message"]) == (400, True)
    assert desk.asked == []


@pytest.mark.parametrize("number", ["2", "999999999999999999", "9999999999999999999"])
async def test_a_backfill_that_nobody_asked_for_is_not_found(local: aiohttp.ClientSession, number: str) -> None:
    status, _ = await get(local, f"/api/backfill/{number}")
    assert status == 404
