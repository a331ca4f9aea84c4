"""Slack: one message with one section of mrkdwn, and ``text`` for notifications and screen readers.

``&``, ``<`` and ``>`` are escaped, which is all it takes to keep upstream text from pinging or linking
(docs.slack.dev, formatting message text). A section takes 3000 characters; our shares of it add up to less.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from relay import __version__
from relay.clock import Clock
from relay.deliveries import Message, Outcome
from relay.destinations.endpoint import Endpoint
from relay.destinations.http import HttpClient
from relay.destinations.slack.config import SlackConfig
from relay.destinations.slack.outcome import judge_slack
from relay.destinations.texts import facts, fit, headline, remarks, rule_names
from relay.document.addresses import parse_url
from relay.limiter import Limiter

HEADLINE: Final = 150
FACTS: Final = 1200
LATE_OVER: Final = 600.0
REMARKS: Final = 200
RULES: Final = 1200

USER_AGENT: Final = f"relay/{__version__}"

_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escape(text: str) -> list[str]:
    """The pieces of ``text`` with Slack's control characters as entities."""
    return [_ESCAPES.get(char, char) for char in text]


def section_of(message: Message) -> str:
    """The mrkdwn of one alert, within the limit of a section."""
    known = " · ".join(f"{label} {value}" for label, value in facts(message.delivery.event))
    lines = (
        f"*{fit(escape(headline(message)), HEADLINE)}*",
        fit(escape(known), FACTS),
        fit(escape(" · ".join(remarks(message, LATE_OVER))), REMARKS),
        fit(escape(rule_names(message)), RULES),
    )
    return "\n".join(line for line in lines if line)


def fallback_of(message: Message) -> str:
    """One line that stands for the whole message."""
    return fit(escape(" · ".join((headline(message), *remarks(message, LATE_OVER)))), HEADLINE + REMARKS)


class Slack:
    """Delivers to one incoming webhook; see ``relay.destinations.base.Destination``."""

    def __init__(self, name: str, config: SlackConfig, client: HttpClient, clock: Clock) -> None:
        """Make the destination ready to send."""
        self._name = name
        url = parse_url(config.url.reveal())
        self._endpoint = Endpoint(client, clock, url=url, timeout=config.timeout, judge=judge_slack)

    @property
    def name(self) -> str:
        """Its name in the config."""
        return self._name

    def render(self, message: Message) -> bytes:
        """The body that ``send`` would send."""
        section = {"type": "section", "text": {"type": "mrkdwn", "text": section_of(message)}}
        return msgspec.json.encode({"text": fallback_of(message), "blocks": [section], "unfurl_links": False})

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
