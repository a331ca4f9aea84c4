"""``relay check --diff``: what a reload would change, beside a file or a relay that runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay.cli import invoke as run
from relay.config.load import load
from relay.config.outline import outline_of
from relay.errors import Exit
from relay.web.desk import ConfigStatus
from tests.support.config_text import config_text
from tests.support.desk import NOW_US, FakeDesk
from tests.support.web import TOKEN, serving

D = "rules: [{name: a, timeframe: D, to: bot}]"
SAID = [
    "  ~ rule a: all in-force alerts go to bot.",
    "      now a: in-force alerts, on the daily timeframe, go to bot.",
]


@pytest.fixture
def running(tmp_path: Path) -> Path:
    file = tmp_path / "running.yaml"
    file.write_text(config_text("more", ""))
    return file


@pytest.fixture
async def relay(running: Path) -> AsyncIterator[tuple[str, FakeDesk]]:
    """A relay on loopback that wants a token, and the config in ``running``."""
    desk = FakeDesk()
    status = ConfigStatus(outline_of(load(running, env={})), (), NOW_US)
    desk.config = lambda: status  # type: ignore[method-assign]
    async with serving(desk, "0.0.0.0", token=TOKEN) as client:
        yield str(client._base_url).rstrip("/"), desk


async def check(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """In a thread: the verb has a loop of its own, and the relay answers in this one."""
    code = await asyncio.to_thread(run, ["check", *arguments])
    return code, *capsys.readouterr()


def new(folder: Path, rules: str, more: str = "") -> str:
    """A config to be reloaded."""
    file = folder / "config.yaml"
    file.write_text(config_text("rules", rules) + more)
    return str(file)


async def test_a_config_is_compared_with_a_file(
    tmp_path: Path, running: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = await check("-c", new(tmp_path, D), "--diff", str(running), capsys=capsys)
    assert code == Exit.OK
    assert out.splitlines()[-3:] == ["a reload:", *SAID]


async def test_beside_itself_nothing_would_change(running: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = await check("-c", str(running), "--diff", str(running), capsys=capsys)
    assert (code, out.splitlines()[-2:]) == (Exit.OK, ["a reload:", "  nothing would change"])


@pytest.mark.parametrize("word", [False, True])
async def test_beside_a_relay_that_runs(
    tmp_path: Path, relay: tuple[str, FakeDesk], capsys: pytest.CaptureFixture[str], *, word: bool
) -> None:
    address, _ = relay
    listen = address.removeprefix("http://")
    more = f"http: {{listen: '{listen}', token: {TOKEN.reveal()}}}\n"
    named = "running" if word else f"{address}/"
    code, out, _ = await check("-c", new(tmp_path, D, more), "--diff", named, capsys=capsys)
    assert code == Exit.OK
    said = out.splitlines()
    assert said[said.index("a reload:") + 1 :] == [
        *SAID,
        f"  ~ http.listen: 127.0.0.1:8787 -> {listen} (needs a restart)",
        "  ~ http.token: none -> *** (needs a restart)",
    ]
    assert TOKEN.reveal() not in out


async def test_a_program_gets_it_as_json(tmp_path: Path, running: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = "storage: {url: 'sqlite:other.db'}\n"
    code, out, _ = await check("-c", new(tmp_path, D, more), "--diff", str(running), "--json", capsys=capsys)
    told = json.loads(out)
    assert (code, told["ok"], told["changes"]["restart"]) == (Exit.OK, True, ["storage.url"])
    assert [rule["name"] for rule in told["changes"]["rules"]["changed"]] == ["a"]


async def test_a_relay_that_refuses_can_not_be_asked(
    tmp_path: Path, relay: tuple[str, FakeDesk], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = await check("-c", new(tmp_path, D), "--diff", relay[0], capsys=capsys)
    assert code == Exit.FAILED
    assert "401" in err


@pytest.mark.parametrize("named", ["running", "http://127.0.0.1:1", "nowhere.yaml"])
async def test_what_is_not_there_can_not_be_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], named: str
) -> None:
    more = "http: {listen: '127.0.0.1:1'}\n"
    code, out, err = await check("-c", new(tmp_path, D, more), "--diff", named, "--json", capsys=capsys)
    assert code == Exit.FAILED
    assert json.loads(out)["ok"] is False
    assert "Traceback" not in err


async def test_a_running_file_with_faults_can_not_be_compared_with(
    tmp_path: Path, running: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = new(tmp_path, D, "lgo: {}")
    code, _, err = await check("-c", str(running), "--diff", bad, capsys=capsys)
    assert code == Exit.FAILED
    assert f"{bad}:5:1: lgo: unknown key" in err
