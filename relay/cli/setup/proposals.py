"""What `relay init` proposes to send where, with the number of alerts that the last day had for it. Pure.

names of destinations, Filter ──proposals──> Proposal, …: a rule each, from the widest to the narrowest
Proposal + the day's alerts ──counts──> {destination: so many} ──line──> what stands beside its number in the list
                              └──favourite──> the one that Enter takes: it sends something, and nobody more than is read

Which destination gets which part of a split follows from their names (swing, scalps, coins), else from their order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from relay.cli.counting import FLOOD
from relay.cli.setup.answers import EVERY_ALERT, Filter, Split
from relay.events import Event
from relay.rules import words
from relay.rules.match import compile_rules
from relay.rules.merge import merge
from relay.rules.rule import ELSE, Routes, Rule, Symbols
from relay.wording import counted

_FOUR_HOURS: Final = ("4H", "12H", "D", "W", "M", "Q", "Y")
_DAILY: Final = ("D", "W", "M", "Q", "Y")
_WEEKLY: Final = ("W", "M", "Q", "Y")
_NARROWER: Final = (
    (_FOUR_HOURS, "4 hours and longer"),
    (_DAILY, "daily and longer"),
    (_WEEKLY, "weekly and longer"),
)

_LONG: Final = ("swing", "daily", "long", "slow", "weekly", "position")
_SHORT: Final = ("scalp", "intraday", "day", "short", "fast", "minute", "hour")
_COINS: Final = ("crypto", "coin", "btc")


@dataclass(frozen=True, slots=True)
class _Group:
    """Alerts that go to one destination of a split.

    Attributes:
        values: Of the field that splits; ``else`` is what is left.
        called: In the list.
        likely: What the name of a destination for them may hold.
    """

    values: tuple[str, ...]
    called: str
    likely: tuple[str, ...]


_SHORTER: Final = _Group((ELSE,), "shorter", _SHORT)
_SPLITS: Final[Mapping[str, Mapping[int, tuple[_Group, ...]]]] = {
    "timeframe": {
        2: (_Group(_DAILY, "daily and longer", _LONG), _SHORTER),
        3: (
            _Group(_DAILY, "daily and longer", _LONG),
            _Group(("60", "4H", "12H"), "1 to 12 hours", ("hour", *_SHORT[:3])),
            _SHORTER,
        ),
        4: (
            _Group(_WEEKLY, "weekly and longer", ("weekly", "long", "slow", "position")),
            _Group(("D",), "daily", ("daily", "swing")),
            _Group(("60", "4H", "12H"), "1 to 12 hours", ("hour", *_SHORT[:3])),
            _SHORTER,
        ),
    },
    "asset": {
        2: (_Group(("crypto",), "crypto", _COINS), _Group((ELSE,), "the rest", ("stock", "share", "equit", "future"))),
        3: (
            _Group(("stocks",), "stocks", ("stock", "share", "equit")),
            _Group(("futures",), "futures", ("future", "index", "es", "nq")),
            _Group((ELSE,), "crypto", _COINS),
        ),
    },
}
"""By the field that splits and the number of destinations: who gets what."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rule to choose.

    Attributes:
        called: What it sends, in the list.
        to: All destinations.
        wanted: Which alerts.
        split: Who gets what; None where everyone gets all of it.
    """

    called: str
    to: tuple[str, ...]
    wanted: Filter = EVERY_ALERT
    split: Split | None = None


def proposals(names: Sequence[str], wanted: Filter = EVERY_ALERT) -> list[Proposal]:
    """What may be wanted: each to its place first, then to all of them, from much to little.

    Args:
        names: Of the destinations, in their order.
        wanted: What was asked for; its timeframes are what is proposed.
    """
    to = tuple(names)
    whose = words.listing(wanted.symbols, "or")
    asked = replace(wanted, timeframes=())
    made = [
        Proposal(f"by {by}{f' of {whose}' if whose else ''}", to, asked, split)
        for by, split in ((by, _split(by, to)) for by in _SPLITS)
        if split is not None
    ]
    made.append(Proposal(whose or "everything", to, asked))
    for timeframes, called in _NARROWER:
        made.append(Proposal(f"{whose}, {called}" if whose else called, to, replace(asked, timeframes=timeframes)))
    if asked.symbols:
        made.append(Proposal("every symbol", to, replace(asked, symbols=())))
    return made


def counts(proposal: Proposal, day: Sequence[Event]) -> dict[str, int]:
    """How many alerts of the day each destination would have got."""
    index = compile_rules([_rule(proposal)])
    found = Counter(name for event in day for name in merge(index.match(event), event))
    return {name: found[name] for name in proposal.to}


def line(proposal: Proposal, got: Mapping[str, int], *, cut: bool) -> str:
    """``daily and longer: 212 alerts``, ``by timeframe: daily and longer to swing (212), shorter to scalps (5,094)``.

    Args:
        proposal: What is proposed.
        got: As ``counts`` tells.
        cut: Not all alerts of the day were seen.
    """
    least = "at least " if cut else ""
    if proposal.split is not None:
        parts = (f"{called} to {name} ({least}{got[name]:,})" for called, name in _called(proposal.split))
        return f"{proposal.called}: {', '.join(parts)}"
    each = f" to each of {words.listing(proposal.to, 'and')}" if len(proposal.to) > 1 else ""
    return f"{proposal.called}: {least}{counted(max(got.values()), 'alert')}{each}"


def favourite(offered: Sequence[Proposal], all_counts: Sequence[Mapping[str, int]]) -> int:
    """Which to take where nobody says: the first that sends something and floods nobody, else what sends the least.

    What sends nothing is only taken where all would: who sees no alert of the last day can't tell how it will be. More
    symbols than were asked for are never taken.
    """
    asked = [proposal.wanted.symbols == offered[0].wanted.symbols for proposal in offered]
    most = [max(got.values()) for got, kept in zip(all_counts, asked, strict=True) if kept]  # the others come last
    some = [count for count in most if count]
    likely = next((count for count in some if count <= FLOOD), min(some, default=0))
    return most.index(likely)


def _split(by: str, names: tuple[str, ...]) -> Split | None:
    groups = _SPLITS[by].get(len(names))
    if groups is None:
        return None
    left = list(names)
    chosen: dict[_Group, str] = {}
    for group in groups:
        likely = next((name for name in left if any(word in name.lower() for word in group.likely)), None)
        if likely is not None:
            chosen[group] = likely
            left.remove(likely)
    for group in groups:
        if group not in chosen:
            chosen[group] = left.pop(0)
    return Split(by, tuple((group.values, chosen[group]) for group in groups))


def _called(split: Split) -> Iterator[tuple[str, str]]:
    """Each group as the list calls it, and where it goes."""
    groups = _SPLITS[split.by][len(split.routes)]
    yield from ((group.called, name) for group, (_, name) in zip(groups, split.routes, strict=True))


def _rule(proposal: Proposal) -> Rule:
    wanted, split = proposal.wanted, proposal.split
    return Rule(
        "proposed",
        proposal.to,
        symbols=Symbols(wanted.symbols),
        timeframes=frozenset(wanted.timeframes) or None,
        directions=None if wanted.direction is None else frozenset({wanted.direction}),
        routes=None
        if split is None
        else Routes(split.by, {value: (name,) for values, name in split.routes for value in values}),
    )
