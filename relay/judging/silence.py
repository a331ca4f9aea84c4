"""What a person means who asks for silence: which rule, destination or symbol, and for how long.

    "daily bulls" · "AAPL" ──subject──> (rule, daily bulls) · (symbol, AAPL), or an error that names the nearest
    silence · wake ──subject──> Snoozes.begin · Snoozes.end

A relay that runs and a verb that works on the store ask the same functions, so that a name means the same to both.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from relay.durations import format_duration, parse_duration
from relay.errors import UsageError
from relay.judging.snoozes import LONGEST, Snoozes
from relay.outbox.memory import Snooze, SnoozeKind

_SYMBOL: Final = re.compile(r"[a-z0-9^$][a-z0-9.\-=!/:^_]{0,31}", re.ASCII | re.IGNORECASE)
_NEAR: Final = 0.6  # as difflib has it: worth naming where nothing else would do
_TYPO: Final = 0.75  # so near that a symbol is hardly meant; AAPL is no mistyped "apple"
_NAMED: Final = 20  # names in a hint
_LONG: Final = 200  # characters beyond which nobody looks for a typo


class UnknownNameError(UsageError):
    """There is nothing of that name; the hint says what is nearest."""


class AmbiguousNameError(UsageError):
    """There are several things of that name; the hint says how to choose."""


class Names(msgspec.Struct, frozen=True):
    """What a config has names for."""

    rules: Sequence[str]
    destinations: Sequence[str]


class Subject(NamedTuple):
    """What is to be silent; a symbol's name is in upper case."""

    kind: SnoozeKind
    name: str

    def __str__(self) -> str:
        return f"the {self.kind} {self.name!r}"


def length(text: str) -> float:
    """Seconds of a snooze, 0 to end one.

    Raises:
        ValueError: It is no duration, or too long a one.
    """
    seconds = parse_duration(text)
    if seconds > LONGEST:
        longest = format_duration(LONGEST)
        raise ValueError(f"a snooze lasts {longest} at most; a rule that is not wanted has `enabled: false`")
    return seconds


def subject(given: str, names: Names, kind: SnoozeKind | None = None) -> Subject:
    """What ``given`` is a name of.

    As the config spells it before any other case, and what the config names before symbols. What nothing is called is a
    symbol, unless it looks like a mistyped name.

    Args:
        given: As a person wrote it.
        names: What else than a symbol there is.
        kind: Look at these only; a symbol is then taken as it is.

    Raises:
        UnknownNameError: It is nothing of that kind.
        AmbiguousNameError: It is several things.
    """
    known = _known(names, kind)
    found = [one for one in known if one.name == given] or _folded(given, known)
    if len(found) > 1:
        raise _ambiguous(given, found)
    if found:
        return found[0]
    possible = kind in {None, SnoozeKind.SYMBOL} and _SYMBOL.fullmatch(given.strip()) is not None
    near = _begun(given, known) or _nearest(given, known, cutoff=_TYPO if possible else _NEAR)
    if possible and near is None:
        return Subject(SnoozeKind.SYMBOL, given.strip().upper())
    raise _unknown(given, kind, near, known, symbol=possible)


async def silence(snoozes: Snoozes, names: Names, given: str, seconds: float, kind: SnoozeKind | None = None) -> Snooze:
    """Snooze what ``given`` names, for so many seconds from now, in place of an earlier snooze of it.

    Raises:
        UnknownNameError: It is nothing of that kind.
        AmbiguousNameError: It is several things.
        StoreBusyError: The store does not take it, and nothing is snoozed.
    """
    meant = await asyncio.to_thread(subject, given, names, kind)  # among thousands of rules a typo takes its time
    return await snoozes.begin(meant.kind, meant.name, seconds)


async def wake(
    snoozes: Snoozes, names: Names, given: str | None = None, kind: SnoozeKind | None = None
) -> list[Snooze]:
    """End the snooze of what ``given`` names, or all; the snoozes that were ended.

    What is snoozed is looked at first: a rule that the config no longer has can be woken, too.

    Raises:
        UnknownNameError: Nothing of that name is snoozed, or could be.
        AmbiguousNameError: Several things of that name are snoozed.
        StoreBusyError: The store does not take it.
    """
    asleep = [snooze for snooze in snoozes.active() if kind in {None, snooze.kind}]
    if given is not None:
        called = [Subject(snooze.kind, snooze.name) for snooze in asleep]
        exact = [one for one in called if one.name == given]
        if not exact and any(one.name == given for one in _known(names, kind)):
            return []
        found = exact or _folded(given, called)
        if len(found) > 1:
            raise _ambiguous(given, found)
        if not found:
            await asyncio.to_thread(subject, given, names, kind)
            return []
        asleep = [snooze for snooze in asleep if (snooze.kind, snooze.name) == found[0]]
    return [snooze for snooze in asleep if await snoozes.end(snooze.kind, snooze.name)]


def _known(names: Names, kind: SnoozeKind | None) -> list[Subject]:
    of = {SnoozeKind.RULE: names.rules, SnoozeKind.DESTINATION: names.destinations}
    return [Subject(one, name) for one, kept in of.items() if kind in {None, one} for name in kept]


def _folded(given: str, among: Iterable[Subject]) -> list[Subject]:
    folded = given.strip().casefold()
    return [one for one in among if one.name.strip().casefold() == folded]


def _begun(given: str, known: Iterable[Subject]) -> Subject | None:
    """What begins with the very words that were given: one who writes ``daily`` for ``daily bulls`` means no ticker."""
    words = given.strip().casefold().split()
    if not any(char.islower() for char in given):  # in capitals it is a ticker
        return None
    return next((one for one in known if words and one.name.casefold().split()[: len(words)] == words), None)


def _nearest(given: str, known: Sequence[Subject], *, cutoff: float) -> Subject | None:
    if len(given) > _LONG:
        return None
    by_name = {one.name.casefold(): one for one in known}
    near = difflib.get_close_matches(given.strip().casefold(), by_name, n=1, cutoff=cutoff)
    return by_name[near[0]] if near else None


def _ambiguous(given: str, found: Sequence[Subject]) -> AmbiguousNameError:
    kinds = list(dict.fromkeys(one.kind for one in found))
    hint = "Write the name as the config does."
    if len(kinds) > 1:
        options, keys = (" or ".join(f"{mark}{kind}" for kind in kinds) for mark in ("--", ""))
        hint = f"Say {options} (over HTTP: {keys} instead of name)."
    return AmbiguousNameError(f"{given!r} is {' and '.join(map(str, found))}", hint=hint)


def _unknown(
    given: str, kind: SnoozeKind | None, near: Subject | None, known: Sequence[Subject], *, symbol: bool
) -> UnknownNameError:
    if kind is SnoozeKind.SYMBOL:
        return UnknownNameError(f"{given[:_LONG]!r} is no symbol", hint="Name one, without * or ?, like BTC-USD.")
    what = f"no {kind}" if kind is not None else "no rule or destination"
    hint = ""
    if near is not None:
        hint = f"Did you mean {near}?"
    elif 0 < len(known) <= _NAMED:
        hint = f"There are: {', '.join(str(one) if kind is None else one.name for one in known)}."
    if symbol:
        hint += " Where a symbol is meant, say --symbol (over HTTP: symbol instead of name)."
    return UnknownNameError(f"there is {what} {given[:_LONG]!r}", hint=hint.strip())
