"""docs/start.md as a newcomer follows it: its commands in their order, and on the terminal what the page shows."""

from __future__ import annotations

import re
import time
from pathlib import Path

from relay import __version__
from relay.clock import MICROS, SystemClock
from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.history import seconds_z
from relay.simulator.settings import ApiKey, SimulatorSettings
from relay.simulator.upstream import Simulator
from tests.support.alerts import in_force
from tests.support.command import relay
from tests.support.documents import ROOT
from tests.support.process import free_port
from tests.support.stub_systemd import stub_systemd
from tests.support.terminal import Terminal, terminal

PAGE = (ROOT / "docs/start.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
KEY = "sk-ocelot-1188"
TIMEFRAMES = ("W",) * 12 + ("D",) * 30 + ("4H",) * 69 + ("15",) * 195
SECONDS = 60.0  # of the three minutes, for what the relay does: the rest is typing, and pip


def blocks(kind: str) -> list[list[str]]:
    found = re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [text.splitlines() for text in found]


def commands(text: str) -> list[str]:
    """The first shell block that installs, without remarks."""
    block = re.search(r"^```sh\n(sudo .*?)^```", text, re.DOTALL | re.MULTILINE)
    assert block is not None
    return [line.partition("  #")[0].rstrip() for line in block[1].splitlines()]


async def typed(shown: Terminal, lines: list[str], secrets: list[str]) -> None:
    """Answer as the page does: what it shows behind a question; behind a hidden one, a secret."""
    for line in lines:
        if line.endswith("(not shown):"):
            await shown.answer(line, secrets.pop(0))
        elif re.match(r"\S.*(\]|destination\?).*:", line):
            question, _, answer = line.rpartition(":")
            await shown.answer(question, answer.strip())
        else:
            await shown.until(line)


def test_the_readme_and_the_page_say_the_same_three_commands() -> None:
    assert commands(README) == commands(PAGE)
    assert [line.split()[-1] for line in commands(PAGE)] == [".", "init", "install"]


async def test_what_the_page_shows_is_what_is_seen_and_the_first_alert_is_there_in_time(tmp_path: Path) -> None:
    asking, sampled, up = blocks("text")
    with stub_systemd(tmp_path) as systemd:  # its service is stopped last, when nothing here has to answer it
        async with (
            Simulator(SimulatorSettings(keys={KEY: ApiKey()}), SystemClock()) as simulator,
            FakeDiscord(SystemClock()) as discord,
        ):
            for number, timeframe in enumerate(TIMEFRAMES):
                moment = seconds_z(SystemClock().now_us() - (3_600 + number) * MICROS)
                simulator.fire(in_force("AAPL", timeframe=timeframe, shape="2U-2D", triggered_at=moment))
            url = discord.add_webhook("Swing")
            upstream = ("--websocket-url", simulator.websocket_url, "--rest-url", simulator.rest_url)
            began = time.monotonic()
            async with terminal("init", *upstream, cwd=tmp_path) as shown:
                await typed(shown, [*asking, *(line.replace("D]", "W]") for line in sampled)], [KEY, url])
                assert await shown.ended() == 0
            assert len(discord.messages) == 1
            listening(tmp_path / "config.yaml")
            options = ("-c", str(tmp_path / "config.yaml"), "--root", str(systemd.root), "--start")
            assert (await relay("install", *options, env=systemd.env)).code == 0
            took = time.monotonic() - began
            said = str(discord.messages[-1].payload["content"]).replace("\\", "").replace(", simulated", "")
            assert re.sub(r"version \S+ on .*?,", f"version {__version__} on vps,", said) == up[0]
            simulator.fire(in_force("AAPL", timeframe="D"))
            await discord.wait_for(3)
    assert took < SECONDS


def listening(config: Path) -> None:
    """A port of the test's own, where others run beside it."""
    config.write_text(f'{config.read_text()}\nhttp: {{listen: "127.0.0.1:{free_port()}"}}\n')
