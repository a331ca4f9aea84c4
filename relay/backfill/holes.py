"""Holes that were reported before: a round that overlaps the last one sees the same again."""

from __future__ import annotations

from collections.abc import Iterable

from relay.outbox.base import Hole


class HoleBook:
    """A channel's holes of this run."""

    def __init__(self) -> None:
        self._known: dict[str, Hole] = {}

    def new(self, holes: Iterable[Hole]) -> list[Hole]:
        """Those that do not lie within a known one of the same part."""
        return [hole for hole in holes if not self._within_known(hole)]

    def note(self, holes: Iterable[Hole]) -> None:
        """These are stored now."""
        self._known.update({hole.part: hole for hole in holes})

    def _within_known(self, hole: Hole) -> bool:
        known = self._known.get(hole.part)
        return known is not None and known.after_id <= hole.after_id and hole.up_to_id <= known.up_to_id
