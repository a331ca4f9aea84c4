"""A Slack message: each alert as two blocks, or all of them as a digest, within every limit by construction.

    Message ──alert_blocks──> section (headline, remarks, fields) + context (time, rules)
    batch ──digest_blocks──> header + context (span, counts) + sections with rows in code blocks
    mentions ──mention_block──> one section, the first of the message
    batch ──fallback──> ``text``: what a phone shows

Each text has a share of its limit that holds at its longest, so one alert always fits; how many more do is found by
measuring (``size``). (Sources: docs.slack.dev, Block Kit reference; the limit of a message is not documented, it was
found at about 13,000 characters: github.com/slackapi/bolt-js/issues/2509.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from relay.deliveries import Delivery, Message
from relay.destinations import digest
from relay.destinations.charts import chart_url
from relay.destinations.notice import Notice, words
from relay.destinations.slack.mrkdwn import date, entities, escape, link
from relay.destinations.texts import (
    TIMEFRAME,
    facts,
    fit,
    headline,
    price_text,
    remarks,
    rule_names,
    timeframe_words,
    width,
)
from relay.events import Source
from relay.mentions import Mention

Block: TypeAlias = dict[str, Any]

BLOCKS: Final = 50
SECTION: Final = 3000
FIELDS: Final = 10
MESSAGE: Final = 12_000
"""Characters that the blocks of a message have as JSON, at most: well below where Slack refuses."""

PINGS: Final = 1_000
"""Of these, so many are kept free for the mentions, whether or not somebody is pinged."""

WARNING: Final = 300
"""The most that ``warning_block`` comes to."""

_HEADLINE: Final = 250
_REMARKS: Final = 200
_FIELD: Final = 200
_RULES: Final = 400
_FALLBACK: Final = 250
_NAMED: Final = 3  # headlines that a notification of several alerts begins with

_SIGNS: Final = {"bullish": ("🟢", " ▲ bullish"), "bearish": ("🔴", " ▼ bearish")}
_NO_SIGN: Final = ("⚪", "")
_TEST_SIGN: Final = "🔵"
_FENCE: Final = "```"


def alert_blocks(message: Message, late_over: float) -> list[Block]:
    """One alert in full.

    Args:
        message: The alert.
        late_over: ``late.over`` of the destination, seconds.
    """
    event = message.delivery.event
    circle, direction = _SIGNS.get(event.direction or "", _NO_SIGN)
    title = link(chart_url(event), fit(escape(headline(message)), _HEADLINE))
    sign = _TEST_SIGN if message.delivery.source is Source.TEST else circle
    timeframe = fit(escape(timeframe_words(event.timeframe or "")), _FIELD)
    lines = [f"{sign} *{title}*{direction}{timeframe and f' · {timeframe}'}"]
    if said := remarks(message, late_over):
        lines.append(_warning(said))
    shown = section("\n".join(lines))
    if fields := [_mrkdwn(f"*{label}*  {fit(escape(value), _FIELD)}") for label, value in _facts(message.delivery)]:
        shown["fields"] = fields
    elements = [_mrkdwn(date(message.delivery.happened_us))]
    if rules := rule_names(message):
        elements.append(_mrkdwn(fit(escape(rules), _RULES)))
    return [shown, {"type": "context", "elements": elements}]


def _facts(delivery: Delivery) -> list[tuple[str, str]]:
    """What goes into fields, two of which stand side by side; the timeframe is in the headline."""
    return [(label, value) for label, value in facts(delivery) if label != TIMEFRAME][:FIELDS]


def digest_blocks(batch: Sequence[Message], late_over: float) -> list[Block]:
    """All of ``batch`` as a table, newest first; the times in it are UTC."""
    rows = [entities(row) for row in digest.rows(batch)]
    room = SECTION - 2 * len(_FENCE) - 2
    return [
        {"type": "header", "text": {"type": "plain_text", "text": digest.heading(batch)}},
        {"type": "context", "elements": [_mrkdwn(digest.summary(batch, late_over))]},
        *(section(f"{_FENCE}\n{page}\n{_FENCE}") for page in digest.pages(rows, room)),
    ]


def notice_of(notice: Notice) -> dict[str, Any]:
    """The relay's own notice: a section, and the same for a notification."""
    said = escape(words(notice))
    return {"text": fit(said, _FALLBACK), "blocks": [section(fit(said, SECTION))]}


def warning_block(said: Sequence[str]) -> list[Block]:
    """A section with remarks that stands before an alert; nothing where there are none."""
    return [section(_warning(said))] if said else []


def mention_block(mentions: Iterable[Mention]) -> list[Block]:
    """A section that pings ``mentions``; nothing where there are none."""
    texts = [mention.text for mention in mentions]
    return [section(" ".join(texts))] if texts else []


def section(text: str) -> Block:
    """A section of mrkdwn that is the relay's or the user's own."""
    return {"type": "section", "text": _mrkdwn(text)}


def fallback(batch: Sequence[Message], late_over: float) -> str:
    """One line for a notification: ``AAPL [D] 1-2U bullish · 214.32``, or ``12 alerts: AAPL [D] 1-2U, MSFT …``.

    What all of several are (``12 alerts, simulated: …``) is told of them together, their lateness not.
    """
    if len(batch) > 1:
        all_said = set.intersection(*(set(remarks(message, None)) for message in batch))
        said = [remark for remark in remarks(batch[0], None) if remark in all_said]
        named = ", ".join(map(headline, batch[:_NAMED])) + (" …" if len(batch) > _NAMED else "")
        return fit(escape(f"{', '.join((f'{len(batch)} alerts', *said))}: {named}"), _FALLBACK)
    [message] = batch
    event = message.delivery.event
    title = headline(message)
    if event.direction in _SIGNS and event.direction not in title:
        title = f"{title} {event.direction}"
    price = "" if event.price is None else price_text(event.price)
    shown = [title] if price in title else [title, price]
    return fit(escape(" · ".join((*shown, *remarks(message, late_over)))), _FALLBACK)


def _warning(said: Iterable[str]) -> str:
    return f"⚠️ *{fit(escape(' · '.join(said)), _REMARKS)}*"


def size(blocks: Sequence[Block]) -> int:
    """What blocks count towards a message: all of their JSON, in UTF-16 units."""
    return width(msgspec.json.encode(blocks).decode())


def _mrkdwn(text: str) -> dict[str, object]:
    # verbatim: Slack makes no links or mentions of what merely looks like one.
    return {"type": "mrkdwn", "text": text, "verbatim": True}
