"""Rules that meet at a destination: it gets an event once, with all of them.

matched rules, in the order of the config ──> {destination: its rules}, in the order of first mention
"""

from __future__ import annotations

from collections.abc import Iterable

from relay.events import Event
from relay.rules.rule import Rule


def merge(matched: Iterable[Rule], event: Event) -> dict[str, tuple[Rule, ...]]:
    """Each destination that is to get the event, with the rules that want it there.

    Args:
        matched: The rules of one event, each once.
        event: Chooses the route, where a rule has several.
    """
    wanted: dict[str, list[Rule]] = {}
    for rule in matched:
        for destination in dict.fromkeys(rule.destinations(event)):
            wanted.setdefault(destination, []).append(rule)
    return {destination: tuple(rules) for destination, rules in wanted.items()}
