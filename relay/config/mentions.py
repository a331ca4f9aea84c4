"""Whether those whom a config mentions will be pinged.

    plain values ──check_mentions──> faults: a name that no chat of the rule explains, another chat's form
    Config ────────unheard─────────> notes: a rule that mentions somebody, and a chat of it where nobody is pinged

What a rule mentions may work in one of its chats alone, and be meant so; so that is no fault. Where it can't be told
what a destination is, nothing is said of mentions: that has its fault already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from relay.config.model import Config
from relay.config.values import each, items, leads_to, rules, text
from relay.destinations.config import ChatConfig
from relay.destinations.kinds import KINDS
from relay.document.faults import Path, found, suggestion
from relay.document.scalars import FromOutside
from relay.document.yaml import Document
from relay.mentions import Chat, parse_mention

_NO_CHAT: Final = "pings nobody: none of its destinations is a chat"


def check_mentions(document: Document) -> None:
    """Faults of ``mention`` in rules, and of ``roles`` and ``mentions`` in chats."""
    destinations = document.root.get("destinations")
    if isinstance(destinations, dict):
        for name, destination in destinations.items():
            _chats_own(document, ("destinations", name), destination)
        for index, rule in rules(document):
            goes_to = [destinations.get(text(item)) for _, item in leads_to(rule.get("to"))]
            _of_a_rule(document, ("rules", index, "mention"), rule.get("mention"), goes_to)


def unheard(config: Config) -> Iterator[str]:
    """One sentence for each rule that mentions somebody and each chat of it where that pings nobody."""
    for rule in config.rules:
        if not rule.enabled or not rule.mention:
            continue
        destinations = {name: config.destinations[name] for name in rule.to}
        chats = {name: chat for name, chat in destinations.items() if isinstance(chat, ChatConfig)}
        if not chats:
            yield f"{rule.name} {_NO_CHAT}"
        for name, chat in chats.items():
            if not any(map(chat.mention_of, rule.mention)):
                yield f"{rule.name} pings nobody at {name}: {' and '.join(map(_why_not, rule.mention))}"


def _why_not(mention: str) -> str:
    other = parse_mention(mention)
    return f"it has no role '{mention}'" if other is None else f"'{mention}' is a mention of {other.chat.title()}"


def _chats_own(document: Document, path: Path, destination: object) -> None:
    """A chat's mentions are names of its own roles or in its own form, and so are the roles."""
    kind = _kind(destination)
    if kind is None or not isinstance(destination, dict) or not issubclass(kind, ChatConfig):
        return
    roles = _roles(destination)
    for role, item in items(destination.get("roles")):
        _in_its_form(document, (*path, "roles", role), item, kind.chat)
    for timeframe, listed in items(destination.get("mentions")):
        for place, item in each(listed):
            where = (*path, "mentions", timeframe, *place)
            _in_its_form(document, where, item, kind.chat)
            if roles is not None:
                _explained(document, where, item, roles, of="here")


def _of_a_rule(document: Document, path: Path, mention: object, goes_to: Sequence[object]) -> None:
    """A rule's mention by name is explained by the roles of a chat that it goes to."""
    kinds = [_kind(destination) for destination in goes_to]
    if any(kind is None for kind in kinds):
        return
    chats = [
        chat for chat, kind in zip(goes_to, kinds, strict=True) if kind is not None and issubclass(kind, ChatConfig)
    ]
    if not chats:
        names = [text(item) for _, item in each(mention) if text(item) and parse_mention(text(item)) is None]
        if names and not document.faults.within(path):
            document.fault(path, f"this rule {_NO_CHAT}")
        return
    known = [_roles(chat) for chat in chats]
    roles = [role for names in known if names is not None for role in names]
    if None not in known:
        for place, item in each(mention):
            _explained(document, (*path, *place), item, roles, of="of a destination that this rule goes to")


def _kind(destination: object) -> type[object] | None:
    """The kind that ``destination`` is certainly meant to be."""
    name = destination.get("type") if isinstance(destination, dict) else None
    return KINDS.get(name) if isinstance(name, str) else None


def _roles(chat: object) -> list[str] | None:
    """The names that a chat explains; None where that can't be told."""
    roles = chat.get("roles", {}) if isinstance(chat, dict) else None
    return list(map(str, roles)) if isinstance(roles, dict) else None


def _explained(document: Document, path: Path, item: object, roles: Sequence[str], *, of: str) -> None:
    name = text(item)
    if name and name not in roles and parse_mention(name) is None and not document.faults.within(path):
        near = suggestion(None if isinstance(item, FromOutside) else name, roles)
        document.fault(path, f"the roles {of} have no {found(item)}{near}")


def _in_its_form(document: Document, path: Path, item: object, chat: Chat) -> None:
    mention = parse_mention(text(item))
    if mention is not None and mention.chat != chat and not document.faults.within(path):
        document.fault(path, f"a mention in {chat.title()}'s form is wanted; this is {mention.chat.title()}'s")
