"""The verbs about what is stored, on a terminal: tables, a question before anything is let go, a bar meanwhile."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import sys
from pathlib import Path

import pytest

from relay.outbox.sqlite import SqliteOutbox
from tests.support.clock import FakeClock
from tests.support.front_desk import EVENTS, fill

CONFIG = """
stratalerts: {api_key: k}
http: {listen: "off"}
destinations: {bot: {type: webhook, url: "https://bot.example/x"}}
rules: [{name: daily bulls, to: bot}]
"""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
async def config(tmp_path: Path) -> str:
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    await fill(outbox)
    await outbox.close()
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return str(path)


async def on_a_terminal(*arguments: str, answer: str = "", columns: int = 100) -> tuple[int, str]:
    """Exit code of ``relay ARGUMENTS``, and all that it shows there."""
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "relay", *arguments),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "COLUMNS": str(columns), "TERM": "xterm", "TZ": "UTC"},
        )
        os.close(theirs)
        os.write(ours, answer.encode())
        shown = b""
        try:
            async with asyncio.timeout(60):
                while more := await asyncio.to_thread(os.read, ours, 65_536):
                    shown += more
        except OSError:  # how Linux says that nobody holds the other end any more
            pass
        return await process.wait(), _ESCAPES.sub("", shown.decode())
    finally:
        os.close(ours)


async def test_a_listing_is_a_table_that_fits(config: str) -> None:
    code, shown = await on_a_terminal("dead", "list", "-c", config)
    assert code == 0
    assert shown.split()[:5] == ["Id", "Received", "Event", "To", "Code"]
    assert re.search(r"3\s+2026-04-10 13:45:22 UTC\s+S3 \[D\] bullish 1-2U\s+bot\s+404\s+1\s+404 Not Found", shown)
    for verb in (["dead", "list"], ["deliveries"], ["events"], ["dead", "show", "1"]):
        _, narrow = await on_a_terminal(*verb, "-c", config, columns=40)
        assert max(len(line) for line in narrow.splitlines()) <= 40


async def test_who_lets_go_of_something_is_asked_first(config: str) -> None:
    code, shown = await on_a_terminal("dead", "drop", "--to", "bot", "-c", config, answer="n\n")
    assert (code, "Let go of the dead letters of bot, unsent? [y/N]" in shown) == (1, True)
    assert shown.endswith("Nothing was dropped.\r\n")
    code, shown = await on_a_terminal("dead", "drop", "1", "-c", config, answer="y\n")
    assert (code, shown.endswith("1 dead letter is dropped.\r\n")) == (0, True)
    code, shown = await on_a_terminal("dead", "drop", "--all", "--yes", "-c", config)
    assert (code, shown.splitlines()[-1]) == (0, "2 dead letters are dropped.")


async def test_a_replay_shows_how_far_it_is(config: str) -> None:
    code, shown = await on_a_terminal("replay", "--since", "2026-04-10", "-c", config)
    assert code == 0
    assert f"{EVENTS - 1} of {EVENTS - 1}" in shown
    last = shown.splitlines()[-1].rpartition("\r")[2]
    assert last == f"{EVENTS - 1} deliveries (since 2026-04-10) were queued again; they go out when the relay runs."
