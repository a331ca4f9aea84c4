"""A burst at the open, in chats that keep their limits: the relay beside the loop that a user would write by hand.

    alerts in one second ─┬─> relay run ────> Discord (5 requests in 2 s), Slack (1 a second, short bursts)
                          └─> a naive loop ─> one alert a message; told to wait, it waits as long as it is told

All chats are fakes on loopback that refuse what the real ones refuse. The clock runs from the first alert fired to the
last one shown. Everything runs side by side, since all of it is waiting; the naive loop on Discord takes the longest.

    python -m benchmarks.chats [--discord 500] [--slack 200] [--json FILE]
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeAlias

import aiohttp
import click
import msgspec

from relay.clock import SystemClock
from relay.events import Channel
from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.chat.slack import FakeSlack
from relay.simulator.settings import ApiKey, SimulatorSettings
from relay.simulator.upstream import Simulator

_KEY: Final = "bench-key"
_PATIENCE: Final = 600.0  # seconds for everything; one by one, 500 alerts take 200
_SPREAD: Final = 1.0  # seconds in which all alerts are fired
_CONFIG: Final = """\
stratalerts: {{api_key: {key}, websocket_url: "{feed}", rest_url: "{rest}"}}
http: {{listen: "off"}}
destinations:
  discord: {{type: discord, url: "{discord}"}}
  slack: {{type: slack, url: "{slack}"}}
rules:
  - {{name: to Discord, symbol: "D*", to: discord}}
  - {{name: to Slack, symbol: "S*", to: slack}}
"""

Chat: TypeAlias = FakeDiscord | FakeSlack


class Figures(msgspec.Struct, frozen=True):
    """What a sender needed for one chat.

    Attributes:
        alerts: Shown in the end.
        seconds: From the first fired to the last shown.
        messages: How many messages hold them.
        refused: Answers 429.
        in_order: They were shown in the order in which they were fired, each once.
    """

    alerts: int
    seconds: float
    messages: int
    refused: int
    in_order: bool


async def _fire(simulator: Simulator, symbols: Sequence[str]) -> None:
    """Fire one alert a symbol, evenly over ``_SPREAD``."""
    began = time.perf_counter()
    for number, symbol in enumerate(symbols):
        fields = {"timeframe": "D", "direction": "bullish", "shape": "1-2U", "cc": "2U", "price": 100 + number / 4}
        simulator.fire({"symbol": symbol, **fields})
        await asyncio.sleep(max(0.0, began + (number + 1) * _SPREAD / len(symbols) - time.perf_counter()))


async def _loop(chat: Chat, url: str, symbols: Sequence[str]) -> None:
    """What one writes by hand: a message an alert, again when it is refused."""
    began = time.perf_counter()
    agent = {"User-Agent": "DiscordBot (naive, 1)"}
    async with aiohttp.ClientSession(headers=agent) as session:
        for number, symbol in enumerate(symbols):
            await asyncio.sleep(max(0.0, began + number * _SPREAD / len(symbols) - time.perf_counter()))
            text = f"{symbol} [D] 1-2U bullish {100 + number / 4:.2f}"
            body = {"content": text} if isinstance(chat, FakeDiscord) else {"text": text}
            while True:
                async with session.post(url, json=body) as answer:
                    if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                        answer.raise_for_status()
                        break
                    await asyncio.sleep(float(answer.headers["Retry-After"]))


def _shown(chat: Chat, symbols: Sequence[str]) -> list[str]:
    """The symbols that the chat shows, in order."""
    word = re.compile(r"\b[DS]\d{4}\b")
    known = set(symbols)
    shown: list[str] = []
    for message in chat.messages:
        parts = message.payload.get("embeds") or message.payload.get("blocks") or [message.text]
        assert isinstance(parts, list)
        for part in parts:  # a symbol may stand in a title and in its link: one alert all the same
            shown += dict.fromkeys(found for found in word.findall(json.dumps(part)) if found in known)
    return shown


async def _figures(chat: Chat, symbols: Sequence[str], began: float) -> Figures:
    await chat.wait_until(lambda: len(set(_shown(chat, symbols))) == len(symbols), _PATIENCE)
    seconds = time.perf_counter() - began
    shown = _shown(chat, symbols)
    return Figures(len(shown), seconds, len(chat.messages), chat.rate_limited, shown == list(symbols))


async def measure(discord: int, slack: int) -> dict[str, Figures]:
    """All four, side by side."""
    clock = SystemClock()
    symbols = {"discord": [f"D{n:04}" for n in range(discord)], "slack": [f"S{n:04}" for n in range(slack)]}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relay-bench-")))
        simulator = await stack.enter_async_context(Simulator(SimulatorSettings(keys={_KEY: ApiKey()}), clock))
        ours: dict[str, Chat] = {"discord": FakeDiscord(clock), "slack": FakeSlack(clock)}
        theirs: dict[str, Chat] = {"discord": FakeDiscord(clock), "slack": FakeSlack(clock)}
        for chat in (*ours.values(), *theirs.values()):
            await stack.enter_async_context(chat)
            chat.add_webhook("burst")
        urls = {name: chat.url("burst") for name, chat in ours.items()}
        config = folder / "config.yaml"
        feed, rest = simulator.websocket_url, simulator.rest_url
        config.write_text(_CONFIG.format(key=_KEY, feed=feed, rest=rest, **urls))
        relay = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "relay", "run", "-c", str(config)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=(folder / "log").open("wb"),
        )
        stack.push_async_callback(_end, relay)
        await simulator.wait_until(lambda: simulator.subscribed(Channel.IN_FORCE), 30.0)
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            figures = {}
            for name, wanted in symbols.items():
                group.create_task(_fire(simulator, wanted))
                group.create_task(_loop(theirs[name], theirs[name].url("burst"), wanted))
                figures[f"{name}, relay"] = group.create_task(_figures(ours[name], wanted, began))
                figures[f"{name}, loop"] = group.create_task(_figures(theirs[name], wanted, began))
    return {name: task.result() for name, task in figures.items()}


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    await process.wait()


def table(measured: dict[str, Figures]) -> list[str]:
    """The figures as a Markdown table, and the ratios under it."""
    lines = ["| | alerts | seconds | messages | 429s | once, in order |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    for name, row in measured.items():
        order = "yes" if row.in_order else "no"
        lines.append(f"| {name} | {row.alerts} | {row.seconds:.1f} | {row.messages} | {row.refused} | {order} |")
    for chat in ("discord", "slack"):
        ratio = measured[f"{chat}, loop"].seconds / measured[f"{chat}, relay"].seconds
        lines.append(f"\n{chat}: {ratio:.1f} times as fast as the loop")
    return lines


@click.command()
@click.option("--discord", default=500, show_default=True, help="Alerts for Discord.")
@click.option("--slack", default=200, show_default=True, help="Alerts for Slack.")
@click.option("--json", "target", type=click.Path(path_type=Path, dir_okay=False), help="Also write the figures here.")
def main(discord: int, slack: int, target: Path | None) -> None:
    """Measure, and print a table."""
    measured = asyncio.run(measure(discord, slack))
    print("\n".join(table(measured)))
    if target is not None:
        target.write_bytes(msgspec.json.encode(measured))


if __name__ == "__main__":
    main()
