"""``relay state``: a symbol's snapshot on a terminal and for a program."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from relay.clock import SystemClock
from relay.simulator.settings import ApiKey, Scope, SimulatorSettings
from relay.simulator.upstream import Simulator
from tests.support.command import relay
from tests.support.process import webhook, write_config

AAPL = {
    "symbol": "AAPL",
    "instrument": {"symbol": "AAPL", "name": "Apple Inc.", "sector": "Information Technology"},
    "price": {"price": 214.32, "volume": 1200},
    "tfc": {"D": "green", "W": "green", "M": "green"},
    "setups": [{"timeframe": "D", "shape": "1-2U", "in_force": True, "continuation": False}],
}
DESTINATION = {"bot": webhook("http://127.0.0.1:9/alerts")}


async def test_a_symbol_is_shown_in_words_and_without_colours_in_a_pipe(tmp_path: Path, simulator: Simulator) -> None:
    simulator.state(AAPL)
    config = str(write_config(tmp_path, simulator, DESTINATION))
    ended = await relay("state", "aapl", "-c", config)
    assert (ended.code, ended.err) == (0, "")
    assert "\x1b" not in ended.out
    lines = [line.split() for line in ended.out.splitlines()]
    assert ["AAPL", "Apple", "Inc."] in lines
    assert ["full", "continuity", "up"] in lines
    assert ["D", "Daily", "green"] in lines
    assert ["1-2U", "D", "yes", "no"] in lines
    assert (simulator.opened, simulator.refused) == (0, 0)
    assert not (tmp_path / "relay.db").exists()


@pytest.mark.parametrize(
    ("env", "coloured"), [({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)]
)
async def test_who_wants_no_colours_gets_none(
    tmp_path: Path, simulator: Simulator, env: dict[str, str], *, coloured: bool
) -> None:
    simulator.state(AAPL)
    config = str(write_config(tmp_path, simulator, DESTINATION))
    ended = await relay("state", "AAPL", "-c", config, env={"TERM": "xterm-256color", **env})
    assert ("\x1b[32m" in ended.out) is coloured


async def test_a_program_gets_the_upstream_s_object(tmp_path: Path, simulator: Simulator) -> None:
    simulator.state(AAPL)
    config = str(write_config(tmp_path, simulator, DESTINATION))
    ended = await relay("state", "AAPL", "--json", "-c", config)
    assert (ended.code, ended.json) == (0, AAPL)


async def test_a_symbol_that_nobody_tracks_is_one_line(tmp_path: Path, simulator: Simulator) -> None:
    config = str(write_config(tmp_path, simulator, DESTINATION))
    ended = await relay("state", "NOPE", "-c", config)
    assert (ended.code, ended.out, ended.err) == (1, "", "relay: the upstream tracks no symbol 'NOPE'\n")
    told = await relay("state", "NOPE", "--json", "-c", config)
    assert (told.code, told.json) == (1, {"ok": False, "error": "the upstream tracks no symbol 'NOPE'"})


KEYS = {
    "sk-unpaid-7731": ApiKey(account="b", entitled=False),
    "sk-blind-7732": ApiKey(account="c", scopes=frozenset({Scope.CONNECT, Scope.ALERTS})),
}


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [
        ("sk-wrong-7730", 77, "the upstream refused the key (HTTP 401, missing_api_key)"),
        ("sk-unpaid-7731", 77, "the upstream refused the key (HTTP 403, inactive_entitlement)"),
        ("sk-blind-7732", 1, "the key lacks the scope states:read"),
    ],
)
async def test_a_refused_key_is_told_and_not_shown(tmp_path: Path, key: str, code: int, said: str) -> None:
    async with Simulator(SimulatorSettings(keys=KEYS), SystemClock()) as simulator:
        config = str(write_config(tmp_path, simulator, DESTINATION, key=key))
        ended = await relay("state", "AAPL", "-c", config)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith(f"relay: {said}\n")
    assert len(ended.err.splitlines()) == 2
    assert key not in ended.err


async def test_an_upstream_that_is_not_there_is_told(tmp_path: Path, simulator: Simulator) -> None:
    config = str(write_config(tmp_path, simulator, DESTINATION))
    await simulator.stop()
    ended = await relay("state", "AAPL", "-c", config)
    assert (ended.code, ended.out) == (1, "")
    assert "could not be reached" in ended.err


async def test_a_429_is_waited_out_for_as_long_as_a_person_waits(tmp_path: Path) -> None:
    answers = [web.json_response({"error": {"code": "rate_limit_exceeded"}}, status=429, headers={"Retry-After": "1"})]

    async def answer(_: web.Request) -> web.Response:
        return answers.pop() if answers else web.json_response(AAPL)

    app = web.Application()
    app.router.add_get("/api/states/AAPL", answer)
    async with TestServer(app, host="127.0.0.1") as server:

        class Upstream:
            websocket_url = str(server.make_url("/ws")).replace("http://", "ws://")
            rest_url = str(server.make_url("/api"))

        ended = await relay("state", "AAPL", "--json", "-c", str(write_config(tmp_path, Upstream(), DESTINATION)))
    assert (ended.code, ended.json) == (0, AAPL)
