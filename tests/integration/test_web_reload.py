"""The config over HTTP: what runs, and loading it anew."""

from __future__ import annotations

import aiohttp
import pytest

from relay.document.faults import Fault, InvalidConfigError, Mark
from relay.errors import ConfigError, RelayError
from tests.support.desk import FakeDesk
from tests.support.web import BEARER, TOKEN, get, post, serving


async def test_the_config_that_runs_is_told(local: aiohttp.ClientSession) -> None:
    status, told = await get(local, "/api/config")
    assert status == 200
    assert told["rules"] == [{"name": "a", "enabled": True, "sentence": "a: all.", "fingerprint": "0"}]
    assert (told["restart"], told["loaded_at"], told["fault"]) == (["storage.url"], "2026-04-10T13:45:22.000Z", "")


@pytest.mark.parametrize(
    ("options", "drain"),
    [
        ({}, False),
        ({"json": {}}, False),
        ({"json": {"removed": "keep"}}, False),
        ({"json": {"removed": "drain"}}, True),
        ({"data": {"removed": "drain"}}, True),
        ({"data": {"removed": ""}}, False),
        ({"params": {"removed": "drain"}}, True),
    ],
)
async def test_a_reload_answers_with_what_changed(
    desk: FakeDesk, local: aiohttp.ClientSession, options: dict[str, dict[str, str]], drain: bool
) -> None:
    status, told = await post(local, "/api/reload", **options)
    assert (status, told["ok"]) == (200, True)
    assert told["changes"]["destinations"] == {"added": [], "removed": ["swing"], "changed": []}
    assert told["changes"]["restart"] == []
    assert desk.asked == [("reload", drain)]


@pytest.mark.parametrize(
    "options", [{"json": {"removed": "burn"}}, {"json": {"removed": 1}}, {"json": []}, {"params": {"removed": "x"}}]
)
async def test_a_choice_that_is_none_is_400(
    desk: FakeDesk, local: aiohttp.ClientSession, options: dict[str, dict[str, str]]
) -> None:
    status, told = await post(local, "/api/reload", **options)
    assert (status, told["error"]["code"]) == (400, "bad_request")
    assert desk.asked == []


async def test_a_bad_file_is_422_with_every_fault_and_its_place(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    faults = [Fault(Mark(3, 5), "rules[0].to", "unknown destination 'bto'"), Fault(Mark(9, 1), "lgo", "unknown key")]
    desk.fault = InvalidConfigError("/etc/relay/config.yaml", faults)
    assert await post(local, "/api/reload") == (
        422,
        {
            "ok": False,
            "file": "/etc/relay/config.yaml",
            "faults": [
                {"line": 3, "column": 5, "path": "rules[0].to", "message": "unknown destination 'bto'"},
                {"line": 9, "column": 1, "path": "lgo", "message": "unknown key"},
            ],
        },
    )


async def test_a_config_that_must_not_run_here_is_422_with_the_reason(
    desk: FakeDesk, local: aiohttp.ClientSession
) -> None:
    desk.fault = ConfigError("these destinations are real: swing", hint="Say --allow-real.")
    status, told = await post(local, "/api/reload")
    assert status == 422
    assert told == {
        "ok": False,
        "faults": [],
        "error": "these destinations are real: swing",
        "hint": "Say --allow-real.",
    }


async def test_a_relay_that_stops_does_not_reload(desk: FakeDesk, local: aiohttp.ClientSession) -> None:
    desk.fault = RelayError("the relay is stopping")
    assert (await post(local, "/api/reload"))[0] == 503


async def test_elsewhere_both_need_the_token(desk: FakeDesk) -> None:
    async with serving(desk, "0.0.0.0", token=TOKEN) as client:
        assert (await get(client, "/api/config"))[0] == 401
        assert (await post(client, "/api/reload", headers={}))[0] in {401, 403}
        assert (await get(client, "/api/config", headers=BEARER))[0] == 200
        assert (await post(client, "/api/reload", headers=BEARER))[0] == 200
