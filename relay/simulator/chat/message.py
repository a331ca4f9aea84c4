"""A message on Discord: what becomes of a payload that was taken, and the object that tells the sender of it."""

from __future__ import annotations

import hashlib

from relay.clock import isoformat
from relay.simulator.chat.mentions import discord_mentions
from relay.simulator.chat.posted import SILENT, DiscordPosted, Payload, Pings, Webhook

_ID_DIGITS = 18


def posted(
    webhook: Webhook, payload: Payload, *, id_: str, thread_id: str | None, arrived_at: float, at_us: int
) -> DiscordPosted:
    """The message as the channel shows it; ``payload`` has been checked."""
    content = str(payload.get("content") or "")
    flags = payload.get("flags")
    bits = flags if isinstance(flags, int) else 0
    allowed = payload.get("allowed_mentions")
    mentions = discord_mentions(content, allowed if isinstance(allowed, dict) else None)
    embeds = _objects(payload.get("embeds"))
    shown = distinct(embeds)
    name = payload.get("thread_name")
    return DiscordPosted(
        id=id_,
        webhook=webhook.name,
        channel=webhook.channel,
        arrived_at=arrived_at,
        at_us=at_us,
        payload=payload,
        username=str(payload.get("username") or webhook.name),
        avatar_url=str(payload.get("avatar_url") or ""),
        text=content,
        mentions=mentions,
        pings=Pings() if bits & SILENT else mentions,
        flags=bits,
        thread_id=thread_id,
        thread_name=None if name is None else str(name),
        embeds=shown,
        merged=len(embeds) - len(shown),
    )


def distinct(embeds: list[Payload]) -> list[Payload]:
    """The embeds that are shown: of several with one url, the first."""
    urls: set[object] = set()
    shown: list[Payload] = []
    for embed in embeds:
        url = embed.get("url")
        if not url or url not in urls:
            shown.append(embed)
        urls.add(url)
    return shown


def message_object(message: DiscordPosted, webhook: Webhook) -> dict[str, object]:
    """What ``wait=true`` answers."""
    return {
        "id": message.id,
        "type": 0,
        "content": message.text,
        "channel_id": message.thread_id or channel_id(message.channel),
        "author": {
            "id": webhook.id,
            "username": message.username,
            "avatar": None,
            "discriminator": "0000",
            "public_flags": 0,
            "flags": 0,
            "bot": True,
            "global_name": None,
        },
        "attachments": [],
        "embeds": [{"type": "rich", **embed} for embed in _objects(message.payload.get("embeds"))],
        "mentions": [{"id": id_} for id_ in message.mentions.users],
        "mention_roles": list(message.mentions.roles),
        "mention_everyone": message.mentions.everyone or message.mentions.here,
        "pinned": False,
        "tts": message.payload.get("tts") is True,
        "timestamp": isoformat(message.at_us),
        "edited_timestamp": None,
        "flags": message.flags,
        "components": [],
        "webhook_id": webhook.id,
    }


def channel_id(channel: str) -> str:
    """An id for a channel's name."""
    return str(int(hashlib.sha256(channel.encode()).hexdigest(), 16))[:_ID_DIGITS]


def _objects(value: object) -> list[Payload]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
