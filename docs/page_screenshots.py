#!/usr/bin/env python3
"""Makes the pictures of the page in ``docs/images``: a real relay after an hour of market, seen in a real browser.

    .venv/bin/python docs/page_screenshots.py [FOLDER]

invented setups ──simulator──> the relay, in this process ──> receivers and chats on this machine
                                    └── its page ──Chromium──> page-desktop-dark, page-desktop-light, page-phone

The hour goes by in two minutes: relay, simulator and receivers live by one clock that hurries, and keeps pace with
the world while the pictures are taken. Receivers take their time, as those in the world do. What goes wrong does so by
the simulators' faults: the socket drops, and more fires meanwhile than REST shows at once, which leaves a hole; a
webhook answers 404 and 503, somebody snoozes a symbol and a destination. Nothing on the page has been touched up.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Final

import aiohttp
from playwright.async_api import Browser, async_playwright

from docs.screenshots import BROWSERS
from relay import logs
from relay.app import Relay
from relay.clock import MICROS
from relay.config.load import load
from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.chat.faults import Fault
from relay.simulator.chat.slack import FakeSlack
from relay.simulator.inbox import Answer, Inbox
from relay.simulator.settings import ApiKey, SimulatorSettings
from relay.simulator.upstream import Simulator

TARGET: Final = Path(__file__).with_name("images")
PICTURES: Final = {  # how wide and how high, in which colours, and how many dots a pixel
    "page-desktop-dark": (1360, 1600, "dark", 1.0),
    "page-desktop-light": (1360, 1600, "light", 1.0),
    "page-phone": (390, 1500, "dark", 1.5),
}
HURRY: Final = 30.0  # an hour in two minutes
HOUR: Final = 3_600.0
MARGIN: Final = 150.0  # seconds of the clock before the end in which what is wrong goes wrong
CLAMP: Final = 12  # items of a REST answer, at most
PACE: Final = {"/bot": (0.12, 0.5), "/journal": (0.3, 1.1)}  # seconds until a webhook answers, from and to
CHATS: Final = (0.15, 0.7)  # and a chat
_KEY: Final = "sk_pictures"

_CONFIG: Final = """\
stratalerts: {{api_key: {key}, websocket_url: "{feed}", rest_url: "{rest}"}}
http: {{listen: "127.0.0.1:0"}}
backfill: {{every: 5m}}
destinations:
  swing: {{type: discord, url: "{discord}"}}
  desk: {{type: slack, url: "{slack}"}}
  bot: {{type: webhook, url: "{inbox}/bot", max_age: 10m, rate_limit: 50/1s}}
  journal: {{type: webhook, url: "{inbox}/journal", retry: {{initial: 30s, max: 5m}}}}
rules:
  - {{name: daily and weekly bulls, timeframe: [D, W], direction: bullish, to: [swing, bot]}}
  - {{name: reversals, shape: ["2D-2U", "2U-2D", "3-1-2U", "3-1-2D"], timeframe: ["60", 4H, D], to: [desk, bot]}}
  - {{name: the whole market, channel: alerts.simultaneous_breaks, threshold: 3, to: [swing, desk]}}
  - {{name: everything, to: journal}}
