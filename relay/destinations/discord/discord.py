"""Discord: one message with one embed.

Nothing from upstream can ping (``allowed_mentions`` allows none), form a link or change the layout (markdown is
escaped). Limits are Discord's (docs.discord.com, resources/message, embed limits); our own shares of them add up
to less than 6000, so no combination is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from relay import __version__
from relay.clock import Clock, isoformat
from relay.deliveries import Message, Outcome
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.discord.outcome import judge_discord
from relay.destinations.endpoint import Endpoint
from relay.destinations.http import HttpClient
from relay.destinations.texts import facts, fit, happened_us, headline, remarks, rule_names
from relay.document.addresses import parse_url
from relay.limiter import Limiter

TITLE: Final = 256
DESCRIPTION: Final = 1024  # of Discord's 4096
FIELD: Final = 256  # of Discord's 1024, and there are five
FOOTER: Final = 2048
LATE_OVER: Final = 600.0

USER_AGENT: Final = f"DiscordBot (stratalerts-relay, {__version__})"
"""In the form that Discord asks for; an unnamed client may be refused by its edge."""

_COLOURS: Final = {"bullish": 0x2E9E6B, "bearish": 0xC8504B}
_NEUTRAL: Final = 0x7A828C

_ESCAPES: Final = {char: f"\\{char}" for char in "\\*_~`|<>()#"} | {"@": "@\u200b"}


def escape(text: str) -> list[str]:
    """The pieces of ``text`` with Discord's markdown and mentions defused."""
    return [_ESCAPES.get(char, char) for char in text]


def embed_of(message: Message) -> dict[str, object]:
    """The embed of one alert, within every limit."""
    delivery = message.delivery
    event = delivery.event
    embed: dict[str, object] = {
        "title": fit(escape(headline(message)), TITLE),
        "color": _COLOURS.get(event.direction or "", _NEUTRAL),
        "timestamp": isoformat(happened_us(delivery)),
        "fields": [
            {"name": label, "value": fit(escape(value), FIELD), "inline": True} for label, value in facts(event)
        ],
    }
    if said := remarks(message, LATE_OVER):
        embed["description"] = fit(escape("\n".join(said)), DESCRIPTION)
    if names := rule_names(message):
        embed["footer"] = {"text": fit(names, FOOTER)}  # a footer shows no markdown
    return embed


class Discord:
    """Delivers to one Discord webhook; see ``relay.destinations.base.Destination``."""

    def __init__(self, name: str, config: DiscordConfig, client: HttpClient, clock: Clock) -> None:
        """Make the destination ready to send."""
        self._name = name
        # With wait=true the answer says whether the message was made, not just whether it was taken.
        url = parse_url(config.url.reveal()).update_query(wait="true")
        self._endpoint = Endpoint(client, clock, url=url, timeout=config.timeout, judge=judge_discord)

    @property
    def name(self) -> str:
        """Its name in the config."""
        return self._name

    def render(self, message: Message) -> bytes:
        """The body that ``send`` would send."""
        return msgspec.json.encode({"embeds": [embed_of(message)], "allowed_mentions": {"parse": []}})

    @property
    def capacity(self) -> int:
        """Each alert goes alone."""
        return 1

    @property
    def limiter(self) -> Limiter | None:
        """No limit is known beforehand."""
        return None

    def fits(self, waiting: Sequence[Message]) -> int:  # noqa: ARG002  because the protocol hands in what waits
        """Each alert goes alone."""
        return 1

    async def send(self, batch: Sequence[Message]) -> Outcome:
        """Make one attempt."""
        (message,) = batch
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        return await self._endpoint.deliver(self.render(message), headers)
