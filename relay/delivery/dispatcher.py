"""All lanes together: started, woken, changed, stopped as one; nothing is shared between them.

    change:  the same lane again ──> goes on, untouched
             another lane        ──> waits for the former one of its name ──inherits──> runs
             none, kept          ──> begins nothing more; its queue stays in the store
             none, drained       ──> leaving: goes on until its queue is empty

What holds always:

* Of one name at most one lane runs. The next one claims when the attempts of the former have ended and are noted:
  nothing is sent twice, and order is kept, however often lanes change meanwhile.
* A change waits for nobody: a destination that hangs holds up its own successor, up to its time-out, and nothing else.
* A lane that breaks down ends ``run``, and so does nothing but that and ``stop``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import structlog

from relay.delivery.lane import Lane

_log = structlog.get_logger()


class _Turn(NamedTuple):
    """The last lane of a name, and the task that runs it when the former has ended."""

    lane: Lane
    task: asyncio.Task[None]


class Dispatcher:
    """Runs a lane for each destination."""

    def __init__(self, lanes: Iterable[Lane]) -> None:
        self._lanes: dict[str, Lane] = {lane.name: lane for lane in lanes}
        self._leaving: dict[str, Lane] = {}
        self._last: dict[str, _Turn] = {}
        self._unended: set[Lane] = set()
        self._group: asyncio.TaskGroup | None = None
        self._stopping = asyncio.Event()

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """Lanes by the name of their destination; one that waits for its former is among them."""
        return MappingProxyType(self._lanes)

    @property
    def leaving(self) -> Mapping[str, Lane]:
        """Lanes of removed destinations that go on until their queue is empty."""
        return MappingProxyType(self._leaving)

    def in_flight(self, name: str) -> int:
        """Requests to a destination that are out, those of lanes included that end with them."""
        return sum(lane.status().in_flight for lane in self._unended if lane.name == name)

    def notify(self, destinations: Iterable[str]) -> None:
        """Something new was committed for these."""
        for name in destinations:
            lane = self._lanes.get(name) or self._leaving.get(name)
            if lane is not None:
                lane.notify()

    def change(self, lanes: Mapping[str, Lane], *, drain: Collection[str] = ()) -> None:
        """From now on there are these lanes.

        A lane that is the very one of before goes on undisturbed; any other must be new, for a lane that was stopped
        does not run again.

        Args:
            lanes: All of them, by the name of their destination.
            drain: Names, not among ``lanes``, whose lane goes on until its queue is empty; what others leave behind
                stays in the store until the name returns.
        """
        former, self._lanes = self._lanes, dict(lanes)
        for name, lane in former.items():
            if lane is self._lanes.get(name):
                continue
            if name in drain and name not in self._lanes and not self._stopping.is_set():
                self._leaving[name] = lane
                lane.leave()
            else:
                lane.stop()
        for name in [name for name in self._leaving if name in self._lanes]:
            self._leaving.pop(name).stop()
        for name, lane in self._lanes.items():
            if self._stopping.is_set():
                lane.stop()
            elif lane is not former.get(name):
                self._start(lane)

    async def run(self) -> None:
        """Run every lane until ``stop``."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for lane in (*self._lanes.values(), *self._leaving.values()):
                self._start(lane)
            await self._stopping.wait()

    def stop(self) -> None:
        """Begin no attempt any more; ``run`` returns when those under way have ended."""
        self._stopping.set()
        for lane in self._all():
            lane.stop()

    def abort(self) -> None:
        """Give up the attempts under way."""
        for lane in self._all():
            lane.abort()

    def _all(self) -> set[Lane]:
        """Every lane there is, those included that have yet to end or to begin."""
        return {*self._lanes.values(), *self._leaving.values(), *self._unended}

    def _start(self, lane: Lane) -> None:
        if self._group is None:  # ``run`` starts it
            return
        former = self._last.get(lane.name)
        self._unended.add(lane)
        task = self._group.create_task(self._run(lane, former), name=f"lane-{lane.name}")
        self._last[lane.name] = _Turn(lane, task)

    async def _run(self, lane: Lane, former: _Turn | None) -> None:
        if former is not None:
            await asyncio.wait([former.task])
            lane.inherit(former.lane)
        await lane.run()
        self._unended.discard(lane)
        if self._leaving.get(lane.name) is lane and not self._stopping.is_set():
            del self._leaving[lane.name]
            _log.info("removed destination has left", destination=lane.name)
        if lane.name not in self._lanes and self._last[lane.name].lane is lane and not lane.unnoted:
            del self._last[lane.name]
