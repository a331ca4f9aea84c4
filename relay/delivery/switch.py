"""Whether a lane is on, paused by a person, or off by its destination's answer: here at once, in the store for good.

What holds always:

* Off and paused count from the moment they are asked for; on counts from when it is noted, so that the queue is read
  as the store has it then.
* While a person's switch is being noted the lane is not on, whatever it was: what they drop or pause does not slip out.
* The last one asked for wins, in the order in which the store is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

from relay.clock import MICROS, Clock
from relay.outbox.base import DestinationState, Outbox, Switch

_log = structlog.get_logger()


class LaneSwitch:
    """One lane's switch.

    Args:
        fingerprint: Of the destination's config: one that was switched off under another config goes on.
    """

    def __init__(self, name: str, outbox: Outbox, clock: Clock, fingerprint: str) -> None:
        self._name = name
        self._outbox = outbox
        self._clock = clock
        self._fingerprint = fingerprint
        self._restored = asyncio.Event()
        self._by_hand = asyncio.Lock()
        self._state = self._wanted = DestinationState()

    @property
    def is_on(self) -> bool:
        """Whether the lane may read its queue and send."""
        return self._restored.is_set() and self._state.switch is Switch.ON and not self._by_hand.locked()

    @property
    def state(self) -> DestinationState:
        """How it stands, for a person."""
        return self._state

    async def restore(self) -> float:
        """Take up what the last run knew, the first time this is called.

        Returns:
            For how many seconds the destination still asks for nothing.

        Raises:
            StoreBusyError: The store can't be read now; call again.
        """
        if self._restored.is_set():
            return 0.0
        state = await self._outbox.destination(self._name)
        if state.switch is Switch.OFF and state.fingerprint != self._fingerprint:
            _log.info("destination has a new config and is switched on", destination=self._name)
            state = DestinationState(since_us=self._clock.now_us())
            await self._outbox.switch(self._name, state)
        self._state = self._wanted = state
        if state.switch is not Switch.ON:
            _log.warning("destination takes nothing", destination=self._name, switch=state.switch, **_why(state))
        self._restored.set()
        # Should the clock have been set back, then at least no longer than was asked for.
        left_us = min(state.held_until_us - self._clock.now_us(), state.held_until_us - state.held_since_us)
        return max(0, left_us) / MICROS

    @asynccontextmanager
    async def by_hand(self) -> AsyncIterator[None]:
        """Around what a person asks for: one at a time, after the last run's state is known, with the lane standing."""
        await self._restored.wait()
        async with self._by_hand:
            yield

    async def at_rest(self) -> None:
        """Return when nothing that a person asked for is being noted."""
        async with self._by_hand:
            pass

    def turn(self, switch: Switch, reason: str = "") -> Coroutine[Any, Any, None]:
        """Switch it now; returns the note of it, to be awaited."""
        state = DestinationState(switch, reason, self._clock.now_us(), self._fingerprint)
        if self._state.switch is not switch:
            _log.warning("destination switched", destination=self._name, switch=switch.value, **_why(state))
        if switch is not Switch.ON:
            self._state = state
        self._wanted = state
        return self._note(state)

    async def _note(self, state: DestinationState) -> None:
        await self._outbox.switch(self._name, state)
        if state is self._wanted:  # nobody has switched it once more meanwhile
            self._state = state


def _why(state: DestinationState) -> dict[str, str]:
    """The reason of it for a log; nothing where it needs none."""
    return {"reason": state.reason} if state.reason else {}
