"""Which price ranges hold at a price, without looking at each range.

    price axis   ──┬─────┬────────┬──────┬──────>     every bound toggles one rule
                 on a  on b     off a   off b
                   ▲              ▲                   a checkpoint every few toggles holds the whole set

The set at a price is the nearest checkpoint with the few toggles between flipped. Checkpoints share a fixed budget of
memory: with very many ranges they lie further apart.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from relay.rules.bits import mask_of
from relay.rules.rule import PriceRange

_STRIDE: Final = 4
_BUDGET_BYTES: Final = 8 << 20


class PriceIndex:
    """The ranges of many rules; bit ``i`` is ``ranges[i]``, None is every price and none."""

    def __init__(self, ranges: Sequence[PriceRange | None]) -> None:
        size = len(ranges)
        self._open = mask_of((bit for bit, wanted in enumerate(ranges) if wanted is None), size)
        toggles: list[tuple[float, int]] = []
        below: list[int] = []
        for bit, wanted in enumerate(ranges):
            if wanted is None or _is_empty(wanted):
                continue
            if wanted.minimum is None:
                below.append(bit)
            else:
                toggles.append((wanted.minimum, bit))
            if wanted.maximum is not None and wanted.maximum < math.inf:
                # The maximum is included: the rule ends at the next number there is.
                toggles.append((math.nextafter(wanted.maximum, math.inf), bit))
        toggles.sort()
        self._at = [at for at, _ in toggles]
        self._bits = [bit for _, bit in toggles]
        self._stride = max(_STRIDE, math.ceil(len(toggles) * (size / 8) / _BUDGET_BYTES))
        self._checkpoints = [self._open | mask_of(below, size)]
        for start in range(0, len(toggles), self._stride):
            mask = self._checkpoints[-1]
            for bit in self._bits[start : start + self._stride]:
                mask ^= 1 << bit
            self._checkpoints.append(mask)

    def admitted(self, price: float | None) -> int:
        """The rules that have no range, or whose range holds ``price``."""
        if price is None or price != price:  # noqa: PLR0124  because only NaN differs from itself
            return self._open
        position = bisect_right(self._at, price)
        nearest = (position + self._stride // 2) // self._stride
        mask = self._checkpoints[nearest]
        start = nearest * self._stride
        for bit in self._bits[start:position] if start < position else self._bits[position:start]:
            mask ^= 1 << bit
        return mask


def _is_empty(wanted: PriceRange) -> bool:
    """Whether no price is in the range: bounds crossed, or one that is not a number."""
    low = -math.inf if wanted.minimum is None else wanted.minimum
    high = math.inf if wanted.maximum is None else wanted.maximum
    return not low <= high
