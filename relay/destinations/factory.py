"""From config to destinations, and the guard that keeps simulated alerts away from real ones.

name + config ──build──> Destination
all of them, a simulated upstream ──refuse_real──> names of those that would take pretence for truth
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from relay.clock import Clock
from relay.destinations.base import Destination
from relay.destinations.discord import Discord
from relay.destinations.http import HttpClient
from relay.destinations.settings import Addressed, ChatSettings, WebhookSettings
from relay.destinations.slack import Slack
from relay.destinations.webhook import Webhook
from relay.errors import ConfigError
from relay.loopback import is_loopback_url


class DestinationSettings(ChatSettings, Protocol):
    """A destination's config of any type."""

    @property
    def type(self) -> str:
        """``webhook``, ``discord`` or ``slack``."""
        ...


def build(name: str, config: DestinationSettings, client: HttpClient, clock: Clock) -> Destination:
    """Make the destination that ``config`` describes.

    Raises:
        ConfigError: The type has no implementation here, or its url, secret, headers or template can't be used.
    """
    match config.type:
        case "webhook" if isinstance(config, WebhookSettings):
            return Webhook(name, config, client, clock)
        case "discord":
            return Discord(name, config, client, clock)
        case "slack":
            return Slack(name, config, client, clock)
    raise ConfigError(f"destinations.{name}.type: {config.type} is not supported yet")


def refuse_real(destinations: Mapping[str, Addressed], *, simulated: bool, allow_real: bool) -> list[str]:
    """Names of the destinations that must not be used, in the config's order.

    With a simulator upstream (``simulated``), alerts are invented: they go to this machine only, unless the user
    said ``--allow-real``.
    """
    if not simulated or allow_real:
        return []
    return [name for name, config in destinations.items() if not is_loopback_url(config.url.reveal())]
