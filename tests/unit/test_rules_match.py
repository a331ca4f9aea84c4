"""The compiled index says what each rule alone would say, in the config's order, within limits."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay.assets import ASSETS
from relay.events import Channel, Event
from relay.rules import match
from relay.rules.active import Active
from relay.rules.bits import mask_of, select
from relay.rules.explain import admits, explained, matched
from relay.rules.match import compile_rules
from relay.rules.prices import PriceIndex
from relay.rules.rule import PriceRange, Routes, Rule, Symbols, Threshold
from relay.states import StateWanted

_NAMES = ("AAPL", "spy", "BTC-USD", "eth-usd", "ES1!", "es=f", "NQ1!", "NQ", "BRK.B", "ON", "")
_PATTERNS = (*_NAMES[:-1], "*", "*-USD", "a*", "?S*", "[EN]*", "[!E]*1!", "*=F", "[", "E?1!", "ES", "nq=f")
_SHAPES = ("1-2U", "2D-2u", "3-1-2U", "3", "")
_SHAPE_GLOBS = ("1-2U", "3-*", "*-2u", "?-2?", "[13]*", "*")
_BOUNDS = (-math.inf, 0.0, 5.0, math.nextafter(5.0, 6.0), 100.0, 100.5, math.inf, math.nan)


def _maybe(values: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    return st.none() | st.sampled_from(values)


def _some(values: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    return st.none() | st.frozensets(st.sampled_from(values), max_size=3)


def _texts(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=3).map(tuple)


_CHANNELS = st.sampled_from((Channel.IN_FORCE, Channel.BREAKS))
_CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    "enabled": st.just(False),
    "symbols": st.builds(Symbols, any=_texts(_PATTERNS), none=_texts(_PATTERNS)),
    "assets": _some(ASSETS),
    "timeframes": _some(("D", "w", "4h", "60")),
    "directions": _some(("bullish", "BEARISH")),
    "shapes": _texts(_SHAPE_GLOBS),
    "candles": _some(("1", "2u", "3")),
    "threshold": st.builds(Threshold, minimum=_maybe((0, 2, 3)), exactly=st.frozensets(st.integers(1, 4))),
    "price": st.builds(PriceRange, minimum=_maybe(_BOUNDS), maximum=_maybe(_BOUNDS)),
    "continuation": st.booleans(),
    "otherwise": st.just(True),
}
_UNMATCHED_BY: dict[str, st.SearchStrategy[Any]] = {
    "routes": st.just(Routes("timeframe", {"D": ("swing",), "W": Routes("asset", {"stocks": ("swing",)})})),
    "cooldown": st.just(60.0),
    "active": st.just(Active("America/New_York", frozenset({0}))),
    "state": st.just(StateWanted(tfc={"D": "green"}, ftfc="bullish", sectors=("energy",))),
    "enrich": st.just(True),
    "on_unknown": st.just("deliver"),
    "max_age": st.just(1.0),
    "mention": st.just(("swing",)),
}
"""What is judged once a rule has matched, or chooses where to; it must not change the match."""


@st.composite
def _rules(draw: st.DrawFn) -> Rule:
    """A rule with few conditions, so that many a rule matches."""
    names = draw(st.lists(st.sampled_from(sorted(_CONDITIONS)), max_size=2, unique=True))
    chosen = {name: draw(_CONDITIONS[name]) for name in names}
    chosen |= {name: draw(_UNMATCHED_BY[name]) for name in draw(st.sets(st.sampled_from(sorted(_UNMATCHED_BY))))}
    return Rule(name="rule", to=("swing",), channel=draw(_CHANNELS), **chosen)


_EVENTS = st.builds(
    Event,
    channel=_CHANNELS,
    symbol=_maybe(_NAMES),
    symbols=_texts(_NAMES),
    timeframe=_maybe(("D", "d", "W", "4H", "60", "2D", "")),
    direction=_maybe(("bullish", "Bearish", "")),
    shape=_maybe(_SHAPES),
    cc=_maybe(("1", "2U", "2u", "3", "")),
    threshold=_maybe((0, 1, 2, 3, 4)),
    price=_maybe(_BOUNDS) | st.floats(),
    continuation=_maybe((True, False)),
)


@settings(max_examples=200, deadline=None)
@given(rules=st.lists(_rules(), min_size=5, max_size=40), events=st.lists(_EVENTS, min_size=4, max_size=8))
def test_the_index_says_of_every_rule_what_the_rule_alone_says(rules: list[Rule], events: list[Event]) -> None:
    index = compile_rules(rules)
    for event in (*events, *events):
        found = [id(rule) for rule in index.match(event)]
        assert found == [id(rule) for rule in matched(rules, event)]
        explanations = explained(rules, event)
        assert found == [id(own.rule) for own in explanations if own.matched]
        assert [own.rule for own in explanations] == rules
        for own in explanations:
            assert (own.unrouted is not None) <= (own.rule.destinations(event) == ())


def test_ranges_that_all_end_where_a_checkpoint_lies_are_told_apart() -> None:
    ranges = [PriceRange(0.0, float(top)) for top in range(64)]
    index = PriceIndex(ranges)
    for price in range(64):
        assert index.admitted(float(price)) == mask_of(range(price, 64), 64)


_RANGES = st.none() | st.builds(
    PriceRange,
    minimum=_maybe(_BOUNDS) | st.integers(0, 60).map(float),
    maximum=_maybe(_BOUNDS) | st.integers(0, 60).map(float),
)


@settings(deadline=None)  # the machine may be busy; time is not what is tested
@given(ranges=st.lists(_RANGES, max_size=80), price=st.none() | st.floats() | st.integers(-1, 61).map(float))
@example(ranges=[PriceRange(5.0, 5.0)] * 30, price=5.0)
def test_price_ranges_include_both_bounds_however_many_there_are(
    ranges: list[PriceRange | None], price: float | None
) -> None:
    rules = [Rule(name="range", to=("swing",), price=wanted) for wanted in ranges]
    event = Event(Channel.IN_FORCE, price=price)
    expected = mask_of((bit for bit, rule in enumerate(rules) if admits(rule, event)), len(rules))
    assert PriceIndex(ranges).admitted(price) == expected


def test_price_ranges_flip_a_handful_of_bits_among_ten_thousand() -> None:
    index = PriceIndex([PriceRange(float(low), low + 0.5) for low in range(10_000)])
    assert index._stride <= 8
    for slot in (0, 1, 17, 5_000, 9_999):
        assert index.admitted(slot + 0.25) == 1 << slot
        assert index.admitted(slot + 0.75) == 0


@settings(deadline=None)
@given(bits=st.frozensets(st.integers(0, 199)))
def test_selecting_keeps_the_order_for_few_and_for_many(bits: frozenset[int]) -> None:
    assert select(range(200), mask_of(bits, 200)) == tuple(sorted(bits))


def test_rules_match_in_the_order_of_the_config_without_the_disabled() -> None:
    rules = [
        Rule(name="third", to=("swing",)),
        Rule(name="off", to=("swing",), enabled=False),
        Rule(name="first", to=("swing",), symbols=Symbols(any=("AAPL",))),
        Rule(name="other", to=("swing",), channel=Channel.BREAKS),
    ]
    matched = compile_rules(rules).match(Event(Channel.IN_FORCE, symbol="AAPL"))
    assert [rule.name for rule in matched] == ["third", "first"]


@pytest.mark.parametrize("channel", list(Channel))
def test_no_rules_match_nothing(channel: Channel) -> None:
    assert compile_rules([]).match(Event(channel)) == ()


def test_a_feed_of_ever_new_words_is_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match, "SYMBOLS_REMEMBERED", 50)
    monkeypatch.setattr(match, "TRAITS_REMEMBERED", 50)
    index = compile_rules([Rule(name="usd", to=("swing",), symbols=Symbols(any=("*-USD",)), shapes=("*-2U",))])
    for number in range(500):
        event = Event(Channel.IN_FORCE, symbol=f"X{number}-USD", shape=f"{number}-2U")
        assert len(index.match(event)) == 1
    memory: Any = index._channels[Channel.IN_FORCE]
    assert memory.symbols.cache_info().currsize == 50
    assert memory.traits.cache_info().currsize == 50


def test_a_symbol_seen_before_is_not_worked_out_again() -> None:
    index = compile_rules([Rule(name="usd", to=("swing",), symbols=Symbols(any=("*-USD",)))])
    for _ in range(10):
        index.match(Event(Channel.IN_FORCE, symbol="BTC-USD", timeframe="D"))
    memory: Any = index._channels[Channel.IN_FORCE]
    assert memory.symbols.cache_info().misses == 1
    assert memory.traits.cache_info().misses == 1


def test_otherwise_takes_what_no_other_enabled_rule_of_its_channel_does() -> None:
    bulls = Rule(name="bulls", to=("a",), directions=frozenset({"bullish"}))
    off = Rule(name="off", to=("a",), enabled=False)
    rest = Rule(name="rest", to=("b",), otherwise=True)
    daily_rest = Rule(name="daily rest", to=("c",), otherwise=True, timeframes=frozenset({"D"}))
    breaks = Rule(name="breaks", to=("a",), channel=Channel.BREAKS)
    index = compile_rules([rest, bulls, off, daily_rest, breaks])
    assert index.match(Event(Channel.IN_FORCE, direction="bullish", timeframe="D")) == (bulls,)
    assert index.match(Event(Channel.IN_FORCE, direction="bearish", timeframe="D")) == (rest, daily_rest)
    assert index.match(Event(Channel.IN_FORCE, direction="bearish", timeframe="W")) == (rest,)
    assert index.match(Event(Channel.BREAKS)) == (breaks,)
