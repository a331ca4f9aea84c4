"""What REST shows of the last day, or of longer, fetched as a backfill round fetches it, and kept nowhere.

channels ──Sweep, one each──> Held ──> Survey: the alerts by their times, and whether there may have been more
             └─ nothing is stored, no cursor moves; never longer than a while, never more than so many requests
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from relay.backfill.asking import Asker
from relay.backfill.bounds import DAY_MINUTES
from relay.backfill.held import Held
from relay.backfill.ports import Rest, Tools
from relay.backfill.sweep import Sweep
from relay.clock import MICROS, Clock
from relay.durations import format_duration
from relay.errors import UpstreamError
from relay.events import Channel, Event
from relay.outbox.channels import ChannelState, Hole, RoundEnd
from relay.upstream.errors import RestRefusedError, RestUnavailableError
from relay.upstream.rest import RestPage

DAY_US: Final = DAY_MINUTES * 60 * MICROS
_MINUTE_US: Final = 60 * MICROS
PATIENCE: Final = 30.0
MOST_REQUESTS: Final = 200
_MOST_FAILURES: Final = 5  # in a row: a person, or a job, waits for the answer
_LONGEST: Final = 60  # characters of a part: it may name 250 symbols
_KEY: Final = re.compile(r"\b\w+=")
MOST_SHOWN: Final = 200_000
"""Alerts of a channel; of more, a part is looked at, and that is told."""


class CutBy(StrEnum):
    """What kept the rest from being seen."""

    REFUSED = "refused"  # the key may not read the endpoint
    FAILING = "failing"  # REST did not answer, or not with anything of use
    TOO_MANY = "too many"  # for the time, the requests or the room that a survey takes
    HIDDEN = "hidden"  # REST itself shows no more, however it is asked


class Cut(msgspec.Struct, frozen=True):
    """There may have been more: why, in a few words, and by what."""

    why: str
    by: CutBy


class Shown(msgspec.Struct, frozen=True):
    """What one channel showed.

    Attributes:
        channel: Which.
        events: In the order of their own times; what tells none comes last.
        cut: Why there may have been more; None where this is all.
    """

    channel: Channel
    events: tuple[Event, ...]
    cut: Cut | None = None


class Survey(msgspec.Struct, frozen=True):
    """What was shown of the time before ``until_us``, µs since the epoch by the server's clock where it tells it."""

    until_us: int
    channels: tuple[Shown, ...]


async def survey(
    rest: Rest,
    channels: Sequence[Channel],
    *,
    clock: Clock,
    rng: random.Random,
    page_size: int,
    span_us: int = DAY_US,
    symbols: Collection[str] = (),
    patience: float = PATIENCE,
    most_requests: int = MOST_REQUESTS,
) -> Survey:
    """Fetch the last day of some alert channels, or so much as is asked for, all at once.

    Args:
        rest: The endpoints.
        channels: Alert channels.
        clock: Measures ``patience``.
        rng: For the waits after a failure.
        page_size: The ``limit`` asked for.
        span_us: How far back, µs.
        symbols: Those that may have fired, as far as known: they help to split what is cut.
        patience: Seconds after which nothing more is asked; and so is, sooner, after a few failures in a row.
        most_requests: Of each channel.
    """
    nothing = _NoStore()
    tools = Tools(rest, nothing, nothing, clock, rng, lambda: symbols)
    asked = [
        _Asked(tools, channel, page_size=page_size, span_us=span_us, patience=patience, most_requests=most_requests)
        for channel in channels
    ]
    cuts = await asyncio.gather(*(one.run() for one in asked))
    until_us = max((one.server_time_us or 0 for one in asked), default=0) or clock.now_us()
    return Survey(
        until_us,
        tuple(Shown(one.channel, one.since(until_us - span_us), cut) for one, cut in zip(asked, cuts, strict=True)),
    )


class _EnoughError(UpstreamError):
    """Nothing more is asked; says why."""

    def __init__(self, why: str, by: CutBy) -> None:
        super().__init__(why)
        self.cut = Cut(why, by)


