"""Alerts as Discord's embeds, within its limits by construction.

    Message ──embed_of──> an embed of its own        Embed ──size──> its share of what a message may hold
    batch ──digest_of──> one or two embeds with a row for each alert, or None where they don't fit

Lengths are UTF-16 units. The texts of one alert are cut so that it always fits alone. ``room`` is what an embed may
come to at any time of sending, so that a batch that fits now still does when it has become late.
(Source: docs.discord.com, message resource, embed limits.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from relay.clock import isoformat
from relay.deliveries import Message
from relay.destinations import digest
from relay.destinations.charts import chart_url
from relay.destinations.discord.markdown import escape
from relay.destinations.texts import CONTINUITY, byline, facts, fit, headline, remarks, rule_names, width

EMBEDS: Final = 10
TITLE: Final = 256
DESCRIPTION: Final = 4096
FIELDS: Final = 25
FIELD_NAME: Final = 256
FIELD_VALUE: Final = 1024
FOOTER: Final = 2048
AUTHOR: Final = 256
ALL: Final = 6000
"""Units of all texts in all embeds of one message."""

REMARKS: Final = 128
"""More than all remarks on one alert come to; room is left for them whether they are made or not."""

_VALUE: Final = 256  # of a field of ours: six of them, and title, author and footer, stay below ``ALL``
_DIGEST_FOOTER: Final = 512
_SUMMARY: Final = 200
_FENCE: Final = ("```\n", "\n```")
_LOUD: Final = 7  # units of the sign and the stars around remarks
_LONG_FACTS: Final = frozenset({CONTINUITY})  # a row of their own

_COLOURS: Final = {"bullish": 0x2E9E6B, "bearish": 0xC8504B}
_NEUTRAL: Final = 0x7A828C

Embed: TypeAlias = dict[str, Any]
"""JSON, as Discord takes it."""


def embed_of(message: Message, late_over: float) -> Embed:
    """The embed of one alert.

    Args:
        message: The alert.
        late_over: ``late.over`` of the destination, seconds.
    """
    delivery = message.delivery
    event = delivery.event
    embed: Embed = {
        "author": {"name": fit(byline(message), AUTHOR)},  # shows no markdown, as the footer
        "title": fit(escape(headline(message)), TITLE),
        "color": _COLOURS.get(event.direction or "", _NEUTRAL),
        "timestamp": isoformat(delivery.happened_us),
    }
    if url := chart_url(event):
        embed["url"] = url
    if said := remarks(message, late_over):
        embed["description"] = warning(said, REMARKS)
    if known := facts(delivery):
        embed["fields"] = [
            {"name": label, "value": fit(escape(value), _VALUE), "inline": label not in _LONG_FACTS}
            for label, value in known
        ]
    if names := rule_names(message):
        embed["footer"] = {"text": fit(names, FOOTER)}
    return embed


def warning(said: Iterable[str], limit: int) -> str:
    """What must be seen before all else, in at most ``limit`` units."""
    return f"⚠️ **{fit(escape(' · '.join(said)), limit - _LOUD)}**"


def size(embed: Mapping[str, Any]) -> int:
    """Units that count towards ``ALL``."""
    return sum(width(text) for text in texts(embed))


def room(embed: Embed) -> int:
    """Units that an embed of ``embed_of`` needs at most, however late it is when it is sent."""
    return size(embed) - width(embed.get("description", "")) + REMARKS


def texts(embed: Mapping[str, Any]) -> Iterable[str]:
    """Every text that counts."""
    holders = (embed, embed.get("author"), embed.get("footer"), *(embed.get("fields") or ()))
    for holder in holders:
        if isinstance(holder, Mapping):
            for key in ("title", "description", "name", "value", "text"):
                if isinstance(text := holder.get(key), str):
                    yield text


def digest_of(batch: Sequence[Message], late_over: float) -> list[Embed] | None:
    """One or two embeds with a row for each of ``batch``; None where there are more than they hold."""
    title = digest.heading(batch)
    summary = fit(digest.summary(batch, late_over), _SUMMARY)
    spare = _SUMMARY - width(summary)  # kept free: more of them may be late when it is sent
    footer = fit(rule_names(*batch), _DIGEST_FOOTER)
    first: list[str] = []
    rest: list[str] = []
    left = DESCRIPTION - _SUMMARY - sum(map(len, _FENCE))
    for row in digest.rows(batch):
        left -= width(row) + 1
        (first if left >= 0 else rest).append(row)
    embeds: list[Embed] = [{"title": title, "description": f"{summary}\n{_fenced(first)}", "color": _NEUTRAL}]
    if rest:
        embeds.append({"description": _fenced(rest), "color": _NEUTRAL})
    if footer:
        embeds[-1]["footer"] = {"text": footer}
    embeds[-1]["timestamp"] = isoformat(max(message.delivery.happened_us for message in batch))
    fits = width(embeds[-1]["description"]) <= DESCRIPTION and sum(map(size, embeds)) + spare <= ALL
    return embeds if fits else None


def _fenced(rows: Iterable[str]) -> str:
    return "\n".join(rows).join(_FENCE)
