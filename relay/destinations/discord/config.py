"""``type: discord`` of the config."""

from __future__ import annotations

from typing import ClassVar, Literal

from relay.destinations.config import ChatConfig
from relay.mentions import Chat


class DiscordConfig(ChatConfig):
    """A Discord webhook."""

    chat: ClassVar[Chat] = "discord"

    type: Literal["discord"]
    """The kind of destination."""
