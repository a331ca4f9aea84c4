#!/usr/bin/env python3
"""Makes ``docs/images``: alerts as they look in Discord and in Slack.

    .venv/bin/python docs/screenshots.py [NAME …]

events ──the relay's own destinations──> the fakes, which check them ──> the channel's page ──Chromium──> PNG

Times, prices and symbols are fixed, so that a picture changes only where a message or a page does, or the fonts of
this machine. Every message is sent as the relay sends it; none has been touched up.
"""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Literal

import msgspec

from relay import logs
from relay.clock import MICROS
from relay.deliveries import Delivery, Message, RuleMatch, Verdict, webhook_id
from relay.destinations.factory import Factory
from relay.destinations.http import HttpClient
from relay.destinations.kinds import KINDS
from relay.events import Channel, Event, Source
from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.chat.page import render_discord, render_slack
from relay.simulator.chat.posted import Names
from relay.simulator.chat.slack import FakeSlack
from relay.upstream.decode import decode_event

TARGET: Final = Path(__file__).with_name("images")
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
WIDTH: Final = {"discord": 640, "slack": 700}
SCALE: Final = 2
PATIENCE: Final = 60.0  # seconds for one run of the browser

OPEN_US: Final = 1_775_827_800 * MICROS  # 2026-04-10 13:30 UTC, the opening bell in New York
ROLES: Final = {"discord": "<@&961700198785118228>", "slack": "<!subteam^S012ABCDEF>"}
NAMES: Final = Names(roles={"961700198785118228": "swing", "S012ABCDEF": "swing"})
SENDER: Final = "StratAlerts"

# What stands around the messages is left out, and the page is as high as they are.
STYLE: Final = """<style>
html, body, .app { height: auto; }
header, .composer, .day { display: none; }
.scroll { display: block; overflow: visible; }
.log { padding: 0 0 16px; }
</style>"""
MEASURE: Final = """<script>
document.title = Math.ceil(document.querySelector("main").getBoundingClientRect().height)
</script>"""


class Shot(msgspec.Struct, frozen=True):
    """A picture.

    Attributes:
        chat: Whose channel.
        events: All in one message, each with the rule that wants it.
        late: Seconds from the last trigger to the sending.
        source: How they came.
        mentions: Whom their rules ping, unless they are late.
        config: Further keys of the destination.
    """

    chat: Literal["discord", "slack"]
    events: Sequence[tuple[Event, str]]
    late: float = 1.0
    source: Source = Source.LIVE
    mentions: tuple[str, ...] = ("swing",)
    config: Mapping[str, object] = {}


class StandingClock:
    """Time stands still; whoever sleeps really does."""

    def __init__(self, now_us: int) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        """The moment of sending."""
        return self._now_us

    def monotonic(self) -> float:
        """Always the same."""
        return self._now_us / MICROS

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)


def setup(symbol: str, timeframe: str, shape: str, price: float, after: float, **more: object) -> Event:
    """A setup in force, ``after`` seconds from the open."""
    cc = shape.rsplit("-", 1)[-1]
    sent = {
        "symbol": symbol,
        "timeframe": timeframe,
        "direction": "bullish" if cc in {"2U", "3"} else "bearish",
        "shape": shape,
        "price": price,
        "cc": cc,
    }
    return event(Channel.IN_FORCE, {**sent, **more}, after)


