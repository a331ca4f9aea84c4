"""One complete round of a channel that has begun: from the cursor's past to now, stored and noted.

    Sweep ──> Held ──flush──> classify (old or not) ──> Sink.store(recovered, old)
                 └─ the last flush carries RoundEnd and holes: the cursor moves here and nowhere else

A round that is refused, cancelled or killed has stored what it flushed and moved nothing: the next one fetches it
again, and the store recognises it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import msgspec

from relay.backfill.asking import Asker
from relay.backfill.baseline import part_old
from relay.backfill.bounds import window_minutes
from relay.backfill.footing import Footing
from relay.backfill.held import Held, in_steps
from relay.backfill.holes import HoleBook
from relay.backfill.ports import Settings, Tools
from relay.backfill.sweep import Sweep
from relay.events import Channel, Event
from relay.outbox.channels import ChannelState, Hole, RoundEnd
from relay.upstream.errors import RestRefusedError, RestUnavailableError
from relay.upstream.rest import RestPage

_T = TypeVar("_T")


class Result(StrEnum):
    """What a round came to; the label of ``relay_backfills_total``."""

    OK = "ok"
    REFUSED = "refused"
    FAILED = "failed"


class Report(msgspec.Struct, frozen=True):
    """What came of a round.

    Attributes:
        channel: Whose.
        result: How it ended.
        found: Alerts that the upstream showed and the round stored or recognised.
        recovered: Those that were new and are delivered.
        holes: Ranges that may hide alerts.
        requests: How often REST was asked.
        error: Why it is not ``ok``, for a person.
    """

    channel: Channel
    result: Result
    found: int = 0
    recovered: int = 0
    holes: tuple[Hole, ...] = ()
    requests: int = 0
    error: str = ""


class Observer(Protocol):
    """Who shows how a round goes."""

    def answered(self, page: RestPage) -> None:
        """REST gave a page."""
        ...

    def troubled(self, error: RestUnavailableError, delay: float) -> None:
        """REST failed; the request is repeated in ``delay`` seconds."""
        ...


class CatchUp:
    """One round.

    Args:
        tools: What it works with.
        channel: Whose.
        state: What is remembered of the channel.
        settings: The ``backfill`` section.
        observer: Who shows how it goes.
        holes: Those that were reported before.
        footing: Where it starts, and by which clock.
        floor: Of a young channel, what its first round proved.
        since_us: Look back to this time whatever the cursor says, µs since the epoch: a person wants to be sure.
    """

    def __init__(
        self,
        tools: Tools,
        channel: Channel,
        state: ChannelState,
        settings: Settings,
        *,
        observer: Observer,
        holes: HoleBook,
        footing: Footing,
        floor: int | None = None,
        since_us: int | None = None,
    ) -> None:
        self._tools = tools
        self._footing = footing
        self._holes = holes
        self._channel = channel
        self._state = state
        self._observer = observer
        self._held = Held(tools.clock)
        self._recovered = 0
        self._began_us = footing.now_us()
        looked_us = state.rounds[-1].began_at_us
        # by the wall clock, which may be ahead: too wide a window costs little
        window = window_minutes(tools.clock.now_us(), looked_us if since_us is None else min(looked_us, since_us))
        self._asker = Asker(tools, channel, self, limit=settings.page_size, window_minutes=window)
        start = footing.start(state)
        # by hand, what lies below is looked at again; that it was whole has been proven, or its holes are known
        self._proven = start or 0
        begins = [state.baseline.before_us] if state.baseline else []
        self._sweep = Sweep(
            tools,
            channel,
            self._asker,
            self._held,
            start=start if since_us is None else None,
            largest=state.largest_page,
            floor=floor,
            matters_from_us=max([*begins, *([] if since_us is None else [since_us])], default=None),
        )

    async def run(self) -> Report:
        """The round, for as long as it takes.

        Raises:
            RestRefusedError: The key may not read this endpoint; what came before is stored.
        """
        try:
            await self._sweep.run()
        except RestRefusedError:
            await self._flush()
            raise
        now_us = self._footing.now_us()
        holes = self._holes.new(self._sweep.holes(now_us, above=self._proven))
        end = RoundEnd(
            self._channel,
            position=max(self._state.cursor or 0, self._sweep.greatest or 0),
            began_at_us=self._began_us,
            completed_at_us=max(now_us, self._began_us + 1),
        )
        await self._flush(end, holes)
        self._footing.completed(end)
        self._holes.note(holes)
        return Report(self._channel, Result.OK, self._held.found, self._recovered, tuple(holes), self._asker.requests)

    async def before_request(self) -> None:
        """Nothing that is proven, and nothing that has waited long, waits for another answer."""
        if self._held.due:
            await self._flush()

    async def on_trouble(self, error: RestUnavailableError, delay: float) -> None:
        """Nothing waits while REST is down."""
        self._observer.troubled(error, delay)
        await self._flush()

    def on_answer(self, page: RestPage) -> None:
        """REST is there."""
        self._observer.answered(page)

    async def _flush(self, end: RoundEnd | None = None, holes: Sequence[Hole] = ()) -> None:
        found = self._held.take()
        if not found and end is None:
            return
        *before, last = in_steps(found)
        for step in before:
            await self._store(step)
        await self._store(last, end, holes)

    async def _store(self, found: Sequence[Event], end: RoundEnd | None = None, holes: Sequence[Hole] = ()) -> None:
        recovered, old = part_old(found, self._state.baseline)
        self._recovered += await finished(self._tools.sink.store(recovered, old, round_end=end, holes=holes))


async def finished(work: Coroutine[Any, Any, _T]) -> _T:
    """Await ``work`` to its end even when cancelled meanwhile: a commit under way is not left in the dark."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(_heard)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])  # a second cancellation ends this, too, and the commit goes on alone
        raise


def _heard(task: asyncio.Future[Any]) -> None:
    """Whoever is cancelled is told of that, not of how the commit ended: nobody else asks."""
    if not task.cancelled():
        task.exception()
