"""A crash in any part, with secrets in the error and in what led to it: what is logged and answered shows none."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import NoReturn

import aiohttp
import pytest
import structlog

from relay import cli, logs, redaction
from relay.app import Relay
from relay.cli import invoke as run
from relay.clock import SystemClock
from relay.config.load import load
from relay.config.secrets import hide_secrets
from relay.destinations.endpoint import Endpoint
from relay.events import Channel
from relay.secret import Secret
from relay.simulator.settings import ApiKey, SimulatorSettings
from relay.simulator.upstream import Simulator
from relay.upstream.protocol import Session
from tests.support.alerts import fire
from tests.support.process import free_port, write_config
from tests.support.secrets import SECRETS, found_in, one_of_each

SAID = "cannot send"
ALONE = [
    secret for name, secret in SECRETS.items() if name != "url user"
]  # a name like any other, without what follows


class OverheardError(Exception):
    """Repeats every secret, as a client's error repeats an address."""

    def __init__(self) -> None:
        super().__init__(f"{SAID} {' '.join(ALONE)} to https://a.example/{SECRETS['url path']}")


def crash(*_: object, **__: object) -> NoReturn:
    raise OverheardError from OverheardError()


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged at the level that tells most."""
    monkeypatch.setattr(redaction, "_REDACTOR", redaction.Redactor())
    out = io.StringIO()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    logs.configure("debug", "console", out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
async def upstream() -> Simulator:
    return Simulator(SimulatorSettings(keys={SECRETS["api key"]: ApiKey()}), SystemClock())


@pytest.mark.parametrize("part", ["reader", "lane", "page", "intake"])
async def test_a_crash_is_told_without_secrets(
    tmp_path: Path, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch, upstream: Simulator, part: str
) -> None:
    port = free_port()
    async with upstream as simulator, AsyncExitStack() as stack:
        path = write_config(
            tmp_path, simulator, one_of_each(f"127.0.0.1:{free_port()}"), key=SECRETS["api key"], port=port,
            shutdown_grace="1s",
        )  # fmt: skip
        config = load(path, env={})
        hide_secrets(config)
        for name in ("page token", "heartbeat"):  # which this config does not have
            redaction.register_secret(Secret(SECRETS[name]))
        relay = Relay(config, env={})
        await relay.open(stack)
        running = asyncio.create_task(relay.run())
        await simulator.wait_until(lambda: simulator.subscribed(Channel.IN_FORCE), 20)
        answered = ""
        match part:
            case "reader":
                monkeypatch.setattr(Session, "receive", crash)
                simulator.faults.drop()  # the next connection reads with it
            case "lane":
                monkeypatch.setattr(Endpoint, "deliver", crash)
            case "intake":
                monkeypatch.setattr(type(relay.judge), "judge", crash)
            case _:
                monkeypatch.setattr(type(relay.desk), "status", crash)
                async with (
                    aiohttp.ClientSession() as client,
                    client.get(f"http://127.0.0.1:{port}/api/status") as answer,
                ):
                    answered = f"{answer.headers} {await answer.text()}"
        fire(simulator, 3)
        async with asyncio.timeout(20):
            while SAID not in logged.getvalue() and not running.done():  # noqa: ASYNC110  because a text that grows tells nobody
                await asyncio.sleep(0.02)
        relay.stop()
        with suppress(Exception):
            await running
    told = running.exception() if running.done() and not running.cancelled() else None
    assert SAID in logged.getvalue() or told is not None
    if isinstance(told, Exception):
        cli._explain(told)
    assert found_in(logged.getvalue() + answered) == []


@pytest.mark.parametrize("wanted", ["", "1"])
def test_an_error_that_ends_a_verb_is_told_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wanted: str
) -> None:
    monkeypatch.setattr(redaction, "_REDACTOR", redaction.Redactor())
    monkeypatch.setenv("RELAY_TRACEBACK", wanted)
    for secret in ALONE:
        redaction.register_secret(Secret(secret))
    monkeypatch.setitem(cli.VERBS, "version", "Crash.")
    monkeypatch.setattr(cli.group, "main", crash)
    assert run(["version"]) == 1
    out = capsys.readouterr().err
    assert SAID in out
    assert ("Traceback" in out) is bool(wanted)
    assert found_in(out) == []