def event(channel: Channel, sent: Mapping[str, object], after: float) -> Event:
    """What the relay reads in the upstream's object."""
    at = OPEN_US + round(after * MICROS)
    return decode_event(channel, msgspec.json.encode({"id": at // 1000, **sent, "triggered_at": at / MICROS}))


def open_of_the_day(count: int) -> list[tuple[Event, str]]:
    """A busy open: ``count`` setups within seconds."""
    dice = random.Random(7)  # noqa: S311  because the alerts are invented
    prices = {"AAPL": 214.3, "AMD": 162.8, "AMZN": 198.4, "GOOGL": 171.2, "META": 598.1, "MSFT": 431.6, "NVDA": 118.9}
    prices |= {"PLTR": 92.4, "QQQ": 501.7, "SPY": 558.2, "TSLA": 262.5, "BTC-USD": 84_210.5}
    made = []
    for number in range(count):
        symbol = dice.choice(sorted(prices))
        shape = dice.choice(["1-2U", "2D-2U", "3-1-2U", "3-2U", "2U-2U", "1-2D", "2U-2D", "3-1-2D"])
        price = round(prices[symbol] * dice.uniform(0.99, 1.01), 2)
        made.append((setup(symbol, dice.choice(["60", "4H", "D", "D", "W"]), shape, price, number * 0.4), "watchlist"))
    return made


BULLISH: Final = setup("AAPL", "D", "1-2U", 214.32, 322, tfc={"D": "green", "W": "green", "M": "red", "Q": "green"})
BURST: Final = (
    (setup("NVDA", "D", "3-1-2U", 118.94, 2), "daily bulls"),
    (setup("AMD", "D", "2D-2U", 162.81, 2.4), "daily bulls"),
    (setup("TSLA", "W", "2U-2D", 262.5, 3.1), "weekly reversals"),
    (setup("QQQ", "D", "1-2U", 501.74, 3.3), "daily bulls"),
)
SHOTS: Final[Mapping[str, Shot]] = {
    "discord-bullish": Shot("discord", [(BULLISH, "daily bulls")]),
    "discord-bearish": Shot(
        "discord", [(setup("BTC-USD", "4H", "3-1-2D", 84210.5, 1_935), "crypto swings")], mentions=()
    ),
    "discord-break": Shot(
        "discord",
        [
            (
                event(
                    Channel.BREAKS,
                    {"timeframe": "D", "direction": "bullish", "threshold": 3, "symbols": ["ES1!", "NQ1!", "YM1!"]},
                    415,
                ),
                "the whole market moves",
            )
        ],
    ),
    "discord-late": Shot(
        "discord", [(setup("MSFT", "W", "2D-2U", 431.6, 130), "weekly reversals")], late=740, source=Source.BACKFILL
    ),
    "discord-digest": Shot("discord", open_of_the_day(17), mentions=(), config={"digest_over": 15}),
    "discord-burst": Shot("discord", BURST),
    "slack-alert": Shot("slack", [(BULLISH, "daily bulls")]),
    "slack-burst": Shot("slack", BURST),
}


def batch_of(shot: Shot) -> list[Message]:
    """The alerts of ``shot`` as they are sent."""
    now_us = sent_at(shot)
    return [
        Message(
            delivery=Delivery(
                id=number,
                destination=shot.chat,
                sequence=number,
                ordering_key="",
                webhook_id=webhook_id(event.key(), shot.chat),
                rules=(RuleMatch(rule),),
                attempts=0,
                first_attempt_at_us=None,
                retry_at_us=0,
                parked=False,
                source=shot.source,
                received_at_us=now_us,
                updated_at_us=now_us,
                event_key=event.key(),
                event=event,
            ),
            rules=(rule,),
            expires_at_us=None,
            attempt=1,
            now_us=now_us,
            mentions=shot.mentions,
        )
        for number, (event, rule) in enumerate(shot.events, 1)
    ]


def sent_at(shot: Shot) -> int:
    """The moment of sending, µs since the epoch."""
    last = max(event.triggered_at.us for event, _ in shot.events if event.triggered_at)
    return last + round(shot.late * MICROS)


async def page_of(shot: Shot) -> str:
    """The channel with the one message of ``shot`` in it, sent and taken."""
    clock, batch = StandingClock(sent_at(shot)), batch_of(shot)
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(FakeDiscord(clock, names=NAMES))
        slack = await stack.enter_async_context(FakeSlack(clock, names=NAMES))
        chat = discord if shot.chat == "discord" else slack
        client = HttpClient()
        stack.push_async_callback(client.close)
        keys = {"type": shot.chat, "url": chat.add_webhook(SENDER), "roles": {"swing": ROLES[shot.chat]}}
        config = KINDS[shot.chat].model_validate({**keys, **shot.config})
        destination = Factory(client, clock).build(shot.chat, config)
        if destination.fits(batch) != len(batch):
            raise SystemExit(f"{shot.chat}: the alerts do not go into one message")
        outcome = await destination.send(batch)
        if outcome.verdict is not Verdict.DELIVERED:
            raise SystemExit(f"{shot.chat} refused the message: {outcome.code} {outcome.answer}")
        if shot.chat == "discord":
            return render_discord(discord.messages, title="alerts", names=NAMES)
        return render_slack(slack.messages, title="alerts", names=NAMES)


class Camera:
    """A browser without a window.

    Args:
        program: Chromium.
        directory: For its profile and the pages.
    """

    def __init__(self, program: str, directory: Path) -> None:
        self._directory = directory
        self._command = (
            *(program, "--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", "--no-first-run"),
            *("--force-color-profile=srgb", "--font-render-hinting=none", f"--user-data-dir={directory / 'profile'}"),
        )

    async def shoot(self, page: str, width: int, target: Path) -> None:
        """Draw ``page``, so wide and as high as it is."""
        here = self._directory / "page.html"
        here.write_text(page.replace("</head>", f"{STYLE}</head>").replace("</body>", f"{MEASURE}</body>"), "utf-8")
        measured = await self._run(f"--window-size={width},800", "--dump-dom", here.as_uri())
        found = re.search(r"<title>(\d+)</title>", measured)
        if found is None:
            raise SystemExit("the browser did not tell how high the page is")
        size = f"--window-size={width},{found[1]}"
        await self._run(f"--force-device-scale-factor={SCALE}", size, f"--screenshot={target}", here.as_uri())

    async def _run(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *self._command, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(PATIENCE):
                out, err = await process.communicate()
        except TimeoutError:
            process.kill()
            raise SystemExit(f"the browser took longer than {PATIENCE:g} s") from None
        if process.returncode:
            raise SystemExit(f"the browser failed: {err.decode(errors='replace')[-400:]}")
        return out.decode(errors="replace")


async def take(names: Sequence[str]) -> None:
    """Take the pictures."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        raise SystemExit(f"no browser: one of {', '.join(BROWSERS)} is needed (on Debian: apt install chromium)")
    if unknown := set(names) - set(SHOTS):
        raise SystemExit(f"no such picture: {', '.join(sorted(unknown))}; there are {', '.join(SHOTS)}")
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="relay-screenshots-") as directory:
        camera = Camera(program, Path(directory))
        for name in names or SHOTS:
            target = TARGET / f"{name}.png"
            await camera.shoot(await page_of(SHOTS[name]), WIDTH[SHOTS[name].chat], target)
            sys.stdout.write(f"{target.name}  {target.stat().st_size // 1024} kB\n")


if __name__ == "__main__":
    logs.configure("error")
    asyncio.run(take(sys.argv[1:]))
