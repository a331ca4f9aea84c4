"""``destinations:`` of the config: the kinds that there are, told apart by ``type``."""

from __future__ import annotations

import re
from typing import Annotated, Final, TypeAlias

from pydantic import ConfigDict, Discriminator, Tag

from relay.destinations.apprise.config import AppriseConfig
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.kinds import KINDS
from relay.destinations.slack.config import SlackConfig
from relay.destinations.webhook.config import WebhookConfig
from relay.document.fields import Leaf, Section, choice, text, wrong

TYPES: Final = tuple(KINDS)
_NAME: Final = re.compile(r"[^\W_][\w .@+-]{0,62}\w|[^\W_]")


def _name(value: object) -> str:
    name = text(value)
    if not _NAME.fullmatch(name):
        raise wrong("a destination's name is letters, digits, spaces and . @ + - _, at most 64", value)
    return name


Name: TypeAlias = Annotated[str, Leaf(_name, {"type": "string"})]


class _OtherType(Section):
    """A destination whose type is missing, unknown, or not supported yet."""

    model_config = ConfigDict(extra="ignore")

    type: Annotated[str, choice(*TYPES)]


def _by_type(value: object) -> str:
    name = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"type={name}" if name in TYPES else "type=?"


AnyDestination: TypeAlias = Annotated[
    Annotated[WebhookConfig, Tag("type=webhook")]
    | Annotated[DiscordConfig, Tag("type=discord")]
    | Annotated[SlackConfig, Tag("type=slack")]
    | Annotated[AppriseConfig, Tag("type=apprise")]
    | Annotated[_OtherType, Tag("type=?")],
    Discriminator(_by_type),
]
"""How a destination is read; what comes out without a fault is one of ``KINDS``."""
