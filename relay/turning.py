"""Whether what should turn turns: a loop that stands still is told from one that has nothing to do.

    reader · store · lanes ──Sign──> Movement.stuck ──> the names of those that stand still
                                        (over many looks)

A loop stands still when it was due at every look for longer than it may be, and has not turned once meanwhile. What
cannot go on for reasons that no restart mends is not due: a lane that backs off, a store that waits for room.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Sign(msgspec.Struct, frozen=True):
    """A loop at one look.

    Attributes:
        turns: How often it has turned.
        due: Something waits for it, and nothing but itself holds that up.
        patience: Seconds for which it may be due without a turn.
    """

    turns: int
    due: bool
    patience: float


class Movement:
    """Tells a loop that stands still from one that has nothing to do, over many looks."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[int, float]] = {}

    def stuck(self, signs: Mapping[str, Sign], now: float) -> list[str]:
        """Those that stand still, by name.

        Args:
            signs: Of every loop there is.
            now: Monotonic seconds.
        """
        since: dict[str, tuple[int, float]] = {}
        for name, sign in signs.items():
            if sign.due:
                before = self._since.get(name)
                since[name] = before if before is not None and before[0] == sign.turns else (sign.turns, now)
        self._since = since
        return [name for name, (_, began) in since.items() if now - began > signs[name].patience]
