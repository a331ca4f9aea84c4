"""The kinds of destination that there are: what ``type:`` may say, and the config each has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from relay.destinations.apprise.config import AppriseConfig
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.slack.config import SlackConfig
from relay.destinations.webhook.config import WebhookConfig

AnyConfig: TypeAlias = WebhookConfig | DiscordConfig | SlackConfig | AppriseConfig
"""The config of one destination."""

KINDS: Final[Mapping[str, type[AnyConfig]]] = MappingProxyType(
    {"webhook": WebhookConfig, "discord": DiscordConfig, "slack": SlackConfig, "apprise": AppriseConfig}
)
"""The config's model, by ``type``."""
