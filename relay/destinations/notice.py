"""What the relay says of itself: not an alert, and never shown as one.

    Trouble, … ─┬─Notice──> words ──a chat: escaped, pings nobody──> a plain message
    good news ──┘    └──payload──> JSON, signed like any other ──> a webhook

A notice goes past queues, templates, digests and pings: none of them may hold back, fail on or decorate the word that
something is wrong.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from typing import Final

import msgspec

from relay.clock import isoformat
from relay.destinations.texts import clean

NOTICE_TYPE: Final = "relay.notice"
SEVERAL: Final = "several"
"""``trouble`` of a notice of different troubles."""
NONE: Final = "none"
"""``trouble`` of a notice that tells of none: the relay is up."""

TITLE: Final = "The relay's own notice"


class TroubleKind(StrEnum):
    """What is wrong, as programs tell it."""

    EVICTED = "evicted"
    REJECTED = "rejected"
    SWITCHED_OFF = "switched_off"
    DEAD_LETTERS = "dead_letters"
    HOLE = "hole"
    BACKFILL_REFUSED = "backfill_refused"
    STORE = "store"
    DISK = "disk"
    RELOAD_FAILED = "reload_failed"


class Trouble(msgspec.Struct, frozen=True):
    """One thing that is wrong.

    Attributes:
        kind: What.
        subject: Whose: a destination's or a channel's name; empty where it is the relay's as a whole.
        text: One sentence for a person, without a secret and a full stop.
        hint: What to do about it, alike; may be empty.
        step: Which of several words on the same thing this is (dead letters: the number passed); else 0.
    """

    kind: TroubleKind
    subject: str
    text: str
    hint: str = ""
    step: int = 0

    @property
    def key(self) -> str:
        """The same for the same trouble told again."""
        return f"{self.kind.value}:{self.subject}:{self.step}"


class Notice(msgspec.Struct, frozen=True):
    """What goes out as one.

    Attributes:
        id: Stable over its attempts, new for each notice; ``msg_`` and 32 hex digits.
        at_us: When it was made, µs since the epoch.
        troubles: At least one, where there is no news.
        simulated: The upstream is a simulator.
        news: A sentence that is no trouble, without a full stop; empty where there is none.
    """

    id: str
    at_us: int
    troubles: tuple[Trouble, ...]
    simulated: bool = False
    news: str = ""


def notice_of(troubles: tuple[Trouble, ...], *, now_us: int, simulated: bool) -> Notice:
    """A new notice of ``troubles``, of which there is at least one."""
    return Notice(f"msg_{uuid.uuid4().hex}", now_us, troubles, simulated)


def news_of(text: str, *, now_us: int, simulated: bool) -> Notice:
    """A new notice of what is no trouble: one sentence, without a secret and a full stop."""
    return Notice(f"msg_{uuid.uuid4().hex}", now_us, (), simulated, text)


def words(notice: Notice) -> str:
    """A notice for people: each trouble in a line or two, without markup."""
    return "\n".join(_lines(notice))


def _lines(notice: Notice) -> Iterator[str]:
    said = "relay, simulated" if notice.simulated else "relay"
    if notice.news:
        yield f"✅ {said}: {clean(notice.news)}"
    for trouble in notice.troubles:
        yield f"⚠️ {said}: {clean(trouble.text)}"
        if trouble.hint:
            yield f"→ {clean(trouble.hint)}"


def _joined(texts: Iterable[str]) -> str:
    """The texts as one, each once."""
    return "; ".join(dict.fromkeys(clean(text).rstrip(".") for text in texts if text))


def _trouble(kinds: Collection[str]) -> str:
    """What a program is told of them all."""
    if len(kinds) > 1:
        return SEVERAL
    return next(iter(kinds), NONE)


def payload(notice: Notice, destination: str) -> dict[str, object]:
    """A notice for programs, in the form of an alert's body: ``type``, ``timestamp``, ``data`` and ``relay``.

    Args:
        notice: What is said; the same in each attempt.
        destination: The name in the config.
    """
    kinds = {trouble.kind.value for trouble in notice.troubles}
    return {
        "type": NOTICE_TYPE,
        "timestamp": isoformat(notice.at_us),
        "data": {
            "trouble": _trouble(kinds),
            "text": _joined([notice.news, *(trouble.text for trouble in notice.troubles)]),
            "hint": _joined(trouble.hint for trouble in notice.troubles),
            "troubles": [
                {
                    "trouble": trouble.kind.value,
                    "subject": trouble.subject,
                    "text": _joined([trouble.text]),
                    "hint": _joined([trouble.hint]),
                }
                for trouble in notice.troubles
            ],
        },
        "relay": {
            "destination": destination,
            "source": "notice",
            "simulated": notice.simulated,
        },
    }
