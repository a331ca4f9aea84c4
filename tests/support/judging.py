"""What judging asks of its surroundings, for tests."""

from __future__ import annotations

from relay.events import Event
from relay.outbox.memory import Snooze


class Awake:
    """Nothing is snoozed but what a test says."""

    def __init__(self) -> None:
        self.rules: dict[str, Snooze] = {}
        self.destinations: dict[str, Snooze] = {}
        self.symbols: dict[str, Snooze] = {}

    def rule(self, name: str) -> Snooze | None:
        return self.rules.get(name)

    def destination(self, name: str) -> Snooze | None:
        return self.destinations.get(name)

    def event(self, event: Event) -> Snooze | None:
        return self.symbols.get(event.symbol or "")
