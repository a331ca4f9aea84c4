"""What a chat was sent and took: one value a message, as the channel would show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

Payload: TypeAlias = Mapping[str, object]
"""A JSON object as it came."""


class Webhook(msgspec.Struct, frozen=True):
    """An incoming webhook.

    Attributes:
        name: What it is called; also who its messages are from, unless they name somebody else.
        channel: The channel that it posts to.
        id: Its id, as it stands in the path.
        token: The secret part of the path.
        path: Where it is posted to, from the slash on.
        forum: The channel holds threads only (Discord).
        threads: Ids of the threads that exist (Discord).
    """

    name: str
    channel: str
    id: str
    token: str
    path: str
    forum: bool = False
    threads: frozenset[str] = frozenset()


class Names(msgspec.Struct, frozen=True):
    """What ids are called on a page; an id without a name is shown as unknown.

    Attributes:
        roles: Of roles (Discord) or user groups (Slack).
        users: Of users.
        channels: Of channels.
    """

    roles: Mapping[str, str] = {}
    users: Mapping[str, str] = {}
    channels: Mapping[str, str] = {}


class Pings(msgspec.Struct, frozen=True):
    """Whom a message notifies.

    Attributes:
        roles: Ids of roles (Discord) or user groups (Slack), in the order they stand in the text.
        users: Ids of users.
        everyone: It notifies the whole channel.
        here: It notifies whoever is online.
    """

    roles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    everyone: bool = False
    here: bool = False

    def __bool__(self) -> bool:
        return bool(self.roles or self.users or self.everyone or self.here)


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a chat took.

    Attributes:
        id: The chat's number for it.
        webhook: Name of the webhook that it came by.
        channel: Where it stands.
        arrived_at: Monotonic seconds.
        at_us: µs since the epoch.
        payload: What was sent, unchanged.
        username: Who it is shown to be from.
        avatar_url: The picture asked for, or empty.
        text: The text beside embeds or blocks: ``content`` on Discord, ``text`` on Slack.
        mentions: Who is mentioned so that it would ping.
        pings: Who is really notified: ``mentions``, but nobody where the message is silent.
    """

    id: str
    webhook: str
    channel: str
    arrived_at: float
    at_us: int
    payload: Payload
    username: str
    avatar_url: str = ""
    text: str = ""
    mentions: Pings = Pings()
    pings: Pings = Pings()


class DiscordPosted(Posted, frozen=True, kw_only=True):
    """A message on Discord.

    Attributes:
        flags: Bits, as sent; see ``SILENT``.
        thread_id: The thread it was posted to, or None.
        thread_name: The thread that it opened in a forum, or None.
        embeds: Those that are shown: of several with one url only the first is.
        merged: How many were swallowed so.
    """

    flags: int = 0
    thread_id: str | None = None
    thread_name: str | None = None
    embeds: Sequence[Payload] = ()
    merged: int = 0

    @property
    def silent(self) -> bool:
        """It was posted without a notification."""
        return bool(self.flags & SILENT)


class SlackPosted(Posted, frozen=True, kw_only=True):
    """A message on Slack.

    Attributes:
        blocks: Its blocks; where there are none the text is shown.
    """

    blocks: Sequence[Payload] = ()


SILENT = 1 << 12
"""Discord's flag for a message that sends no notification."""
