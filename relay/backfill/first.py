"""A channel's first round: one look at the past, from which its baseline is made.

Nothing is stored until it is complete, for only then is it known what the newest id is. Unless part of the past is to
be delivered there is nothing to prove either: what a full page may hide lies below the newest id, and is old. A past
that is too long to be held goes the way of one that takes too long to be asked for.
"""

from __future__ import annotations

import asyncio
from typing import Final

from relay.backfill.asking import Asker
from relay.backfill.baseline import beginning_us, part_old
from relay.backfill.bounds import proof_floor, window_minutes
from relay.backfill.held import Held, by_id, in_steps
from relay.backfill.ports import Settings, Tools
from relay.backfill.round import Observer, Report, Result, finished
from relay.backfill.sweep import Sweep
from relay.events import Channel, Event
from relay.outbox.channels import Baseline, ChannelState, Hole, RoundEnd
from relay.upstream.errors import RestUnavailableError
from relay.upstream.rest import RestPage

MOST_HELD: Final = 20_000
"""Alerts that are held until the round is complete."""


class _TooManyError(Exception):
    """There are more than may be held."""


class FirstRound:
    """The complete round that a channel without a cursor makes before it is first subscribed.

    Attributes:
        floor: Its proof floor for the rounds that follow; None before it was complete.
    """

    def __init__(
        self, tools: Tools, channel: Channel, state: ChannelState, settings: Settings, *, observer: Observer
    ) -> None:
        self._tools = tools
        self._channel = channel
        self._settings = settings
        self._observer = observer
        self._held = Held(tools.clock)
        self.floor: int | None = None
        self._first_at_us = 0
        self._answered_first: set[str] = set()
        self._storing = False
        self._began_us = tools.clock.now_us()
        window = window_minutes(self._began_us, beginning_us(self._began_us, settings.on_first_start))
        self._asker = Asker(tools, channel, self, limit=settings.page_size, window_minutes=window)
        self._sweep = Sweep(tools, channel, self._asker, self._held, start=None, largest=state.largest_page)

    async def run(self, *, within: float) -> Report | None:
        """The round, or None when it was too long, or not complete after ``within`` seconds; nothing of it is stored.

        Raises:
            RestRefusedError: The key may not read this endpoint.
        """
        work = asyncio.ensure_future(self._complete())
        timer = asyncio.ensure_future(self._tools.clock.sleep(within))
        try:
            await asyncio.wait((work, timer), return_when=asyncio.FIRST_COMPLETED)
            if self._storing:  # all is fetched and decided: a slow store changes nothing about it
                await asyncio.wait([work])
        finally:
            timer.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait([work])
        try:
            return None if work.cancelled() else work.result()
        except _TooManyError:
            return None

    async def _complete(self) -> Report:
        delivers_past = self._settings.on_first_start > 0
        await self._sweep.run(prove=delivers_past)
        if self._sweep.greatest is None:
            await self._sweep.look_back()
        self._storing = True
        now_us = self._tools.clock.now_us()
        baseline = Baseline(
            self._sweep.greatest or 0,
            beginning_us(self._first_at_us, self._settings.on_first_start),
        )
        end = RoundEnd(
            self._channel,
            position=self._sweep.greatest or 0,
            began_at_us=self._began_us,
            completed_at_us=max(now_us, self._began_us + 1),
            baseline=baseline,
        )
        found = self._held.take()
        self.floor = proof_floor(found, self._first_at_us)
        recovered, old = self._classify(found, baseline)
        holes = self._sweep.holes(now_us)
        count = await self._store(recovered, old, end, holes)
        return Report(self._channel, Result.OK, self._held.found, count, tuple(holes), self._asker.requests)

    async def _store(self, recovered: list[Event], old: list[Event], end: RoundEnd, holes: list[Hole]) -> int:
        """In steps: what is to be delivered before the end of the round, and what is old after it.

        A crash in between loses neither: before the end nothing counts as fetched, and of a channel so young the next
        round asks for everything again, and knows by the baseline what is old.
        """
        sink, count = self._tools.sink, 0
        *before, last = in_steps(recovered)
        now, *after = in_steps(old)
        for step in before:
            count += await finished(sink.store(step, ()))
        count += await finished(sink.store(last, now, round_end=end, holes=holes))
        for step in after:
            await finished(sink.store((), step))
        return count

    def _classify(self, found: list[Event], baseline: Baseline) -> tuple[list[Event], list[Event]]:
        """The first answer's alerts had all fired when its server told the time, which it tells to the second only."""
        recovered, old = part_old(found, baseline)
        if self._settings.on_first_start > 0:
            return recovered, old
        return (
            [event for event in recovered if event.key() not in self._answered_first],
            sorted([*old, *(event for event in recovered if event.key() in self._answered_first)], key=by_id),
        )

    async def before_request(self) -> None:
        """Everything is held until the baseline is known, unless that would be too much."""
        if len(self._held) > MOST_HELD:
            raise _TooManyError

    async def on_trouble(self, error: RestUnavailableError, delay: float) -> None:
        """Nothing is stored early."""
        self._observer.troubled(error, delay)

    def on_answer(self, page: RestPage) -> None:
        """The first answer fixes the server's time."""
        self._observer.answered(page)
        if self._first_at_us:
            return
        self._first_at_us = page.server_time_us or self._tools.clock.now_us()
        self._answered_first = {event.key() for event in page.items}
