"""What a quote costs to judge: `Session.receive` and `Engine.take` beside `Session.receive` alone.

500 rules over 500 symbols, in three arrangements: a level a symbol that no price reaches; a level a symbol that the
prices, which walk at random, pass now and then; and every rule on every symbol, 250,000 pairs, whose levels lie so near
one another that hardly a price stays between two. The first line is an alert's frame, for the scale. Figures are µs
per frame, the best of several rounds; the aim is a ratio near 1 as long as nothing turns.

    python benchmarks/quotes.py
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

import msgspec

from relay.clock import isoformat
from relay.edges.engine import Engine
from relay.events import Channel
from relay.rules.rule import Levels, Rule, Symbols
from relay.upstream.protocol import Session
from relay.upstream.tick import Tick

RULES: Final = 500
_FRAMES: Final = 50_000
_ROUNDS: Final = 5
_SYMBOLS: Final = tuple(f"S{number:03d}" for number in range(RULES))
_START_US: Final = 1_775_828_722_000_000
_ALERT: Final = (
    b'{"type":"alert.in_force","ts":"2026-04-10T14:35:00.123456+00:00","seq":"%d","data":{"id":98421,"symbol":"AAPL",'
    b'"timeframe":"D","direction":"bullish","shape":"1-2U","price":214.32,"triggered_at":"2026-04-10T13:45:22Z",'
    b'"cc":"2U"}}'
)


class Figures(NamedTuple):
    """What a frame cost, and how many of them turned a side or fired a rule.

    Attributes:
        received_us: µs a frame, decoded and no more.
        judged_us: µs a frame, decoded and judged.
        turned: The share of frames that changed a side.
        fired: The share of frames by which a rule fired.
    """

    received_us: float
    judged_us: float
    turned: float
    fired: float

    @property
    def ratio(self) -> float:
        """How much judging adds to decoding."""
        return self.judged_us / self.received_us


def _rule(number: int, symbols: tuple[str, ...], level: float) -> Rule:
    levels = Levels(crosses_above=level) if number % 2 else Levels(crosses_below=level)
    return Rule(f"r{number}", ("bot",), channel=Channel.QUOTES, symbols=Symbols(any=symbols), levels=levels)


def _arrangements() -> dict[str, list[Rule]]:
    numbers = range(RULES)
    return {
        "levels nobody reaches": [_rule(n, (_SYMBOLS[n],), 500.0 * (n % 2) + 10.0) for n in numbers],
        "levels passed at times": [_rule(n, (_SYMBOLS[n],), 100.0) for n in numbers],
        "every rule, every symbol": [_rule(n, _SYMBOLS, 95.0 + n / 50) for n in numbers],
    }


def _frames(count: int) -> list[bytes]:
    """Quotes of all symbols in turn, whose prices walk at random around 100."""
    dice = random.Random(7)  # noqa: S311  because a benchmark repeats itself
    prices = dict.fromkeys(_SYMBOLS, 100.0)
    frames: list[bytes] = []
    for number in range(count):
        symbol = _SYMBOLS[number * 7 % len(_SYMBOLS)]
        prices[symbol] = round(prices[symbol] + dice.gauss(0, 0.05), 2)
        ts = isoformat(_START_US + number * 200)
        data = {"symbol": symbol, "price": prices[symbol], "volume": number, "event_ts": ts}
        frames.append(msgspec.json.encode({"type": "quote", "ts": ts, "seq": str(number + 1), "data": data}))
    return frames


def _per_frame_us(once: Callable[[], Callable[[bytes], object]], frames: Sequence[bytes]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        take = once()
        began = time.perf_counter()
        for frame in frames:
            take(frame)
        best = min(best, time.perf_counter() - began)
    return best / len(frames) * 1e6


def _receiving(on_tick: Callable[[Tick], None] | None) -> Callable[[bytes], object]:
    """The reader's loop, without its socket."""
    receive = Session([]).receive

    def take(frame: bytes) -> None:
        for signal in receive(frame):
            if type(signal) is Tick and on_tick is not None:
                on_tick(signal)

    return take


class _Judge:
    """An engine that has seen every symbol, and what it says from then on."""

    def __init__(self, rules: Sequence[Rule], quotes: Sequence[bytes]) -> None:
        self.fired = self.turned = 0
        self.engine = Engine(rules, (), fire=self._fire, flip=self._flip)
        take = _receiving(self.engine.take)
        for frame in quotes[: len(_SYMBOLS)]:
            take(frame)
        self.fired = self.turned = 0

    def _fire(self, _tick: Tick, _rules: object, _sides: object) -> None:
        self.fired += 1

    def _flip(self, _sides: object) -> None:
        self.turned += 1


def measure(frames: int = _FRAMES) -> dict[str, Figures]:
    """The figures of each arrangement."""
    quotes = _frames(frames)
    received = _per_frame_us(lambda: _receiving(None), quotes)
    found: dict[str, Figures] = {}
    for name, rules in _arrangements().items():
        judges: list[_Judge] = []
        judged = _per_frame_us(partial(_judging, judges, rules, quotes), quotes)
        fired, turned = judges[-1].fired / frames, judges[-1].turned / frames
        found[name] = Figures(received, judged, turned + fired, fired)
    return found


def _judging(judges: list[_Judge], rules: Sequence[Rule], quotes: Sequence[bytes]) -> Callable[[bytes], object]:
    """A judge of its own for each round: to one that has seen it all, a second round would come too late."""
    judges[:] = [_Judge(rules, quotes)]
    return _receiving(judges[0].engine.take)


def main() -> None:
    """Print the table."""
    alerts = [_ALERT % number for number in range(1, _FRAMES + 1)]
    print(f"{'µs per frame':<28}{'received':>10}{'judged':>10}{'ratio':>8}{'turned':>9}{'fired':>9}")
    print(f"{'an in-force alert':<28}{_per_frame_us(lambda: _receiving(None), alerts):>10.2f}")
    for name, row in measure().items():
        shares = f"{row.turned:>9.2%}{row.fired:>9.2%}"
        print(f"{name:<28}{row.received_us:>10.2f}{row.judged_us:>10.2f}{row.ratio:>8.2f}{shares}")


if __name__ == "__main__":
    main()
