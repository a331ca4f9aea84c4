"""No condition of a rule is left out of its sentence: two rules that ask for different things are heard apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from relay.assets import ASSETS
from relay.events import ALERT_CHANNELS, DIRECTIONS, TIMEFRAMES, Channel, Event
from relay.rules.active import DAYS, Active, Hours
from relay.rules.plain import sentence
from relay.rules.rule import Levels, PriceRange, Routes, Rule, Symbols, Threshold
from relay.states import COLOURS, StateWanted

_MINUTES = st.integers(0, 1439)
_NUMBERS = st.sampled_from((1.0, 2.5, 100.0))
_SPANS = st.sampled_from((60.0, 900.0))
_NAMES = ("a", "b", "c")
_TO = st.lists(st.sampled_from(_NAMES), min_size=1, max_size=2, unique=True).map(tuple)
_VALUES = {"asset": ASSETS, "timeframe": TIMEFRAMES[5:8], "direction": DIRECTIONS}
_SYMBOL_OF = {"stocks": "AAPL", "futures": "NQ=F", "crypto": "BTC-USD"}


def _sorted(values: Sequence[Any], most: int = 2) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.sets(st.sampled_from(values), max_size=most).map(lambda found: tuple(sorted(found)))


def _some(values: Sequence[str]) -> st.SearchStrategy[frozenset[str] | None]:
    return st.none() | st.frozensets(st.sampled_from(values), min_size=1, max_size=3)


_STATES = st.builds(
    StateWanted,
    tfc=st.dictionaries(st.sampled_from(("D", "W", "M")), st.sampled_from(COLOURS), max_size=2),
    ftfc=st.none() | st.sampled_from(DIRECTIONS),
    sectors=_sorted(("energy", "technology")),
).filter(lambda state: state != StateWanted())
_ACTIVE = st.builds(
    Active,
    timezone=st.sampled_from(("America/New_York", "UTC", "US/Eastern", "Asia/Tokyo")),
    days=st.frozensets(st.integers(0, len(DAYS) - 1), min_size=1),
    hours=st.lists(st.builds(Hours, start=_MINUTES, end=_MINUTES), max_size=2, unique=True).map(tuple),
)
_LEVELS = st.builds(
    Levels,
    above=st.none() | _NUMBERS,
    below=st.none() | _NUMBERS,
    crosses_above=st.none() | _NUMBERS,
    crosses_below=st.none() | _NUMBERS,
).filter(lambda levels: levels != Levels())
_PRICES = st.builds(PriceRange, minimum=_NUMBERS, maximum=st.none() | _NUMBERS)


@st.composite
def _routes(draw: st.DrawFn, by: Sequence[str]) -> Routes:
    values = draw(st.lists(st.sampled_from((*_VALUES[by[0]], "else")), min_size=1, max_size=3, unique=True))
    deeper = st.deferred(lambda: _routes(by[1:])) if len(by) > 1 else st.nothing()
    return Routes(by[0], {value: draw(_TO | deeper) for value in values})


@st.composite
def _rules(draw: st.DrawFn) -> Rule:
    channel = draw(st.sampled_from(list(Channel)))
    alerts = channel in ALERT_CHANNELS
    parts: dict[str, st.SearchStrategy[Any]] = {
        "symbols": st.builds(Symbols, any=_sorted(("AAPL", "*-USD")), none=_sorted(("SPY",))),
        "assets": _some(ASSETS),
        "cooldown": st.none() | _SPANS,
        "active": st.none() | _ACTIVE,
        "max_age": st.none() | _SPANS,
        "mention": _sorted(("x", "y")),
    }
    if alerts:
        parts |= {
            "timeframes": _some(("D", "W", "M")),
            "directions": _some(DIRECTIONS),
            "otherwise": st.booleans(),
            "enrich": st.booleans(),
        }
    if channel is not Channel.QUOTES:
        parts["state"] = st.none() | _STATES
    if channel is Channel.QUOTES:
        parts["levels"] = st.none() | _LEVELS
    if channel is Channel.BREAKS:
        parts["threshold"] = st.none() | st.builds(Threshold, minimum=st.integers(2, 4))
    if channel in {Channel.QUOTES, Channel.IN_FORCE}:
        parts["price"] = st.none() | _PRICES
    names = draw(st.lists(st.sampled_from(sorted(parts)), max_size=2, unique=True))
    rule: dict[str, Any] = {name: draw(parts[name]) for name in names}
    if alerts and rule.get("state") is not None:
        rule["on_unknown"] = draw(st.sampled_from(("drop", "deliver")))
    return Rule(name="rule", to=draw(_TO), enabled=draw(st.booleans()), channel=channel, **rule)


@settings(max_examples=300, deadline=None)
@given(rules=st.lists(_rules(), min_size=2, max_size=30))
def test_rules_that_differ_in_any_condition_have_different_sentences(rules: list[Rule]) -> None:
    by_sentence: dict[str, Rule] = {}
    for rule in rules:
        assert by_sentence.setdefault(sentence(rule), rule) == rule


_EVENTS = [
    Event(Channel.IN_FORCE, symbol=_SYMBOL_OF.get(asset or ""), timeframe=timeframe, direction=direction)
    for asset, timeframe, direction in product((*ASSETS, None), (*TIMEFRAMES, None), (*DIRECTIONS, None))
]


@settings(max_examples=300, deadline=None)
@given(
    by=st.permutations(tuple(_VALUES)).map(lambda fields: fields[:2]),
    data=st.data(),
)
def test_routes_that_lead_an_alert_elsewhere_have_different_sentences(by: list[str], data: st.DataObject) -> None:
    one, other = data.draw(_routes(by)), data.draw(_routes(by))
    rules = [Rule("rule", to=routes.every(), routes=routes) for routes in (one, other)]
    if any(one.chosen(event) != other.chosen(event) for event in _EVENTS):
        assert len(set(map(sentence, rules))) == 2
