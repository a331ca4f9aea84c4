"""The engine against a model that looks at every rule on every value, over restarts and reloads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from relay.events import Channel
from relay.rules.rule import Levels, PriceRange, Rule
from relay.states import StateWanted, holds, snapshot_of
from relay.upstream.tick import Tick
from tests.support.ticks import Desk, on_quotes, on_states, quote, state

SYMBOLS = ("AAPL", "MSFT")
GRID = (1.0, 2.0, 3.0, 4.0)
BETWEEN = tuple(value for level in GRID for value in (level, math.nextafter(level, 0), math.nextafter(level, 9)))

levels = st.none() | st.sampled_from(GRID)
colours = st.sampled_from(("green", "red", "na"))
prices = st.none() | st.sampled_from((*BETWEEN, 0.5, 9.0, math.nan, math.inf, -math.inf))
timeframes = st.dictionaries(st.sampled_from("DW"), colours)
symbols = st.sampled_from(SYMBOLS)
listed = st.lists(symbols, min_size=1, max_size=2, unique=True)


@st.composite
def some_rules(draw: st.DrawFn) -> list[Rule]:
    """Rules by the names r0, r1, …, so that a reload changes what is behind a name."""
    rules: list[Rule] = []
    for number in range(draw(st.integers(0, 4))):
        names = draw(listed)
        if draw(st.integers(0, 3)):
            wanted = {key: draw(levels) for key in ("above", "below", "crosses_above", "crosses_below")}
            rule = on_quotes(f"r{number}", *names, low=draw(levels), high=draw(levels), **wanted)
        else:
            wanted_ftfc = draw(st.sampled_from((None, "bullish")))
            rule = on_states(f"r{number}", *names, tfc=draw(timeframes), ftfc=wanted_ftfc)
        rules.append(replace(rule, enabled=draw(st.integers(0, 5)) > 0))
    return rules


ticks = st.builds(quote, symbols, prices) | st.builds(lambda symbol, tfc: state(symbol, tfc=tfc), symbols, timeframes)
steps = st.lists(ticks | ticks | ticks | st.just("restart") | some_rules(), max_size=25)


class Model:
    """Every rule on every value; remembers by rule and symbol, for as long as the condition is the same."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self.seen: dict[tuple[str, str], tuple[object, tuple[bool, ...]]] = {}

    def reload(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        kept = {(rule.name, symbol): _condition(rule) for rule in rules if rule.enabled for symbol in rule.symbols.any}
        self.seen = {key: value for key, value in self.seen.items() if kept.get(key) == value[0]}

    def take(self, tick: Tick) -> tuple[str, ...]:
        if tick.channel is Channel.QUOTES and (tick.price is None or not math.isfinite(tick.price)):
            return ()
        return tuple(rule.name for rule in self.rules if self._fires(rule, tick))

    def _fires(self, rule: Rule, tick: Tick) -> bool:
        if not rule.enabled or rule.channel is not tick.channel or tick.symbol not in rule.symbols.any:
            return False
        before = self.seen.get((rule.name, tick.symbol))
        after, allowed = _sides(rule, tick)
        self.seen[rule.name, tick.symbol] = (_condition(rule), after)
        return (
            before is not None and allowed and any(new and not old for old, new in zip(before[1], after, strict=True))
        )


def _condition(rule: Rule) -> object:
    return rule.price, rule.levels, rule.state


def _sides(rule: Rule, tick: Tick) -> tuple[tuple[bool, ...], bool]:
    if tick.channel is Channel.STATES:
        return (holds(rule.state or StateWanted(), snapshot_of(tick.data)),), True
    price, wanted, at = tick.price, rule.price or PriceRange(), rule.levels or Levels()
    assert price is not None
    inside = (
        (wanted.minimum is None or wanted.minimum <= price)
        and (wanted.maximum is None or price <= wanted.maximum)
        and (at.above is None or price > at.above)
        and (at.below is None or price < at.below)
    )
    if at.crosses_above is None and at.crosses_below is None:
        return (inside,), True
    crossed = (
        at.crosses_above is not None and price > at.crosses_above,
        at.crosses_below is not None and price < at.crosses_below,
    )
    return crossed, inside


@given(some_rules(), steps)
@example(
    [on_states("r0", "AAPL", tfc={"W": "na"})],
    [
        state("AAPL", tfc={"W": "green"}),
        [on_states("r0", "AAPL")],  # another condition, for as long as nothing comes
        [on_states("r0", "AAPL", tfc={"W": "na"})],
        state("AAPL", tfc={}),
    ],
)
def test_the_engine_fires_what_a_model_fires_that_looks_at_every_rule_on_every_value(
    rules: list[Rule], steps: list[Tick | str | list[Rule]]
) -> None:
    desk, model = Desk(rules), Model(rules)
    for step in steps:
        if isinstance(step, Tick):
            expected = model.take(step)
            assert desk.take(step) == ([expected] if expected else [])
        elif isinstance(step, str):  # all that outlives a restart is what was given to be stored
            desk = Desk(rules, desk.stored.values())
            desk.stored = {(side.rule, side.symbol): side for side in desk.engine.sides()}
        else:
            rules = step
            desk = Desk(rules, desk.engine.sides())
            desk.stored = {(side.rule, side.symbol): side for side in desk.engine.sides()}
            model.reload(rules)
        assert {(side.rule, side.symbol): side for side in desk.engine.sides()} == desk.stored
        assert len(desk.stored) <= sum(len(rule.symbols.any) for rule in rules)
