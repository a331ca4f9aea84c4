"""What apprise is given: a title and a plain text, short enough for the shortest of its services.

    one alert   ──> title: its headline      text: what kind, facts, when, rules, chart
    up to ten   ──> title: how many          text: two lines each
    a template  ──> title: the headline      text: what the template gives, one alert at a time, below its remarks

Limits are Pushover's (pushover.net/api#limits: 1024 characters of text, 250 of title), the least of the common ones; a
service with a smaller one gets several messages from apprise. Shares add up to less, so one alert always fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from relay.clock import isoformat
from relay.deliveries import Message
from relay.destinations.body import chat_variables, unsaid
from relay.destinations.charts import chart_url
from relay.destinations.config import Late
from relay.destinations.notice import TITLE as NOTICE_TITLE
from relay.destinations.notice import Notice, words
from relay.destinations.texts import PRICE, byline, facts, fit, headline, remarks, rule_names, width
from relay.events import Source
from relay.template import BodyTemplate, RenderError

MOST: Final = 10
"""Alerts in one message."""
TITLE: Final = 200
BODY: Final = 1000
_LINE: Final = 150
_LINK: Final = 200

_LATE_OVER: Final = Late().over


class Note(msgspec.Struct, frozen=True):
    """A message as every service takes it."""

    title: str
    body: str


def note_of(batch: Sequence[Message], template: BodyTemplate | None) -> Note:
    """The message for ``batch``, which ``fits``.

    Raises:
        RenderError: The template fails for it, or gives no text.
    """
    first, *others = batch
    if others:
        return Note(f"{len(batch)} alerts", _quiet("\n".join(map(_brief, batch))))
    title = _quiet(fit(headline(first), TITLE))
    if template is None:
        return Note(title, _quiet("\n".join(_lines(first))))
    body = template.render(chat_variables(first, pinged=(), late_over=_LATE_OVER)).decode().strip()
    if not body:
        raise RenderError("the template gives no text for this alert")
    said = " · ".join(unsaid(template, first, _LATE_OVER))
    return Note(title, f"{said}\n{body}" if said else body)


def notice_note(notice: Notice) -> Note:
    """The message for the relay's own notice."""
    return Note(NOTICE_TITLE, _quiet(fit(words(notice), BODY)))


def fits(waiting: Sequence[Message]) -> int:
    """How many of the first go into one message, at least one."""
    room = BODY
    count = 0
    for message in waiting[:MOST]:
        room -= width(_brief(message)) + 1
        if room < 0:
            break
        count += 1
    return max(count, 1)


def _quiet(text: str) -> str:
    """``text`` that pings nobody: many services read ``@name`` and ``<@&id>`` in what they are sent."""
    return text.replace("@", "\N{FULLWIDTH COMMERCIAL AT}")


def _brief(message: Message) -> str:
    """An alert among others, in two lines."""
    said = " · ".join((headline(message), *remarks(message, _LATE_OVER)))
    price = next((value for label, value in facts(message.delivery) if label == PRICE), "")
    known = " · ".join(filter(None, (price, _when(message))))
    return f"{fit(said, _LINE)}\n{fit(known, _LINE)}"


def _lines(message: Message) -> Iterator[str]:
    """An alert that has the message to itself."""
    event = message.delivery.event
    yield fit(" · ".join((byline(message), *remarks(message, _LATE_OVER))), _LINE)
    known = " · ".join(f"{label} {value}" for label, value in facts(message.delivery))
    if known:
        yield fit(known, 2 * _LINE)
    yield _when(message)
    names = rule_names(message)
    if names:
        yield fit(names, _LINE)
    url = chart_url(event)
    if url is not None and message.delivery.source is not Source.TEST and len(url) <= _LINK:
        yield url


def _when(message: Message) -> str:
    """When it triggered, to the second."""
    moment = isoformat(message.delivery.happened_us)
    return f"{moment[:10]} {moment[11:19]} UTC"
