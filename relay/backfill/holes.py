"""Holes that were reported before: a round that overlaps the last one sees the same again.

Of too many, the one that was noted longest ago is forgotten: where it is seen again, it is recorded once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from relay.outbox.channels import Hole

MOST_HOLES: Final = 1_000


class HoleBook:
    """A channel's holes of this run."""

    def __init__(self) -> None:
        self._known: dict[str, Hole] = {}

    def new(self, holes: Iterable[Hole]) -> list[Hole]:
        """Those that do not lie within a known one of the same part."""
        return [hole for hole in holes if not self._within_known(hole)]

    def note(self, holes: Iterable[Hole]) -> None:
        """These are stored now."""
        for hole in holes:
            self._known.pop(hole.part, None)
            self._known[hole.part] = hole
        for part in list(self._known)[:-MOST_HOLES]:
            del self._known[part]

    def _within_known(self, hole: Hole) -> bool:
        known = self._known.get(hole.part)
        return known is not None and known.after_id <= hole.after_id and hole.up_to_id <= known.up_to_id
