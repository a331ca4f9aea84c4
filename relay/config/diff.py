"""What changes from one config to another, for people and for programs.

    Outline, Outline ──changes──> Changes ─┬─lines──> words
                                           └─plain──> JSON

Pure, and without a secret: an outline holds none.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from relay.config.outline import AT_ONCE, DestinationOutline, Outline, Setting
from relay.rules.words import listing

NOTHING: Final = "nothing would change"


class RuleSaid(msgspec.Struct, frozen=True):
    """A rule that came or went."""

    name: str
    sentence: str


class RuleChange(msgspec.Struct, frozen=True):
    """A rule that means something else; the sentences may be equal where a long list differs beyond what they show."""

    name: str
    before: str
    after: str


class RuleChanges(msgspec.Struct, frozen=True):
    """What changes of the rules; ``moved`` are those whose place among the others does."""

    added: tuple[RuleSaid, ...] = ()
    removed: tuple[RuleSaid, ...] = ()
    changed: tuple[RuleChange, ...] = ()
    moved: tuple[str, ...] = ()


class ValueChange(msgspec.Struct, frozen=True):
    """A key that says something else; empty is none."""

    before: str
    after: str


class DestinationChange(msgspec.Struct, frozen=True):
    """A destination whose config changes.

    Attributes:
        name: Its name.
        keys: Those that change.
        values: Of those among them that can't be secret, from what to what.
    """

    name: str
    keys: tuple[str, ...]
    values: Mapping[str, ValueChange] = {}


class DestinationChanges(msgspec.Struct, frozen=True):
    """What changes of the destinations."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[DestinationChange, ...] = ()


class SubscriptionChanges(msgspec.Struct, frozen=True):
    """Channels to subscribe to and to leave, with their symbols; none where it is the whole channel."""

    added: Mapping[str, tuple[str, ...]] = {}
    removed: Mapping[str, tuple[str, ...]] = {}


class SettingChange(msgspec.Struct, frozen=True):
    """Another setting; ``restart`` where it waits for one."""

    key: str
    before: str
    after: str
    restart: bool


