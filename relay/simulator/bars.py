"""Real daily bars, read from the package when first asked for.

Prices are as they were traded, so a split halves them overnight; ``split_ratio`` tells a split from a fall by the
adjusted close, which knows of the first and shares the second. Source and licence: ``data/README.md``.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

import msgspec


class Bar(msgspec.Struct, frozen=True, gc=False):
    """One symbol's trading day; prices in US dollars, volume in shares.

    ``adjusted`` is the close with all later splits and dividends taken out of it.
    """

    symbol: str
    day: date
    open: float
    high: float
    low: float
    close: float
    volume: int
    adjusted: float


@cache
def load_bars() -> Mapping[str, tuple[Bar, ...]]:
    """Every bar of the package by symbol, oldest first; read once and kept."""
    packed = resources.files("relay.simulator").joinpath("data", "stocks.csv.gz").read_bytes()
    bars: dict[str, list[Bar]] = {}
    for row in csv.DictReader(io.StringIO(gzip.decompress(packed).decode())):
        bar = Bar(
            symbol=row["Ticker"],
            day=date.fromisoformat(row["Date"]),
            open=float(row["Open"]),
            high=float(row["High"]),
            low=float(row["Low"]),
            close=float(row["Close"]),
            volume=int(float(row["Volume"])),
            adjusted=float(row["Adj Close"]),
        )
        bars.setdefault(bar.symbol, []).append(bar)
    return MappingProxyType({symbol: tuple(sorted(rows, key=lambda bar: bar.day)) for symbol, rows in bars.items()})


# A dividend moves close/adjusted too, by at most some 10 % (Microsoft's in 2004); the smallest usual split is 5 for 4.
_SMALLEST_SPLIT: Final = 0.2
_LARGEST_DENOMINATOR: Final = 20


def split_ratio(before: Bar, bar: Bar) -> float:
    """What prices before ``bar`` are multiplied by to compare with it: 0.5 on a 2 for 1 split, 1.0 on other days."""
    if not (before.adjusted > 0 and bar.adjusted > 0 and before.close > 0):
        return 1.0
    ratio = (bar.close / bar.adjusted) / (before.close / before.adjusted)
    if abs(ratio - 1) < _SMALLEST_SPLIT:
        return 1.0
    return float(Fraction(ratio).limit_denominator(_LARGEST_DENOMINATOR)) or ratio
