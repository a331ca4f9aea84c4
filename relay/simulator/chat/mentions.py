"""Whom a message would ping, read out of its texts.

In doubt somebody is pinged: a mention counts in code and behind a backslash too, for what must not ping must not
stand there at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from relay.simulator.chat.posted import Pings

_DISCORD: Final = re.compile(r"<@(&|!)?(\d{1,20})>|@(everyone|here)", re.ASCII)
_SLACK: Final = re.compile(r"<(?:@([UW]\w+)|!subteam\^(S\w+)|!(channel|everyone|group|here))(?:\|[^<>]*)?>", re.ASCII)
_ALL: Final = ("roles", "users", "everyone")
_HERE: Final = frozenset({"here", "group"})


def discord_mentions(content: str, allowed: Mapping[str, object] | None) -> Pings:
    """Whom ``content`` mentions, as far as ``allowed_mentions`` lets it; without that, everybody it names."""
    rules = {"parse": _ALL} if allowed is None else allowed
    parse = _listed(rules.get("parse"))
    roles: dict[str, None] = {}
    users: dict[str, None] = {}
    named = {"everyone": False, "here": False}
    for kind, id_, word in _DISCORD.findall(content):
        if word:
            named[word] |= "everyone" in parse
        else:
            key, found = ("roles", roles) if kind == "&" else ("users", users)
            if key in parse or id_ in _listed(rules.get(key)):
                found[id_] = None
    return Pings(tuple(roles), tuple(users), **named)


def slack_mentions(texts: Iterable[str]) -> Pings:
    """Whom ``texts`` mention: those read as mrkdwn, with ``&``, ``<`` and ``>`` as they stand."""
    roles: dict[str, None] = {}
    users: dict[str, None] = {}
    words: set[str] = set()
    for text in texts:
        for user, group, word in _SLACK.findall(text):
            roles |= dict.fromkeys((group,) if group else ())
            users |= dict.fromkeys((user,) if user else ())
            words |= {word} if word else set()
    return Pings(tuple(roles), tuple(users), everyone=bool(words - _HERE), here=bool(words & _HERE))


def _listed(value: object) -> frozenset[str]:
    return frozenset(map(str, value)) if isinstance(value, list | tuple) else frozenset()
