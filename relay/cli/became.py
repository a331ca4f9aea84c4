"""What became of a stored event, delivery by delivery, as ``relay explain`` begins with it.

Given ──its number──> the running relay, else the store ──> Became ──said──> Line, one a delivery, in its order
                                                                   └─plain──> for a program
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from relay.cli.archive import archive
from relay.cli.given import Given
from relay.cli.listed import fate
from relay.cli.wording import moment
from relay.config.model import Config
from relay.deliveries import State
from relay.events import Instant, Source
from relay.outbox.archive import PAGE, Selection, page_by_page
from relay.outbox.listings import why_nowhere
from relay.redaction import redact
from relay.rules import words

_GOOD: Final = {"delivered": True, "dead": False}
_TOLD: Final = ("id", "destination", "state", "updated_at", "last_code", "last_error", "rules", "source")


class Became(NamedTuple):
    """What was made of an event.

    Attributes:
        deliveries: As a listing shows them, the first first.
        nowhere: Why there is none, as far as that is known; else empty.
    """

    deliveries: Sequence[Mapping[str, Any]]
    nowhere: str


class Line(NamedTuple):
    """A delivery to be read: where to, how it stands, whether that is good (None: neither), and when and why."""

    name: str
    word: str
    good: bool | None
    text: str


async def became(config: Config, given: Given) -> Became | None:
    """What became of it; None where it is not stored.

    Raises:
        RelayError: Neither a running relay nor the store can be asked.
    """
    if given.item is None:
        return None
    selection = Selection(event=str(given.item["id"]))
    async with archive(config) as reached:
        page = await page_by_page(
            lambda before, size: reached.archive.list_deliveries(selection=selection, before=before, limit=size), PAGE
        )
    return Became(page.items[::-1], "" if page.items else why_nowhere({**given.item, "deliveries": {}}))


def said(found: Became, now_us: int) -> Iterator[Line]:
    """``swing: delivered; at 17:22:28 UTC; for daily bulls``."""
    for item in found.deliveries:
        word, at = fate(item), Instant.parse(item.get("updated_at"))
        rules = () if word == State.SUPPRESSED else item.get("rules") or ()  # its reason names the rule
        texts = (
            "" if at is None else f"at {moment(at.us, now_us)}",
            _reason(item),
            f"for {words.listing(rules, 'and')}" if rules else "",
            "sent again by hand" if item.get("source") == Source.REPLAY.value else "",
        )
        yield Line(str(item.get("destination")), word, _GOOD.get(word), "; ".join(filter(None, texts)))


def _reason(item: Mapping[str, Any]) -> str:
    """Of what was not delivered; of a suppressed one in a sentence that may name the rule, or in a word."""
    if item.get("state") == State.DELIVERED:
        return ""
    return redact(str(item.get("last_error") or item.get("last_code") or ""))


def plain(found: Became | None) -> dict[str, object] | None:
    """For a program."""
    if found is None:
        return None
    items = [
        {**{name: item.get(name) for name in _TOLD}, "last_error": redact(str(item.get("last_error") or ""))}
        for item in found.deliveries
    ]
    return {"deliveries": items, "text": found.nowhere or None}
