"""From config to destinations, and the guard that keeps simulated alerts away from real ones.

    name + config ──Factory.build──> Destination
    all of them, a simulated upstream ──refuse_real──> names of those that would take pretence for truth

One factory serves a process, over all reloads: what all destinations of a kind share (connections, what Discord limits
per address and Slack per webhook) is made with it. A destination that is built anew goes on with what was learnt of its
webhook; what was learnt of one that is gone stays, for its name may return.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from relay.clock import Clock
from relay.destinations.apprise.apprise import Apprise
from relay.destinations.apprise.config import AppriseConfig
from relay.destinations.apprise.loading import library
from relay.destinations.base import Informed
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.discord.discord import Discord
from relay.destinations.discord.limiter import DiscordLimits
from relay.destinations.http import HttpClient
from relay.destinations.kinds import AnyConfig
from relay.destinations.slack.config import SlackConfig
from relay.destinations.slack.limiter import SlackLimits
from relay.destinations.slack.slack import Slack
from relay.destinations.webhook.config import WebhookConfig
from relay.destinations.webhook.webhook import Webhook


class Factory:
    """Makes destinations."""

    def __init__(self, client: HttpClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._discord = DiscordLimits(clock)
        self._slack = SlackLimits(clock)

    def build(self, name: str, config: AnyConfig) -> Informed:
        """Make the destination that ``config`` describes."""
        match config:
            case WebhookConfig():
                return Webhook(name, config, self._client, self._clock)
            case DiscordConfig():
                return Discord(name, config, self._client, self._clock, self._discord)
            case SlackConfig():
                return Slack(name, config, self._client, self._clock, self._slack)
            case AppriseConfig():
                return Apprise(name, config, library().service_of(config.url, config.timeout))
            case _:
                assert_never(config)


def refuse_real(destinations: Mapping[str, AnyConfig], *, simulated: bool, allow_real: bool) -> list[str]:
    """Names of the destinations that must not be used, in the config's order.

    With a simulator upstream (``simulated``), alerts are invented: they go to this machine only, unless the user
    said ``--allow-real``.
    """
    if not simulated or allow_real:
        return []
    return [name for name, config in destinations.items() if not config.stays_here]
