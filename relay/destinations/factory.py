"""From config to destinations, and the guard that keeps simulated alerts away from real ones.

name + config ──build──> Destination
all of them, a simulated upstream ──refuse_real──> names of those that would take pretence for truth
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from relay.clock import Clock
from relay.destinations.base import Destination
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.discord.discord import Discord
from relay.destinations.http import HttpClient
from relay.destinations.kinds import AnyConfig
from relay.destinations.slack.config import SlackConfig
from relay.destinations.slack.slack import Slack
from relay.destinations.webhook.config import WebhookConfig
from relay.destinations.webhook.webhook import Webhook
from relay.loopback import is_loopback_url


def build(name: str, config: AnyConfig, client: HttpClient, clock: Clock) -> Destination:
    """Make the destination that ``config`` describes."""
    match config:
        case WebhookConfig():
            return Webhook(name, config, client, clock)
        case DiscordConfig():
            return Discord(name, config, client, clock)
        case SlackConfig():
            return Slack(name, config, client, clock)
        case _:
            assert_never(config)


def refuse_real(destinations: Mapping[str, AnyConfig], *, simulated: bool, allow_real: bool) -> list[str]:
    """Names of the destinations that must not be used, in the config's order.

    With a simulator upstream (``simulated``), alerts are invented: they go to this machine only, unless the user
    said ``--allow-real``.
    """
    if not simulated or allow_real:
        return []
    return [name for name, config in destinations.items() if not is_loopback_url(config.url.reveal())]
