"""Everything above an id that one endpoint will show, and the proof that it is everything.

    walk(everything) ──no page full──────────────────────────────> done
          │ some page full
          ├─ the ids found leave no gap: nothing can hide ───────> done
          ├─ full by the learnt clamp alone: one wide request may show that the clamp is larger
          ├─ a young channel, and what lies above its proof floor fits on a page: the rest is old
          └─ split ──walk(part)──full──split ── … ── can't, or over an open set ──> a hole

A young channel has nothing to start from yet and asks for a whole day, most of which is old. Its *proof floor* is an id
that was triggered two minutes before all that matters: what a cut page hides below it is old, so only what lies above
has to be proven. The baseline's round saw some such id, as a rule; where more fired in those two minutes than a page
takes, it did not, and the narrower parts show older ones: the floor rises with what they show. Who looks back to a time
by hand begins likewise.

Whether a cut answer keeps its newest or its oldest items is not known, so a full page proves nothing below it: a
server that keeps the newest shows an empty page above it, and hides the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from relay.backfill.asking import EVERYTHING, Asker, UnanswerableError
from relay.backfill.bounds import WIDE_MINUTES, is_full, proof_floor
from relay.backfill.held import Held
from relay.backfill.parts import Part, Seen, split
from relay.backfill.ports import Tools
from relay.backfill.spans import Spans
from relay.events import Channel
from relay.outbox.channels import Hole
from relay.upstream.rest import RestPage

log = structlog.get_logger()


@dataclass(slots=True)
class _Walked:
    """What one part showed: its largest page, its greatest id, and whether it was more than a lone alert."""

    part: Part
    largest: int = 0
    greatest: int | None = None
    several: bool = False


class Sweep:
    """One round's questions. ``held`` gets what is found; ``greatest`` and ``holes`` tell the rest.

    Args:
        tools: What it works with.
        channel: Whose.
        asker: Puts the questions.
        held: Gets what is found.
        start: The id to ask after; None asks for everything in the window.
        largest: The largest answer ever seen from the endpoint.
        floor: Where there is no ``start``: what lies up to this id is old.
        matters_from_us: Likewise: what fired before this time is old, µs since the epoch.
    """

    def __init__(
        self,
        tools: Tools,
        channel: Channel,
        asker: Asker,
        held: Held,
        *,
        start: int | None,
        largest: int,
        floor: int | None = None,
        matters_from_us: int | None = None,
    ) -> None:
        self._tools = tools
        self._channel = channel
        self._asker = asker
        self._held = held
        self._start = start
        self._largest = largest
        self._floor = start if start is not None else floor
        self._matters_from_us = matters_from_us if start is None else None
        self._filters_ignored = False
        self._ids = Spans()  # above the floor, where alone it matters whether one is missing
        self._seen = Seen()
        self._suspects: list[tuple[Part, int]] = []
        self._symbols: frozenset[str] | None = None
        self.greatest: int | None = None

    async def run(self, *, prove: bool = True) -> None:
        """Walk, and where pages were full and ``prove`` is set, prove that nothing is missing.

        Raises:
            RestRefusedError: The key may not read this endpoint.
        """
        root = await self._walk(EVERYTHING)
        if not prove or not self._may_hide(root):
            return
        if root.largest < self._asker.limit:
            await self._probe()
        if self._floor != self._start and self._may_hide(root):
            root = await self._walk(EVERYTHING, above=self._floor)
        await self._prove(root)

    async def look_back(self) -> None:
        """Walk again with a much wider window: where the usual one is empty, the newest id lies further back."""
        await self._walk(EVERYTHING, wide=True)

    def holes(self, found_at_us: int, *, above: int = 0) -> list[Hole]:
        """The ranges that may hide alerts; those in which every id was seen after all are left out.

        Args:
            found_at_us: Now, µs since the epoch.
            above: What lies up to this id was proven before.
        """
        after = max(self._floor or 0, above)
        return [
            Hole(self._channel, after, up_to, str(part), found_at_us)
            for part, up_to in self._suspects
            if up_to > after and not self._ids.covers(after + 1, up_to)
        ]

    async def _walk(self, part: Part, *, above: int | None = None, wide: bool = False) -> _Walked:
        window = WIDE_MINUTES if wide else None
        walked = _Walked(part)
        floor = self._start if above is None else above
        since = floor
        while True:
            try:
                page = await self._asker.page(part, since, window_minutes=window, optional=wide)
            except UnanswerableError:
                if not wide:
                    self._suspect(part, self.greatest)
                return walked
            self._filters_ignored = self._filters_ignored or not part.holds_all(page.items)
            await self._learn(page.size)
            full = is_full(page.size, limit=self._asker.limit, largest=self._largest)
            self._note(page, walked, full=full)
            if not full or page.greatest_id is None or page.greatest_id <= (since or 0):
                return walked
            since = page.greatest_id

    def _note(self, page: RestPage, walked: _Walked, *, full: bool) -> None:
        self._held.keep(page.items, proven=not full)
        self._seen.add(page.items)
        if self._matters_from_us is not None:
            self._floor = max(self._floor or 0, proof_floor(page.items, self._matters_from_us))
        for event in page.items:
            if event.id is not None and event.id > (self._floor or 0):
                self._ids.add(event.id)
        walked.largest = max(walked.largest, page.size)
        if page.size > 1 or (page.greatest_id is not None and walked.greatest not in {None, page.greatest_id}):
            walked.several = True
        if page.greatest_id is not None:
            walked.greatest = max(walked.greatest or 0, page.greatest_id)
            self.greatest = max(self.greatest or 0, page.greatest_id)

    async def _learn(self, size: int) -> None:
        if size > self._largest:
            self._largest = size
            await self._tools.memory.learn_page(self._channel, size)

    async def _probe(self) -> None:
        """Is the clamp larger than any answer so far? Cheap to ask, and otherwise a quiet account always looks cut."""
        try:
            page = await self._asker.page(EVERYTHING, None, window_minutes=WIDE_MINUTES, optional=True)
        except UnanswerableError:
            return  # nothing learnt: splitting is the longer way to the same proof
        await self._learn(page.size)

    async def _prove(self, walked: _Walked) -> None:
        if not self._may_hide(walked):
            return
        parts = split(walked.part, self._channel, self._seen, await self._known_symbols(walked.part))
        if parts is None or not parts.whole:
            self._suspect_cut(walked)
        for part in parts.parts if parts is not None else ():
            await self._prove(await self._walk(part, above=self._floor))
            if self._filters_ignored:  # a server that shows anything under any filter proves nothing by them
                self._suspects.clear()
                self._suspect_cut(walked)
                return

    def _may_hide(self, walked: _Walked) -> bool:
        if self._filters_ignored and walked.part is not EVERYTHING:
            return False
        full = is_full(walked.largest, limit=self._asker.limit, largest=self._largest)
        return full and not (walked.greatest is not None and self._all_seen(walked.greatest))

    def _all_seen(self, up_to: int) -> bool:
        """Whether every id above the floor, up to this one, belongs to an alert we have."""
        return self._ids.covers((self._floor or 0) + 1, up_to)

    def _suspect_cut(self, walked: _Walked) -> None:
        lone = not walked.several and self._asker.limit > 1
        if not lone:  # no server clamps to one, and a lone alert is the usual case
            self._suspect(walked.part, walked.greatest)

    def _suspect(self, part: Part, greatest: int | None) -> None:
        self._suspects.append((part, max(greatest or self.greatest or 0, self._floor or 0)))
        log.debug("a part may be cut", channel=self._channel.value, part=str(part))

    async def _known_symbols(self, part: Part) -> Sequence[str]:
        if part.value("cc") is None or part.value("symbols") is not None:
            return ()
        if self._symbols is None:
            self._symbols = frozenset(await self._tools.memory.known_symbols()) | frozenset(self._tools.rule_symbols())
        return sorted(self._symbols | {symbol for symbol in self._seen.symbols if symbol})
