"""The two chats of the demo: a Discord and a Slack on loopback, with the limits and the refusals of the real ones.

    relay ──HTTP──> FakeDiscord, FakeSlack ──Posted──> on_posted(destination, message)
                          └── a page each: the channel as its readers see it

A message is taken, or refused for its rate as there; none but those that were taken are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Final, TypeAlias

import msgspec

from relay.clock import Clock
from relay.demo.scenario import CHANNELS, DISCORD, ROLE, SLACK
from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.chat.posted import Names, Posted
from relay.simulator.chat.slack import FakeSlack

_KEPT: Final = 30  # messages: enough to read, and a page that is drawn soon
_SENDER: Final = "StratAlerts"
_NAMES: Final = Names(roles={ROLE: "swing traders"})

OnPosted: TypeAlias = Callable[[str, Posted], None]
"""Called with the destination's name and each message that its channel takes."""


class Room(msgspec.Struct, frozen=True):
    """A channel of a chat.

    Attributes:
        destination: Its name in the config.
        brand: The chat's.
        page: URL at which it is seen.
        messages: How many it took.
        refused: How many requests were answered with 429.
    """

    destination: str
    brand: str
    page: str
    messages: int = 0
    refused: int = 0


class Chats:
    """Both of them.

    Args:
        clock: Counts their rate limits.
        seed: Of ids and tokens.
        on_posted: Is told what they take.
    """

    def __init__(self, clock: Clock, *, seed: int, on_posted: OnPosted) -> None:
        self._discord = FakeDiscord(clock, names=_NAMES, seed=seed, keep=_KEPT, on_posted=partial(on_posted, DISCORD))
        self._slack = FakeSlack(clock, names=_NAMES, seed=seed, keep=_KEPT, on_posted=partial(on_posted, SLACK))
        self._chats: Mapping[str, FakeDiscord | FakeSlack] = {DISCORD: self._discord, SLACK: self._slack}
        self._urls: dict[str, str] = {}

    async def open(self, stack: AsyncExitStack) -> None:
        """Start both and make their channels."""
        await stack.enter_async_context(self._discord)
        await stack.enter_async_context(self._slack)
        self._urls = {
            DISCORD: self._discord.add_webhook(_SENDER, channel=CHANNELS[DISCORD]),
            SLACK: self._slack.add_webhook(_SENDER, channel=CHANNELS[SLACK]),
        }

    def url(self, destination: str) -> str:
        """Where to post to."""
        return self._urls[destination]

    def rooms(self) -> tuple[Room, ...]:
        """How they stand, once they are open."""
        return tuple(
            Room(
                destination=name,
                brand=chat.brand,
                page=f"{chat.page}channels/{CHANNELS[name]}",
                messages=chat.posted,
                refused=chat.rate_limited,
            )
            for name, chat in self._chats.items()
            if name in self._urls
        )

    def fail(self, destination: str, *statuses: int) -> None:
        """Answer the next requests with these instead of taking them."""
        self._chats[destination].fail_next(*statuses)

    def answered(self, destination: str, status: int) -> int:
        """How many requests were answered with ``status``."""
        return self._chats[destination].answers[status]

    async def wait_until(self, destination: str, holds: Callable[[], bool], seconds: float) -> None:
        """Return once ``holds()``; looked at with every request to the chat.

        Raises:
            TimeoutError: It did not within ``seconds`` of real time.
        """
        await self._chats[destination].wait_until(holds, seconds)
