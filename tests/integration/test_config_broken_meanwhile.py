"""A relay goes on with the config that it loaded: verbs that need no more reach it, whatever the file says.

The verbs run as a person runs them, beside the event loop of the relay that they ask.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
import pytest

from relay.cli import invoke
from relay.cli import reach as reaching
from relay.config.model import Http
from relay.config.outline import DestinationOutline
from relay.config.whereabouts import Whereabouts
from relay.outbox.sqlite import SqliteOutbox
from relay.readiness import RELOADED
from relay.web.desk import ConfigStatus, Readiness
from tests.support.clock import FakeClock
from tests.support.desk import FakeDesk
from tests.support.web import serving

NO_YAML: Final = "rules: [\n"
A_FAULT: Final = "alerts_too: bot\n"


class Desk(FakeDesk):
    """Of a relay whose config has a destination."""

    def config(self) -> ConfigStatus:
        told = super().config()
        outline = msgspec.structs.replace(
            told.outline, destinations={"swing": DestinationOutline("webhook", (), "0", {})}
        )
        return msgspec.structs.replace(told, outline=outline)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@asynccontextmanager
async def relay_of(desk: FakeDesk, folder: Path, fault: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A relay that runs, and its config, which has a fault by now."""
    async with serving(desk) as client:
        assert client._base_url is not None
        (folder / "config.yaml").write_text(f"""
stratalerts: {{api_key: k}}
http: {{listen: "127.0.0.1:{client._base_url.port}"}}
destinations: {{swing: {{type: webhook, url: "https://bot.example/x"}}}}
rules: [{{name: all, to: swing}}]
{fault}""")
        yield client


async def verb(folder: Path, *words: str) -> int:
    return await asyncio.to_thread(invoke, [*words, "-c", str(folder / "config.yaml")])


@pytest.mark.parametrize("fault", [NO_YAML, A_FAULT], ids=["no YAML", "a fault"])
async def test_a_checkup_asks_the_running_relay_and_says_in_a_line_that_the_file_is_wrong(
    fault: str, desk: FakeDesk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with relay_of(desk, tmp_path, fault):
        desk.readiness = Readiness(ready=True)
        assert await verb(tmp_path, "status", "--check") == 0
        out, err = capsys.readouterr()
        assert out == ""
        assert err == (
            f"relay: {tmp_path}/config.yaml has a fault: the running relay goes on with its old config; `relay check` "
            "says more\n"
        )
        desk.readiness = Readiness(ready=True, degraded=("bot is switched off",))
        assert await verb(tmp_path, "status", "--check") == 1
        assert capsys.readouterr().out == "bot is switched off\n"


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--json"),
        ("status", "--ready"),
        ("pause", "swing"),
        ("resume", "swing"),
        ("connect",),
        ("events", "--to", "swing"),
        ("deliveries",),
        ("dead", "list"),
        ("dead", "retry", "--all"),
        ("replay", "--since", "2h", "--dry-run"),
        ("snooze", "swing", "2h", "--destination"),
        ("snooze", "--list"),
    ],
    ids=" ".join,
)
async def test_each_verb_that_needs_no_more_than_the_relay_goes_on(
    words: tuple[str, ...], desk: FakeDesk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with relay_of(desk, tmp_path, NO_YAML):
        assert await verb(tmp_path, *words) == 0
    assert "goes on with its old config" in capsys.readouterr().err


async def test_a_resume_notes_that_the_running_relay_has_the_destination_otherwise_than_the_file(
    desk: FakeDesk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with relay_of(desk, tmp_path, ""):
        assert await verb(tmp_path, "resume", "swing") == 0
    out, err = capsys.readouterr()
    assert out == "swing goes on.\n"
    assert err == (
        f"note: the running relay has swing otherwise than {tmp_path}/config.yaml (url and type)\n"
        f"  to take that up: {RELOADED}\n"
    )


async def test_a_name_that_the_running_relay_does_not_have_is_refused_by_what_it_has(
    desk: FakeDesk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with relay_of(desk, tmp_path, NO_YAML):
        assert await verb(tmp_path, "pause", "swnig") == 64
    assert "Did you mean 'swing'?" in capsys.readouterr().err


async def test_where_no_relay_answers_the_faults_are_told(
    desk: FakeDesk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with relay_of(desk, tmp_path, A_FAULT):
        pass
    assert await verb(tmp_path, "status", "--check", "--json") == 78
    out, err = capsys.readouterr()
    assert "alerts_too" in err
    assert json.loads(out)["faults"]


async def test_where_it_can_not_be_known_whom_to_ask_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text("http: {listen: 9}\n")
    assert await verb(tmp_path, "status", "--check") == 78
    assert "A relay that runs goes on with its old config." in capsys.readouterr().err


async def test_a_guessed_address_is_asked_only_while_a_relay_holds_this_store(desk: FakeDesk, tmp_path: Path) -> None:
    async with relay_of(desk, tmp_path, "") as client:
        assert client._base_url is not None
        http = Http(listen=f"127.0.0.1:{client._base_url.port}")
        guessed = Whereabouts(tmp_path / "config.yaml", tmp_path / "relay.db", http, certain=False)
        assert await reaching._running(guessed) is None
        outbox = await SqliteOutbox.open(guessed.store_path, FakeClock())
        assert await reaching._running(guessed) is not None
        await outbox.close()
        assert await reaching._running(guessed) is None
