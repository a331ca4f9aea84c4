"""``relay snooze``, with a running relay and without one."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from relay.cli import invoke as run
from relay.events import Instant
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import bodies, in_force
from tests.support.command import Ended, relay
from tests.support.process import RelayProcess, running, webhook, write_config

RULES: list[dict[str, object]] = [
    {"name": "daily bulls", "timeframe": "D", "to": "bot"},
    {"name": "weekly", "timeframe": "W", "to": ["bot", "misc"]},
    {"name": "misc", "timeframe": "M", "to": "misc"},
]


@pytest.fixture
def config(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> Path:
    destinations = {"bot": webhook(inbox.url("/bot")), "misc": webhook(inbox.url("/misc"))}
    return write_config(tmp_path, simulator, destinations, rules=RULES)


async def snooze(config: Path, *arguments: str) -> Ended:
    return await relay("snooze", *arguments, "-c", str(config), env={"TZ": "UTC"})


async def listed(config: Path) -> list[tuple[str, str]]:
    ended = await snooze(config, "--list", "--json")
    assert ended.code == 0
    return [(item["kind"], item["name"]) for item in ended.json["items"]]


def alert(symbol: str, timeframe: str) -> dict[str, object]:
    return in_force(symbol, timeframe=timeframe, direction="bullish", shape="1-2U", cc="2U")


async def suppressed(running: RelayProcess, count: int) -> list[dict[str, Any]]:
    """What is listed as suppressed, once it is so many and nothing waits."""

    def holds(status: dict[str, Any]) -> bool:
        counts = [lane["counts"] for lane in status["destinations"]]
        waiting = sum(found.get("pending", 0) + found.get("deciding", 0) for found in counts)
        return not waiting and sum(found.get("suppressed", 0) for found in counts) == count

    await running.until_status(holds)
    items: list[dict[str, Any]] = (await running.json("/api/deliveries?state=suppressed"))["items"]
    return items


@pytest.mark.parametrize("live", [True, False], ids=["running", "store"])
async def test_it_is_told_listed_and_ended_alike_whether_a_relay_runs_or_not(config: Path, *, live: bool) -> None:
    async with _maybe(config, live=live):
        begun = await snooze(config, "Daily Bulls", "2h")
        assert begun.code == 0
        assert begun.out.startswith("daily bulls (rule) is snoozed until ")
        assert begun.out.endswith(" UTC (2h); what matches is kept and shown as suppressed.\n")
        told = (await snooze(config, "aapl", "30m", "--json")).json
        assert (told["kind"], told["name"]) == ("symbol", "AAPL")
        since, until = Instant.parse(told["since"]), Instant.parse(told["until"])
        assert since is not None
        assert until is not None
        assert until.us - since.us == 30 * 60 * 1_000_000
        assert "bot (destination)" in (await snooze(config, "bot", "1d")).out
        assert await listed(config) == [("symbol", "AAPL"), ("rule", "daily bulls"), ("destination", "bot")]
        shown = [line.split()[0] for line in (await snooze(config, "--list")).out.splitlines()]
        assert [word for word in shown if word in {"AAPL", "daily", "bot"}] == ["AAPL", "daily", "bot"]

        assert (await snooze(config, "--clear", "AAPL")).out == "AAPL (symbol) is snoozed no longer.\n"
        assert (await snooze(config, "--clear", "AAPL")).out == "AAPL was not snoozed.\n"
        assert (await snooze(config, "bot", "0s")).out == "bot (destination) is snoozed no longer.\n"
        assert [item["name"] for item in (await snooze(config, "--clear", "--json")).json["ended"]] == ["daily bulls"]
        assert (await snooze(config, "--clear")).out == "Nothing was snoozed.\n"
        assert (await snooze(config, "--list")).out == "Nothing is snoozed.\n"


@pytest.mark.parametrize("live", [True, False], ids=["running", "store"])
async def test_a_name_that_could_be_two_things_or_is_mistyped_is_64_and_snoozes_nothing(
    config: Path, *, live: bool
) -> None:
    async with _maybe(config, live=live):
        for arguments, said in (
            (("misc", "2h"), "'misc' is the rule 'misc' and the destination 'misc'"),
            (("dayli bulls", "2h"), "Did you mean the rule 'daily bulls'?"),
            (("weekyl", "2h"), "say --symbol"),
            (("bot", "2h", "--rule"), "there is no rule 'bot'"),
            (("--clear", "dayli bulls"), "Did you mean the rule 'daily bulls'?"),
        ):
            ended = await snooze(config, *arguments)
            assert ended.code == 64
            assert said in ended.err
            assert len(ended.err.splitlines()) <= 2
        assert await listed(config) == []
        assert (await snooze(config, "misc", "2h", "--destination")).code == 0
        assert (await snooze(config, "weekyl", "2h", "--symbol")).code == 0
        assert await listed(config) == [("destination", "misc"), ("symbol", "WEEKYL")]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("bot",),
        ("bot", "soon"),
        ("bot", "366d"),
        ("daily", "bulls"),
        ("daily", "bulls", "2h"),
        ("--list", "bot"),
        ("--list", "--clear"),
        ("--clear", "bot", "2h"),
        ("--clear", ""),
        ("--clear", "--rule"),
        ("bot", "2h", "--rule", "--symbol"),
    ],
)
def test_what_makes_no_sense_is_64(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run(["snooze", *arguments, "-c", str(tmp_path / "config.yaml")]) == 64


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(("list",), "relay snooze --list"), (("clear",), "relay snooze --clear"), (("clear", "A"), "snooze --clear A")],
)
def test_an_option_that_is_typed_as_a_verb_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], typed: tuple[str, ...], meant: str
) -> None:
    assert run(["snooze", *typed, "-c", str(tmp_path / "config.yaml")]) == 64
    assert meant in capsys.readouterr().err


def test_a_negative_duration_is_a_word_about_the_duration(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["snooze", "NVDA", "-5m"]) == 64
    assert "'-5m': a duration is not negative" in capsys.readouterr().err


async def test_the_list_is_read_without_making_a_store(config: Path) -> None:
    assert await listed(config) == []
    assert not (config.parent / "relay.db").exists()


async def test_an_error_is_told_to_a_program_too(config: Path) -> None:
    ended = await snooze(config, "dayli bulls", "2h", "--json")
    assert (ended.code, ended.json["ok"]) == (64, False)
    assert "dayli bulls" in ended.json["error"]


async def test_on_a_terminal_the_list_is_a_table(config: Path) -> None:
    await snooze(config, "daily bulls", "2h")
    out = await _on_a_terminal("snooze", "--list", "-c", str(config))
    assert re.search(r"daily bulls\W+rule\W+\d\d:\d\d", out)


@pytest.mark.parametrize("gently", [True, False], ids=["SIGTERM", "kill -9"])
async def test_what_is_snoozed_is_suppressed_visibly_over_a_restart_until_it_is_ended(
    config: Path, simulator: Simulator, inbox: Inbox, *, gently: bool
) -> None:
    async with running(config) as daemon:
        await snooze(config, "daily bulls", "2h")
        await snooze(config, "TSLA", "2h")
        await snooze(config, "misc", "2h", "--destination")
        simulator.fire(alert("AAPL", "D"))
        simulator.fire(alert("TSLA", "W"))
        simulator.fire(alert("SPY", "W"))
        await suppressed(daemon, 4)
        await (daemon.stop() if gently else daemon.kill())
        await daemon.start()
        await daemon.ready()
        simulator.fire(alert("QQQ", "D"))
        items = await suppressed(daemon, 5)
        assert {(item["symbol"], item["destination"]) for item in items} == {
            ("AAPL", "bot"),
            ("TSLA", "bot"),
            ("TSLA", "misc"),
            ("SPY", "misc"),
            ("QQQ", "bot"),
        }
        assert {item["last_code"] for item in items} == {"snooze"}
        assert [item["name"] for item in (await daemon.json("/api/status"))["snoozes"]] == [
            "daily bulls",
            "TSLA",
            "misc",
        ]
        await snooze(config, "--clear")
        simulator.fire(alert("TSLA", "D"))
        await inbox.wait_until(lambda: inbox.unique == 2)
        await daemon.until_drained()
    assert [body["data"]["symbol"] for body in bodies(inbox, "/bot")] == ["SPY", "TSLA"]
    assert bodies(inbox, "/misc") == []


async def test_what_was_snoozed_without_a_relay_is_in_force_when_it_starts(config: Path, simulator: Simulator) -> None:
    await snooze(config, "weekly", "2h")
    async with running(config) as daemon:
        simulator.fire(alert("AAPL", "W"))
        assert {item["destination"] for item in await suppressed(daemon, 2)} == {"bot", "misc"}


@asynccontextmanager
async def _maybe(config: Path, *, live: bool) -> AsyncIterator[None]:
    if not live:
        yield
        return
    async with running(config):
        yield


async def _on_a_terminal(*arguments: str) -> str:
    """What ``relay ARGUMENTS`` shows on a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "relay", *arguments), stdout=theirs, env={**os.environ, "COLUMNS": "100"}
        )
        os.close(theirs)
        assert await process.wait() == 0
        return (await asyncio.to_thread(os.read, ours, 65_536)).decode()
    finally:
        os.close(ours)
