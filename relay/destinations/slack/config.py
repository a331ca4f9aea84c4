"""``type: slack`` of the config."""

from __future__ import annotations

from typing import ClassVar, Literal

from relay.destinations.config import ChatConfig
from relay.mentions import Chat


class SlackConfig(ChatConfig):
    """A Slack incoming webhook."""

    chat: ClassVar[Chat] = "slack"

    type: Literal["slack"]
    """The kind of destination."""