class _Asked:
    """One channel as it is asked; also the asker's ``Watcher``."""

    def __init__(
        self, tools: Tools, channel: Channel, *, page_size: int, span_us: int, patience: float, most_requests: int
    ) -> None:
        self.channel = channel
        self.server_time_us: int | None = None
        self._clock = tools.clock
        self._patience = patience
        self._deadline = tools.clock.monotonic() + patience
        self._left = self._most = most_requests
        self._trouble = ""
        self._failures = 0
        self._largest = 0  # alerts of an answer
        self._held = Held(tools.clock)
        asker = Asker(tools, channel, self, limit=page_size, window_minutes=max(DAY_MINUTES, -(-span_us // _MINUTE_US)))
        self._sweep = Sweep(tools, channel, asker, self._held, start=None, largest=0)

    async def run(self) -> Cut | None:
        """Ask; why there may be more than was seen, None where there can't."""
        try:
            await self._sweep.run()
        except _EnoughError as error:
            return error.cut
        except RestRefusedError as error:
            return Cut(str(error), CutBy.REFUSED)
        parts = list(dict.fromkeys(hole.part for hole in self._sweep.holes(self._clock.now_us())))
        return Cut(_cut(parts, self._largest), CutBy.HIDDEN) if parts else None

    def since(self, from_us: int) -> tuple[Event, ...]:
        """What was seen of ``from_us`` and later, or tells no time."""
        found = {event.key(): event for event in self._held.take()}  # where they are many, some come twice
        events = [one for one in found.values() if one.triggered_at is None or one.triggered_at.us > from_us]
        events.sort(key=_by_time)  # stable: by id within one moment
        return tuple(events)

    async def before_request(self) -> None:
        """Count, and look at the clock."""
        self._within(0.0)
        if len(self._held) > MOST_SHOWN:
            raise _EnoughError(f"there are more than {MOST_SHOWN:,} of them", CutBy.TOO_MANY)
        if self._left == 0:
            raise _EnoughError(f"to see them all takes more than {self._most} requests", CutBy.TOO_MANY)
        self._left -= 1

    async def on_trouble(self, error: RestUnavailableError, delay: float) -> None:
        """Wait and try again only where there is time left for it, and hope."""
        self._trouble = str(error)
        self._failures += 1
        if self._failures == _MOST_FAILURES:
            raise _EnoughError(f"REST fails: {error}", CutBy.FAILING)
        self._within(delay)

    def on_answer(self, page: RestPage) -> None:
        """Take the server's time."""
        self._trouble, self._failures = "", 0
        self.server_time_us = page.server_time_us or self.server_time_us
        self._largest = max(self._largest, page.size)

    def _within(self, delay: float) -> None:
        if self._clock.monotonic() + delay >= self._deadline:
            said = f"to see them all takes more than {format_duration(self._patience)}"
            if self._trouble:
                raise _EnoughError(f"{said} ({self._trouble})", CutBy.FAILING)
            raise _EnoughError(said, CutBy.TOO_MANY)


def _cut(parts: Sequence[str], largest: int) -> str:
    """``REST cuts its answer for D bearish 2D at 200``: the narrowest that can be asked for is still full."""
    first = _KEY.sub("", parts[0])
    named = first if len(first) <= _LONGEST else f"{first[: _LONGEST - 1]}…"
    more = f" and {len(parts) - 1:,} more of its parts" if len(parts) > 1 else ""
    return f"REST cuts its answer for {named}{more} at {largest:,}"


def _by_time(event: Event) -> tuple[bool, int]:
    return (event.triggered_at is None, event.triggered_at.us if event.triggered_at else 0)


class _NoStore:
    """Memory and sink of a round that leaves no trace."""

    first_started_at_us = 0

    async def channel(self, channel: Channel) -> ChannelState:
        """Nothing is known of it."""
        del channel
        return ChannelState()

    async def learn_page(self, channel: Channel, size: int) -> None:
        """The sweep itself remembers it for as long as it lasts."""

    async def known_symbols(self) -> list[str]:
        """None."""
        return []

    async def holes(self, *, limit: int) -> list[Hole]:
        """None."""
        del limit
        return []

    async def store(
        self,
        recovered: Sequence[Event],
        old: Sequence[Event],
        *,
        round_end: RoundEnd | None = None,
        holes: Sequence[Hole] = (),
    ) -> int:
        """Nothing."""
        del recovered, old, round_end, holes
        return 0
