"""What Discord takes as a message, checked as it checks it (docs.discord.com: message resource, webhook resource).

payload ──check──> Form (all faults, each by its path), or whether there is nothing in it
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from relay.simulator.chat.form import Fields, Form, is_snowflake, units

CONTENT: Final = 2000
EMBEDS: Final = 10
TITLE: Final = 256
DESCRIPTION: Final = 4096
FIELDS: Final = 25
FIELD_NAME: Final = 256
FIELD_VALUE: Final = 1024
FOOTER: Final = 2048
AUTHOR: Final = 256
ALL_EMBEDS: Final = 6000
"""Units of all texts in all embeds of one message."""
USERNAME: Final = 80
MENTIONS: Final = 100
THREAD_NAME: Final = 100

_COLOUR: Final = 0xFFFFFF
_FLAGS: Final = 1 << 2 | 1 << 12  # no embeds of links, no notification: what a webhook may set
_ANY: Final = 1 << 63
_PARSED: Final = ("roles", "users", "everyone")
_FORBIDDEN: Final = ("discord", "clyde")
_RESERVED: Final = frozenset({"everyone", "here"})


def check(payload: Mapping[str, object]) -> Form:
    """Read a message; no faults means that it is taken."""
    form = Form()
    message = Fields(form, payload)
    message.text("content", CONTENT)
    _username(message)
    message.url("avatar_url")
    message.flag("tts")
    flags = message.whole("flags", _ANY)
    if flags is not None and flags & ~_FLAGS:
        message.fault("flags", "BASE_TYPE_CHOICES", "A webhook can't set one of these flags.")
    message.text("thread_name", THREAD_NAME)
    _mentions(message)
    size = sum([_embed(embed) for embed in message.children("embeds", EMBEDS)])
    if size > ALL_EMBEDS:
        message.fault("embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {ALL_EMBEDS}")
    return form


def is_empty(payload: Mapping[str, object]) -> bool:
    """Whether there would be nothing to show."""
    content = payload.get("content")
    return not payload.get("embeds") and (content is None or (isinstance(content, str) and not content.strip()))


def _username(message: Fields) -> None:
    if message.get("username") is None:
        return
    name = message.text("username", _ANY)
    if not 1 <= units(name.strip()) <= USERNAME or units(name) > USERNAME:
        message.fault("username", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {USERNAME} in length.")
    for word in _FORBIDDEN:
        if word in name.lower():
            message.fault("username", "USERNAME_INVALID_CONTAINS", f'Username cannot contain "{word}"')
    if name.strip().lower() in _RESERVED:
        message.fault("username", "USERNAME_INVALID_NAME", f'Username cannot be "{name.strip().lower()}"')


def _embed(embed: Fields) -> int:
    """Check one embed; its share of the sum."""
    texts = [embed.text("title", TITLE), embed.text("description", DESCRIPTION)]
    embed.url("url")
    embed.whole("color", _COLOUR)
    embed.moment("timestamp")
    pictures = [embed.child(key) for key in ("image", "thumbnail")]
    for picture in pictures:
        if picture is not None:
            picture.url("url", required=True)
    if (author := embed.child("author")) is not None:
        texts.append(author.text("name", AUTHOR, required=True))
        author.url("url")
        author.url("icon_url")
    if (footer := embed.child("footer")) is not None:
        texts.append(footer.text("text", FOOTER, required=True))
        footer.url("icon_url")
    for field in embed.children("fields", FIELDS):
        texts.append(field.text("name", FIELD_NAME, required=True))
        texts.append(field.text("value", FIELD_VALUE, required=True))
        field.flag("inline")
    if not any(text.strip() for text in texts) and not any(pictures):
        embed.fault("description", "BASE_TYPE_REQUIRED", "This field is required")
    return sum(map(units, texts))


def _mentions(message: Fields) -> None:
    allowed = message.child("allowed_mentions")
    if allowed is None:
        return
    allowed.flag("replied_user")
    parse = allowed.items("parse", len(_PARSED))
    if any(word not in _PARSED for word in parse):
        allowed.fault("parse", "BASE_TYPE_CHOICES", f"Value must be one of {_PARSED}.")
    for key in ("roles", "users"):
        ids = allowed.items(key, MENTIONS)
        if any(not is_snowflake(id_) for id_ in ids):
            allowed.fault(key, "NUMBER_TYPE_COERCE", "A value is not snowflake.")
        if len(set(map(str, ids))) < len(ids):
            allowed.fault(key, "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value")
        if key in parse and ids:
            said = f'parse:["{key}"] and {key}: [ids...] are mutually exclusive.'
            allowed.fault(None, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", said)
