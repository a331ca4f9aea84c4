"""Which ids a round has seen: in order, as spans without a gap, in bounded memory.

    1001 1002 1003 … 1007 1009 ──add──> [1001, 1003] [1007, 1007] [1009, 1009]     a span however many ids it holds

A round over weeks sees millions of ids. Where they leave no gap they are one span; where they do, ``MOST_SPANS`` are
kept, and of more the greatest are forgotten. An id that is forgotten counts as not seen: that costs a question more, or
a hole that need not be one, and hides nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

MOST_SPANS: Final = 20_000
"""Runs of ids without a gap that a round remembers; two numbers each."""


class Spans:
    """A set of ids.

    Args:
        most: How many spans are kept.
    """

    def __init__(self, *, most: int = MOST_SPANS) -> None:
        self._most = most
        self._firsts: list[int] = []
        self._lasts: list[int] = []  # of the span that begins with the one at the same place in ``_firsts``

    def __len__(self) -> int:
        """How many spans there are."""
        return len(self._firsts)

    def __contains__(self, number: int) -> bool:
        """Whether this id was added, and is not forgotten."""
        place = bisect_right(self._firsts, number) - 1
        return place >= 0 and number <= self._lasts[place]

    def covers(self, first: int, last: int) -> bool:
        """Whether every id from ``first`` to ``last`` was added; of none there is nothing to cover, and it is not."""
        place = bisect_right(self._firsts, first) - 1
        return place >= 0 and first <= last <= self._lasts[place]

    def add(self, number: int) -> None:
        """Remember this id, as far as there is room."""
        if number in self:
            return
        place = bisect_left(self._firsts, number)
        joins_before = place > 0 and self._lasts[place - 1] == number - 1
        joins_after = place < len(self._firsts) and self._firsts[place] == number + 1
        if joins_before and joins_after:
            self._lasts[place - 1] = self._lasts[place]
            del self._firsts[place], self._lasts[place]
        elif joins_before:
            self._lasts[place - 1] = number
        elif joins_after:
            self._firsts[place] = number
        else:
            self._firsts.insert(place, number)
            self._lasts.insert(place, number)
        if len(self._firsts) > self._most:
            del self._firsts[-1], self._lasts[-1]
