"""``type: discord`` of the config."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from relay.destinations.config import ChatConfig
from relay.destinations.texts import clean, width
from relay.document.addresses import url_of
from relay.document.fields import FROM_ENV, Flag, Leaf, text, wrong
from relay.mentions import Chat

_USERNAME: Final = 80
_FORBIDDEN: Final = ("discord", "clyde")
_RESERVED: Final = frozenset({"everyone", "here"})
_THREAD: Final = r"[1-9]\d{0,18}"


def _username(value: object) -> str:
    """A name that Discord takes (docs.discord.com, webhook and user resources)."""
    name = text(value).strip()
    if name != clean(name) or width(name) > _USERNAME:
        raise wrong(f"a name of at most {_USERNAME} characters on one line is wanted", value)
    for word in _FORBIDDEN:
        if word in name.lower():
            raise wrong(f"Discord takes no name with '{word}' in it", value)
    if name.lower() in _RESERVED:
        raise wrong("Discord keeps this name to itself", value)
    return name


def _thread(value: object) -> str:
    number = text(value)
    if not re.fullmatch(_THREAD, number, re.ASCII):
        raise wrong("the number of a thread is wanted, as Discord's menu copies it", value)
    return number


Username: TypeAlias = Annotated[str, Leaf(_username, {"type": ["string", "number"], "minLength": 1})]
Thread: TypeAlias = Annotated[
    str,
    Leaf(
        _thread,
        {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": rf"^{_THREAD}$"}, FROM_ENV]},
    ),
]
AvatarUrl: TypeAlias = Annotated[str, url_of("https")]


class DiscordConfig(ChatConfig):
    """A Discord webhook."""

    chat: ClassVar[Chat] = "discord"

    type: Literal["discord"]
    """The kind of destination."""
    username: Username | None = None
    """The name that messages come from; the webhook's own by default."""
    avatar_url: AvatarUrl | None = None
    """Its picture; the webhook's own by default."""
    thread_id: Thread | None = None
    """The thread of the webhook's channel that messages go to."""
    silent: Flag = False
    """Messages make no sound and no notification."""
