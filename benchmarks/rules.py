"""What an event costs to match, for 10, 1,000 and 10,000 rules that it does not fit.

Each mix makes rules the stream can't match by one kind of condition, plus one rule that it sometimes can; the stream
is 2,000 alerts on 700 symbols, every one seen before, as in a running relay. ``first sight`` is the other end: symbols
the index has never met. Figures are µs per event, the best of several rounds; the aim is a ratio of at most 3.

    python benchmarks/rules.py
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Final

from relay.events import Channel, Event
from relay.rules.match import RuleIndex, compile_rules
from relay.rules.rule import PriceRange, Rule, Symbols, Threshold

SIZES: Final = (10, 1_000, 10_000)
_EVENTS: Final = 2_000
_ROUNDS: Final = 7
_UNIVERSE: Final = [
    f"{first}{second}{third}" for first in "ABCDEFG" for second in "HIJKLMNOPQ" for third in "RSTUVWXYZ0"
]
_SHAPES: Final = ("1-2U", "1-2D", "2U-2D", "2D-2U", "3-2U", "3-2D", "3-1-2U", "3-1-2D", "2U-1-2D", "2D-1-2U")

Make = Callable[[int], Rule]


def _by_symbol(number: int) -> Rule:
    return Rule(name=f"symbol {number}", to=("bot",), symbols=Symbols(any=(f"ZZ{number}", f"YY{number}")))


def _by_glob(number: int) -> Rule:
    return Rule(name=f"glob {number}", to=("bot",), symbols=Symbols(any=(f"*-Z{number % 500}",), none=("X*",)))


def _by_shape(number: int) -> Rule:
    return Rule(
        name=f"shape {number}",
        to=("bot",),
        shapes=(f"{number % 500}-*-2U",),
        timeframes=frozenset({("D", "W", "M")[number % 3]}),
    )


def _by_price(number: int) -> Rule:
    low = 1_000.0 + number
    return Rule(name=f"price {number}", to=("bot",), price=PriceRange(low, low + 0.5))


def _by_disjoint_price(number: int) -> Rule:
    """Ranges all over the stream's prices, with gaps; each alert falls into none or one."""
    low = 5.0 + (number * 0.6180339887 % 1) * 495.0
    return Rule(name=f"slot {number}", to=("bot",), price=PriceRange(low, low + 0.0001))


def _by_all(number: int) -> Rule:
    return (_by_symbol, _by_glob, _by_shape, _by_price, _by_disjoint_price)[number % 5](number)


def _by_break(number: int) -> Rule:
    return Rule(
        name=f"break {number}",
        to=("bot",),
        channel=Channel.BREAKS,
        symbols=Symbols(any=("ES", f"Z{number}")),
        threshold=Threshold(minimum=5),
    )


MIXES: Final[dict[str, Make]] = {
    "other symbols": _by_symbol,
    "other globs": _by_glob,
    "other shapes": _by_shape,
    "prices beyond": _by_price,
    "prices between": _by_disjoint_price,
    "all of these": _by_all,
    "breaks": _by_break,
}


def _rules(make: Make, count: int) -> list[Rule]:
    sometimes = Rule(
        name="sometimes", to=("bot",), symbols=Symbols(any=(_UNIVERSE[0],)), directions=frozenset({"bullish"})
    )
    return [*(make(number) for number in range(count - 1)), sometimes]


def _stream(channel: Channel, rng: random.Random) -> list[Event]:
    if channel is Channel.BREAKS:
        futures = ("ES1!", "NQ1!", "RTY1!", "YM1!")
        return [
            Event(channel, id=number, symbols=futures[: rng.randint(2, 4)], timeframe="D", direction="bullish")
            for number in range(_EVENTS)
        ]
    return [
        Event(
            channel,
            id=number,
            symbol=rng.choice(_UNIVERSE),
            timeframe=rng.choice(("15", "30", "60", "4H", "D", "W", "M")),
            direction=rng.choice(("bullish", "bearish")),
            shape=(shape := rng.choice(_SHAPES)),
            cc=shape.rsplit("-", 1)[-1],
            price=round(rng.uniform(5, 500), 2),
            continuation=False,
        )
        for number in range(_EVENTS)
    ]


def _per_event_us(index: RuleIndex, events: Sequence[Event], rounds: int = _ROUNDS) -> float:
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        for event in events:
            index.match(event)
        best = min(best, time.perf_counter() - began)
    return best / len(events) * 1e6


def measure() -> dict[str, dict[str, float]]:
    """Each mix's µs per event for each size (keys ``10``, ``1000``, ``10000``), and the ratios to 10 rules.

    Further keys: ``ratio_1000``, ``ratio_10000``, ``first_sight_10000`` (µs for an event nothing is remembered of,
    averaged over the whole stream) and ``compile_ms_10000``.
    """
    figures: dict[str, dict[str, float]] = {}
    for mix, make in MIXES.items():
        row: dict[str, float] = {}
        for size in SIZES:
            rules = _rules(make, size)
            events = _stream(rules[0].channel, random.Random(size))  # noqa: S311  because a benchmark repeats itself
            began = time.perf_counter()
            index = compile_rules(rules)
            row[f"compile_ms_{size}"] = (time.perf_counter() - began) * 1e3
            row[f"first_sight_{size}"] = _per_event_us(index, events, rounds=1)
            row[str(size)] = _per_event_us(index, events)
            row[f"ratio_{size}"] = row[str(size)] / row[str(SIZES[0])]
        figures[mix] = row
    return figures


def main() -> None:
    """Print the table."""
    sizes = "".join(f"{size:>9,}" for size in SIZES)
    print(f"{'µs per event, rules:':<22}{sizes}{'×1,000':>9}{'×10,000':>9}{'first sight':>13}{'compile ms':>12}")
    for mix, row in measure().items():
        times = "".join(f"{row[str(size)]:>9.2f}" for size in SIZES)
        ratios = f"{row['ratio_1000']:>9.2f}{row['ratio_10000']:>9.2f}"
        print(f"{mix:<22}{times}{ratios}{row['first_sight_10000']:>13.1f}{row['compile_ms_10000']:>12.0f}")


if __name__ == "__main__":
    main()
