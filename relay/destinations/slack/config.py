"""``type: slack`` of the config."""

from __future__ import annotations

from typing import Literal

from relay.destinations.config import ChatConfig


class SlackConfig(ChatConfig):
    """A Slack incoming webhook."""

    type: Literal["slack"]
    """The kind of destination."""