class Changes(msgspec.Struct, frozen=True):
    """What a reload changes."""

    rules: RuleChanges = RuleChanges()
    destinations: DestinationChanges = DestinationChanges()
    subscriptions: SubscriptionChanges = SubscriptionChanges()
    settings: tuple[SettingChange, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything does."""
        return self != Changes()

    @property
    def restart(self) -> tuple[str, ...]:
        """Keys of what waits for a restart."""
        return tuple(setting.key for setting in self.settings if setting.restart)


def changes(before: Outline, after: Outline) -> Changes:
    """What changes when ``after`` takes the place of ``before``."""
    return Changes(
        rules=_rules(before, after),
        destinations=_destinations(before, after),
        subscriptions=SubscriptionChanges(
            _beyond(after.subscriptions, before.subscriptions), _beyond(before.subscriptions, after.subscriptions)
        ),
        settings=tuple(_settings(before, after)),
    )


def lines(found: Changes) -> Iterator[str]:
    """``found`` for a person, a change a line; what waits for a restart comes last."""
    if not found:
        yield NOTHING
    yield from _lines_of_destinations(found.destinations)
    yield from _lines_of_rules(found.rules)
    for channel, symbols in found.subscriptions.added.items():
        yield f"+ subscription to {_channel(channel, symbols)}"
    for channel, symbols in found.subscriptions.removed.items():
        yield f"- subscription to {_channel(channel, symbols)}"
    for setting in sorted(found.settings, key=lambda setting: setting.restart):
        # two secrets look alike
        said = "changed" if setting.before == setting.after else _from_to(setting.before, setting.after)
        yield f"~ {setting.key}: {said}{' (needs a restart)' if setting.restart else ''}"


def plain(found: Changes) -> dict[str, object]:
    """``found`` as JSON."""
    return {**msgspec.to_builtins(found), "restart": list(found.restart)}


def _lines_of_destinations(found: DestinationChanges) -> Iterator[str]:
    for name in found.added:
        yield f"+ destination {name}"
    for name in found.removed:
        yield f"- destination {name}; what waits for it is kept"
    for change in found.changed:
        for key, value in change.values.items():
            yield f"~ destination {change.name}: {key}: {_from_to(value.before, value.after)}"
        told = set(map(_head, change.values))
        untold = [key for key in change.keys if key not in told]
        if untold or not change.keys:
            yield f"~ destination {change.name}: {listing(untold, 'and')}"


def _from_to(before: str, after: str) -> str:
    return f"{before or 'none'} -> {after or 'none'}"


def _lines_of_rules(found: RuleChanges) -> Iterator[str]:
    for rule in found.added:
        yield f"+ rule {rule.sentence}"
    for rule in found.removed:
        yield f"- rule {rule.sentence}"
    for changed in found.changed:
        if changed.before == changed.after:
            yield f"~ rule {changed.after} (it differs in what is not said here)"
        else:
            yield f"~ rule {changed.before}"
            yield f"    now {changed.after}"
    if found.moved:
        yield f"~ order of rules: {listing(found.moved, 'and')}"


def _channel(channel: str, symbols: Sequence[str]) -> str:
    return f"{channel} of {listing(symbols, 'and')}" if symbols else channel


def _rules(before: Outline, after: Outline) -> RuleChanges:
    old = {rule.name: rule for rule in before.rules}
    new = {rule.name: rule for rule in after.rules}
    places = {name: place for place, name in enumerate(old)}
    return RuleChanges(
        added=tuple(RuleSaid(name, rule.sentence) for name, rule in new.items() if name not in old),
        removed=tuple(RuleSaid(name, rule.sentence) for name, rule in old.items() if name not in new),
        changed=tuple(
            RuleChange(name, old[name].sentence, rule.sentence)
            for name, rule in new.items()
            if name in old and (old[name].fingerprint, old[name].sentence) != (rule.fingerprint, rule.sentence)
        ),
        moved=tuple(_moved([name for name in new if name in old], places)),
    )


def _moved(names: Sequence[str], places: Mapping[str, int]) -> Iterator[str]:
    """The fewest of ``names`` whose move explains their order: all but a longest run that rises in ``places``."""
    ends: list[int] = []  # the least place in which a rising run of each length can end
    length_at: list[int] = []
    for name in names:
        at = bisect_left(ends, places[name])
        ends[at : at + 1] = [places[name]]
        length_at.append(at + 1)
    kept: set[str] = set()
    wanted, below = len(ends), len(places)
    for name, length in zip(reversed(names), reversed(length_at), strict=True):
        if length == wanted and places[name] < below:
            kept.add(name)
            wanted, below = wanted - 1, places[name]
    return (name for name in names if name not in kept)


def _destinations(before: Outline, after: Outline) -> DestinationChanges:
    old, new = before.destinations, after.destinations
    return DestinationChanges(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(
            _destination(name, old[name], new[name])
            for name in new
            if name in old and old[name].fingerprint != new[name].fingerprint
        ),
    )


def _destination(name: str, old: DestinationOutline, new: DestinationOutline) -> DestinationChange:
    keys = tuple(_differing(old.keys, new.keys))
    told = {
        key: ValueChange(old.values[key], value)
        for key, value in new.values.items()
        if _head(key) in keys and old.values.get(key, value) != value
    }
    return DestinationChange(name, keys, told)


def _head(key: str) -> str:
    """Of ``retry.max`` the ``retry``, by which a destination's keys are known."""
    return key.partition(".")[0]


def _differing(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    return (key for key in dict.fromkeys((*new, *old)) if old.get(key) != new.get(key))


def _beyond(these: Mapping[str, tuple[str, ...]], those: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """What is subscribed by ``these`` and not by ``those``."""
    found: dict[str, tuple[str, ...]] = {}
    for channel, symbols in these.items():
        had = set(those.get(channel, ()))
        more = tuple(symbol for symbol in symbols if symbol not in had)
        if more or channel not in those:
            found[channel] = more
    return found


def _settings(before: Outline, after: Outline) -> Iterator[SettingChange]:
    none = Setting("")
    for key in dict.fromkeys((*before.settings, *after.settings)):
        old, new = before.settings.get(key, none), after.settings.get(key, none)
        if old != new:
            yield SettingChange(key, old.value, new.value, restart=key not in AT_ONCE)
