"""``type: discord`` of the config."""

from __future__ import annotations

from typing import Literal

from relay.destinations.config import ChatConfig


class DiscordConfig(ChatConfig):
    """A Discord webhook."""

    type: Literal["discord"]
    """The kind of destination."""
