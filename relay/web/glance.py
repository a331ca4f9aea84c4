"""The one sentence above everything: whether it works, and if not, what to do.

    Readiness, Status ──glance_of──> kind (good, fair, bad), headline, what is told under it, the tab's title
                      └─headline_of─> the first two: what `relay status` begins with

It is the same judgement as ``/readyz`` and ``relay status --check`` make; nothing is judged anew here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from relay.web.desk import DestinationStatus, Readiness
from relay.web.looks import WELL, LaneState, look_of
from relay.wording import counted

Kind = Literal["good", "fair", "bad"]

_NAMED: Final = 3
_GLYPHS: Final[dict[str, str]] = {"good": "✓", "fair": "▲", "bad": "✕"}


class Glance(msgspec.Struct, frozen=True):
    """What a glance is told.

    Attributes:
        kind: ``good``, ``fair`` (it runs, and something is wrong) or ``bad`` (alerts do not flow).
        headline: In a few words.
        reasons: Why alerts do not flow, each with what to do.
        degraded: What else is wrong, likewise.
        notes: What a person wants so, or has to decide.
        title: Of the tab, where it is in the background.
    """

    kind: Kind
    headline: str
    reasons: tuple[str, ...]
    degraded: tuple[str, ...]
    notes: tuple[str, ...]
    title: str


def headline_of(readiness: Readiness, states: Iterable[str] = ()) -> tuple[Kind, str]:
    """How it stands, in a word and in a few.

    Args:
        readiness: What is judged.
        states: How the destinations stand; one that has just begun to fail is no trouble yet, and not well.
    """
    if not readiness.ready:
        return "bad", "Not ready"
    if readiness.degraded:
        return "fair", f"It runs, with {_troubles(readiness)}"
    return "good", "Alerts flow" if LaneState.BACKING_OFF in states else "All is well"


def _troubles(readiness: Readiness) -> str:
    return "one trouble" if len(readiness.degraded) == 1 else f"{len(readiness.degraded)} troubles"


def glance_of(readiness: Readiness, notes: Sequence[str] = (), lanes: Sequence[DestinationStatus] = ()) -> Glance:
    """How it stands.

    Args:
        readiness: What is judged.
        notes: Those that the store counts.
        lanes: The destinations, as ``headline_of`` asks for their states.
    """
    kind, headline = headline_of(readiness, [one.state for one in lanes])
    short = _troubles(readiness) if kind == "fair" else headline.lower()
    title = f"{_GLYPHS[kind]} {short} · Relay"
    return Glance(kind, headline, readiness.reasons, readiness.degraded, (*readiness.notes, *notes), title)


def lanes_in_words(lanes: Sequence[DestinationStatus]) -> str:
    """``3 destinations``; ``5 destinations (bot is backing off, ops is off)`` where some are not well."""
    ailing = [one for one in lanes if one.state is not LaneState.REMOVED and look_of(one.state) not in WELL]
    named = [f"{one.name} is {one.state}" for one in ailing[:_NAMED]]
    if len(ailing) > _NAMED:
        named.append("and more")
    return counted(len(lanes), "destination") + (f" ({', '.join(named)})" if named else "")


def unreadable(readiness: Readiness, problem: str) -> Glance:
    """How it stands where the store can't be read, and ``problem`` says why, unless ``readiness`` does."""
    problem = problem.rstrip(".")
    told = any(problem in one for one in (*readiness.reasons, *readiness.degraded))  # damage is, mere slowness is not
    reasons = (*(() if told else (f"{problem}.",)), *readiness.reasons)
    headline, title = "What is stored can't be shown", f"{_GLYPHS['bad']} the store can't be read · Relay"
    return Glance("bad", headline, reasons, readiness.degraded, readiness.notes, title)