"""


class HurriedClock:
    """Time passes ``speed`` times as fast as for the world, from a moment of a trading day on."""

    def __init__(self, began_us: int, speed: float) -> None:
        self._now, self._began_us, self._speed, self._at = 0.0, began_us, speed, time.monotonic()
        self._kept = asyncio.Event()

    def keep_pace(self) -> None:
        """From now on as fast as the world."""
        self._now, self._at, self._speed = self.monotonic(), time.monotonic(), 1.0
        self._kept.set()

    def now_us(self) -> int:
        """µs since the epoch."""
        return self._began_us + round(self.monotonic() * MICROS)

    def monotonic(self) -> float:
        """Seconds since the beginning."""
        return self._now + (time.monotonic() - self._at) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        until = self.monotonic() + seconds
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds / self._speed):
                await self._kept.wait()
        await asyncio.sleep(max(0.0, until - self.monotonic()) / self._speed)


class Hour:
    """An hour in which a market fires, and some of it goes wrong."""

    def __init__(
        self, clock: HurriedClock, simulator: Simulator, inbox: Inbox, chats: Sequence[FakeDiscord | FakeSlack]
    ) -> None:
        self._clock, self._simulator, self._inbox, self._chats = clock, simulator, inbox, chats
        self._down = False  # the journal
        self._dice = random.Random(11)  # noqa: S311  because the alerts are invented

    def begin(self) -> None:
        """Something to start from, before the relay looks: else it goes by HTTP's ``Date``, which does not hurry."""
        self._break("bullish")

    async def pass_by(self, page: str) -> None:
        """Live through it, with the relay whose page is at ``page``."""
        troubles = [
            (0.22, self._miss),
            (0.70, lambda: self._inbox.answer(404, path="/bot")),
            (0.86, lambda: self._inbox.answer(404, path="/bot")),
            (1 - MARGIN / HOUR, self._lose_journal),
        ]
        began = self._clock.monotonic()
        while (gone := (self._clock.monotonic() - began) / HOUR) < 1:
            while troubles and troubles[0][0] <= gone:
                troubles.pop(0)[1]()
            self._fire()
            busy = 2.6 if 0.3 < gone < 0.45 else 1.5 if gone > 0.8 else 0.7  # noqa: PLR2004  because so goes this day
            await self._clock.sleep(self._dice.expovariate(busy / 30))
        await self._ask(page, "/api/snooze", symbol="TSLA", **{"for": "2h"})
        await self._ask(page, "/api/snooze", destination="desk", **{"for": "30m"})
        for _ in range(6):
            self._fire()
            await self._clock.sleep(20)

    def _miss(self) -> None:
        """The socket drops, and at once more fires than can be seen afterwards."""
        self._simulator.faults.drop()
        for _ in range(CLAMP + 2):
            self._break("bearish")

    def _lose_journal(self) -> None:
        self._down = True
        self._inbox.always(Answer(503, body=b"try later"), path="/journal")

    def _take_time(self) -> None:
        """How long those take who are sent what comes next."""
        for path, (least, most) in PACE.items():
            if not (self._down and path == "/journal"):
                self._inbox.always(Answer(delay=self._dice.uniform(least, most)), path=path)
        for chat in self._chats:
            chat.fail_next(Fault(200, delay=self._dice.uniform(*CHATS), after=True))

    def _break(self, direction: str) -> None:
        fields = {"timeframe": "60", "direction": direction, "threshold": 3}
        self._simulator.fire({**fields, "symbols": ["ES1!", "NQ1!", "YM1!"]})

    def _fire(self) -> None:
        dice = self._dice
        self._take_time()
        if dice.random() < 0.06:  # noqa: PLR2004  because breaks are rare
            self._break(dice.choice(["bullish", "bearish"]))
            return
        symbol, price = dice.choice(
            [
                *(("AAPL", 214.3), ("AMD", 162.8), ("MSFT", 431.6), ("NVDA", 118.9), ("QQQ", 501.7), ("SPY", 558.2)),
                *(("TSLA", 262.5), ("BTC-USD", 84_210.5), ("META", 598.1), ("PLTR", 92.4)),
            ]
        )
        shape = dice.choice(["1-2U", "2D-2U", "3-1-2U", "3-2U", "2U-2U", "1-2D", "2U-2D", "3-1-2D"])
        cc = shape.rsplit("-", 1)[-1]
        self._simulator.fire(
            {
                "symbol": symbol,
                "timeframe": dice.choice(["15", "60", "60", "4H", "D", "D", "W"]),
                "direction": "bullish" if cc == "2U" else "bearish",
                "shape": shape,
                "price": round(price * dice.uniform(0.99, 1.01), 2),
                "cc": cc,
            }
        )

    async def _ask(self, page: str, path: str, **fields: str) -> None:
        headers = {"Origin": page}
        async with aiohttp.ClientSession(page, headers=headers) as session, session.post(path, data=fields) as answer:
            answer.raise_for_status()


async def shoot(browser: Browser, page: str, folder: Path) -> None:
    """Take the three pictures."""
    for name, (width, height, scheme, scale) in PICTURES.items():
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            device_scale_factor=scale,
            reduced_motion="reduce",
        )
        tab = await context.new_page()
        await tab.goto(page)
        await tab.wait_for_selector("#live[data-how=live]")
        target = folder / f"{name}.png"
        await tab.screenshot(path=target)
        await context.close()
        sys.stdout.write(f"{target.name}  {target.stat().st_size // 1024} kB\n")


async def live(folder: Path, pictures: Path) -> None:
    """An hour, then the pictures."""
    now_us = round(time.time()) * MICROS
    clock = HurriedClock(now_us - round((HOUR + MARGIN) * MICROS), HURRY)
    async with AsyncExitStack() as stack:
        inbox = await stack.enter_async_context(Inbox(clock))
        discord = await stack.enter_async_context(FakeDiscord(clock))
        slack = await stack.enter_async_context(FakeSlack(clock))
        settings = SimulatorSettings(keys={_KEY: ApiKey()}, clamp=CLAMP)
        simulator = await stack.enter_async_context(Simulator(settings, clock))
        config = folder / "config.yaml"
        config.write_text(
            _CONFIG.format(
                key=_KEY,
                feed=simulator.websocket_url,
                rest=simulator.rest_url,
                discord=discord.add_webhook("StratAlerts"),
                slack=slack.add_webhook("StratAlerts"),
                inbox=inbox.url("").rstrip("/"),
            ),
            encoding="utf-8",
        )
        hour = Hour(clock, simulator, inbox, [discord, slack])
        hour.begin()
        relay = Relay(load(config, env={}), env={}, clock=clock)
        await relay.open(stack)
        running = asyncio.create_task(relay.run())
        await simulator.wait_until(lambda: simulator.connected > 0, 30.0)
        page = f"http://127.0.0.1:{relay.web.port}"
        await hour.pass_by(page)
        clock.keep_pace()
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=_program(), args=["--no-sandbox"])
        try:
            await shoot(browser, page, pictures)
        finally:
            await browser.close()
            relay.stop()
            await running


def _program() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise SystemExit(f"no browser: one of {', '.join(BROWSERS)} is needed (on Debian: apt install chromium)")
    return found


def main(arguments: Sequence[str]) -> None:
    """Take them."""
    logs.configure("error")
    with tempfile.TemporaryDirectory(prefix="relay-page-") as directory:
        asyncio.run(live(Path(directory), Path(arguments[0]) if arguments else TARGET))


if __name__ == "__main__":
    main(sys.argv[1:])
