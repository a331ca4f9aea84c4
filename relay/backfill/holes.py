"""Holes that were reported before: a round that overlaps the last one sees the same again, and more.

    known (5, 9]   found (5, 9] ──> nothing new       found (5, 14] ──> (9, 14]       found (20, 30] ──> itself

What earlier runs reported is known, too. Of too many, the one that was noted longest ago is forgotten: where it is seen
again, it is recorded once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from relay.outbox.channels import Hole

MOST_HOLES: Final = 1_000


class HoleBook:
    """A channel's holes.

    Args:
        stored: Those that earlier rounds recorded, oldest first.
    """

    def __init__(self, stored: Iterable[Hole] = ()) -> None:
        self._known: dict[str, Hole] = {}  # by its part, the newest, as far as it reaches without a gap
        self.note(stored)

    def new(self, holes: Iterable[Hole]) -> list[Hole]:
        """What of them does not lie within a known one of the same part."""
        return [rest for hole in holes if (rest := self._beyond_known(hole)) is not None]

    def note(self, holes: Iterable[Hole]) -> None:
        """These are stored now."""
        for hole in holes:
            known = self._known.pop(hole.part, None)
            self._known[hole.part] = hole if known is None else _joined(known, hole)
        for part in list(self._known)[:-MOST_HOLES]:
            del self._known[part]

    def _beyond_known(self, hole: Hole) -> Hole | None:
        known = self._known.get(hole.part)
        if known is None or not _begins_within(hole, known):
            return hole
        if hole.up_to_id <= known.up_to_id:
            return None
        return msgspec.structs.replace(hole, after_id=known.up_to_id)


def _joined(known: Hole, more: Hole) -> Hole:
    """Both, where they join; else the later one."""
    if not _begins_within(more, known):
        return more
    return msgspec.structs.replace(known, up_to_id=max(known.up_to_id, more.up_to_id))


def _begins_within(hole: Hole, known: Hole) -> bool:
    """At its end at the latest: so that nothing lies between the two."""
    return known.after_id <= hole.after_id <= known.up_to_id
