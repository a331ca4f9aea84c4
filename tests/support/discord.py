"""Discord for tests: a renderer as a config makes it, and its own checks of what would be sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from relay.deliveries import Message
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.discord.render import Renderer
from relay.destinations.pings import Pings
from relay.simulator.chat.limits import check, is_empty
from tests.support.clock import FakeClock
from tests.support.messages import config_of

URL = "https://discord.example/api/webhooks/12345/tok-123456789"


def discord_config(**more: object) -> DiscordConfig:
    """The config of a Discord destination, read as if it stood in a file."""
    config = config_of("discord", **{"url": URL, **more})  # type: ignore[arg-type]  # a key of the config is any value
    assert isinstance(config, DiscordConfig)
    return config


def renderer(**more: object) -> Renderer:
    """What renders for a destination with this config."""
    config = discord_config(**more)
    return Renderer(config, Pings(config, FakeClock()))


def body_of(batch: Sequence[Message], **more: object) -> dict[str, Any]:
    """What would be sent for ``batch``."""
    return renderer(**more).payload(batch).body


def accepted(body: dict[str, Any]) -> dict[str, Any]:
    """``body`` as Discord reads it, which finds no fault in it."""
    read: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    assert check(read).faults == []
    assert not is_empty(read)
    return read
