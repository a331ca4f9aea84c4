"""All lanes together: started, woken, stopped as one; nothing is shared between them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from relay.delivery.lane import Lane


class Dispatcher:
    """Runs a lane for each destination."""

    def __init__(self, lanes: Iterable[Lane]) -> None:
        self._lanes = {lane.name: lane for lane in lanes}

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """Lanes by the name of their destination."""
        return self._lanes

    def notify(self, destinations: Iterable[str]) -> None:
        """Something new was committed for these."""
        for name in destinations:
            lane = self._lanes.get(name)
            if lane is not None:
                lane.notify()

    async def run(self) -> None:
        """Run every lane until ``stop``."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes.values():
                group.create_task(lane.run(), name=f"lane-{lane.name}")

    def stop(self) -> None:
        """Begin no attempt any more; ``run`` returns when those under way have ended."""
        for lane in self._lanes.values():
            lane.stop()

    def abort(self) -> None:
        """Give up the attempts under way."""
        for lane in self._lanes.values():
            lane.abort()
