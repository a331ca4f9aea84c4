"""Whom a chat pings: what a config may write, in the forms that Discord and Slack show themselves.

    "<@&961700198785118228>"  Discord: a role          "<!subteam^S012ABC>"  Slack: a user group
    "<@80351110224678912>"    Discord: a user          "<@U012ABC>"          Slack: a user
    "swing"                   a name that the destination's ``roles`` explain

Everyone in a channel can't be pinged by an alert: ``@everyone``, ``@here``, ``<!channel>`` and ``<!here>`` are not
mentions. (Sources: docs.discord.com, reference, message formatting; docs.slack.dev, formatting message text.)
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

import msgspec

Chat: TypeAlias = Literal["discord", "slack"]

_FORMS: Final[tuple[tuple[re.Pattern[str], Chat, Literal["role", "user"]], ...]] = (
    (re.compile(r"<@&(\d{1,20})>", re.ASCII), "discord", "role"),
    (re.compile(r"<@!?(\d{1,20})>", re.ASCII), "discord", "user"),
    (re.compile(r"<!subteam\^(S[A-Z0-9]{1,30})>", re.ASCII), "slack", "role"),
    (re.compile(r"<@([UW][A-Z0-9]{1,30})>", re.ASCII), "slack", "user"),
)
_IDS: Final = (
    (re.compile(r"\d{15,20}", re.ASCII), "<@&{}>"),
    (re.compile(r"S(?=\D*\d)[A-Z0-9]{6,30}", re.ASCII), "<!subteam^{}>"),
    (re.compile(r"[UW](?=\D*\d)[A-Z0-9]{6,30}", re.ASCII), "<@{}>"),
)
_ROLE_NAME: Final = re.compile(r"\w[\w .-]{0,62}\w|\w")


class Mention(msgspec.Struct, frozen=True):
    """A role or a user of one chat.

    Attributes:
        chat: Whose form it has.
        kind: A role (Slack: a user group), or a user.
        id: As the chat knows it.
        text: What goes into a message.
    """

    chat: Chat
    kind: Literal["role", "user"]
    id: str
    text: str


def parse_mention(text: str) -> Mention | None:
    """The mention that ``text`` is in some chat's own form; None where it is a name, or nothing."""
    for form, chat, kind in _FORMS:
        if match := form.fullmatch(text):
            return Mention(chat, kind, match[1], text)
    return None


def from_id(text: str) -> str | None:
    """The mention that was probably meant by an id alone; of Discord's roles and users, which look alike, a role."""
    return next((form.format(text) for shape, form in _IDS if shape.fullmatch(text)), None)


def is_role_name(text: str) -> bool:
    """Whether ``text`` may be a name that a destination's ``roles`` explain."""
    return _ROLE_NAME.fullmatch(text) is not None
