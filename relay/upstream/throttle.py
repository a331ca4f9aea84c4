"""Once per key and minute: what a faulty peer repeats a thousand times a second is one line in the log."""

from __future__ import annotations

from typing import Final

from relay.clock import Clock

_EVERY: Final = 60.0


class LogThrottle:
    """Says whether a line may be written now. Keys come from a closed set, so nothing grows."""

    def __init__(self, clock: Clock, *, every: float = _EVERY) -> None:
        self._clock = clock
        self._every = every
        self._last: dict[str, tuple[float, int]] = {}

    def admit(self, key: str) -> int | None:
        """How many lines with this key were held back since the last one, or None when this one is held back too."""
        now = self._clock.monotonic()
        last = self._last.get(key)
        if last is not None and now - last[0] < self._every:
            self._last[key] = (last[0], last[1] + 1)
            return None
        self._last[key] = (now, 0)
        return last[1] if last is not None else 0
