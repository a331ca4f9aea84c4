"""Any rule that a config can say, as a hypothesis strategy."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from relay.assets import ASSETS
from relay.config.routes import FIELDS_OF, VALUES_OF
from relay.events import CANDLES, DIRECTIONS, TIMEFRAMES, Channel
from relay.rules.active import EVERY_DAY, MINUTES, Active, Hours
from relay.rules.rule import ELSE, Levels, PriceRange, Routes, Rule, Symbols, Threshold
from relay.states import COLOUR_OF, COLOURS, HIGHER_TIMEFRAMES, StateWanted

DESTINATIONS = ("swing", "bot", "ON", "5", "the desk")
ZONES = ("America/New_York", "Australia/Lord_Howe", "UTC", "Etc/GMT+5", "Asia/Kolkata")

NAMES = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=40).map(str.strip)
TICKERS = st.from_regex(r"[A-Z0-9][A-Z0-9.=!/^-]{0,7}", fullmatch=True).filter(lambda name: name != "ALL")
GLOBS = st.sampled_from(["*-USD", "?", "[AB]*", "A*", "*"])
SPANS = st.sampled_from([0.25, 1.0, 90.0, 900.0, 7200.0, 86400.0]) | st.integers(1, 86_400).map(float)
PRICES = st.integers(-1000, 1000) | st.floats(-1e9, 1e9).filter(lambda price: price != 0)
MENTIONS = st.sampled_from(["<@&1>", "<@80351110224678912>", "<!subteam^S012ABC>"])


def lists(values: st.SearchStrategy[str], least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(values, min_size=least, max_size=4, unique=True).map(tuple)


def some(values: Sequence[str]) -> st.SearchStrategy[frozenset[str] | None]:
    return st.none() | st.frozensets(st.sampled_from(values), min_size=1)


@st.composite
def windows(draw: st.DrawFn) -> Active:
    ranges = st.builds(Hours, st.integers(0, MINUTES - 1), st.integers(0, MINUTES))
    hours = draw(st.lists(ranges.filter(lambda one: one.start != one.end), max_size=3, unique=True))
    days = draw(st.frozensets(st.integers(0, 6), min_size=1) | st.just(EVERY_DAY))
    return Active(draw(st.sampled_from(ZONES)), days, tuple(hours))


@st.composite
def routes(draw: st.DrawFn, by: Sequence[str]) -> Routes:
    keys = draw(st.lists(st.sampled_from([*VALUES_OF[by[0]], ELSE]), min_size=1, unique=True))
    leaf = lists(st.sampled_from(DESTINATIONS), 1)
    return Routes(by[0], {key: draw(leaf | routes(by[1:]) if by[1:] else leaf) for key in keys})


@st.composite
def states(draw: st.DrawFn, *, needed: bool) -> StateWanted | None:
    """What is wanted of a state, without contradiction; at least a colour or full continuity where ``needed``."""
    ftfc = draw(st.none() | st.sampled_from(DIRECTIONS))
    odd = {"green", "red"} - {COLOUR_OF[ftfc]} if ftfc else set()
    tfc = {
        timeframe: colour
        for timeframe, colour in draw(st.dictionaries(st.sampled_from(TIMEFRAMES), st.sampled_from(COLOURS))).items()
        if not (timeframe in HIGHER_TIMEFRAMES and colour in odd)
    }
    sectors = draw(lists(st.sampled_from(["energy", "health care", "no", "5"])))
    if needed and not tfc and ftfc is None:
        tfc = {"D": "green"}
    wanted = StateWanted(tfc, ftfc, sectors)
    return None if wanted == StateWanted() else wanted


@st.composite
def _bounds(draw: st.DrawFn) -> tuple[PriceRange | None, Levels | None]:
    """At least one bound, none against another: those below are less than those above."""
    low, high = sorted(draw(st.lists(PRICES, min_size=2, max_size=2, unique=True)))
    chosen = draw(st.lists(st.booleans(), min_size=6, max_size=6).filter(any))
    least, most, above, below, crosses_above, crosses_below = (
        price if wanted else None for price, wanted in zip((low, high, low, high, low, high), chosen, strict=True)
    )
    price, levels = PriceRange(least, most), Levels(above, below, crosses_above, crosses_below)
    return None if price == PriceRange() else price, None if levels == Levels() else levels


@st.composite
def rules(draw: st.DrawFn, name: str = "a rule") -> Rule:
    """A rule of any channel, with whatever keys that channel can have."""
    channel = draw(st.sampled_from(Channel))
    edge = channel in {Channel.QUOTES, Channel.STATES}
    in_force, alerts = channel is Channel.IN_FORCE, not edge
    wanted, levels = draw(_bounds()) if channel is Channel.QUOTES else (None, None)
    if in_force:
        wanted = draw(st.none() | st.integers(0, 9).map(lambda least: PriceRange(least, least + 1)))
    state = None if channel is Channel.QUOTES else draw(states(needed=channel is Channel.STATES))
    by = draw(st.lists(st.sampled_from(FIELDS_OF[channel]), max_size=3, unique=True))
    chosen = draw(routes(by)) if by else None
    thresholds = st.builds(Threshold, st.integers(2, 4)) | st.builds(
        Threshold, st.none(), st.frozensets(st.integers(2, 4), min_size=1)
    )
    return Rule(
        name=name,
        to=draw(lists(st.sampled_from(DESTINATIONS), 1)) if chosen is None else chosen.every(),
        enabled=draw(st.booleans()),
        channel=channel,
        symbols=Symbols(draw(lists(TICKERS, 1) if edge else lists(TICKERS | GLOBS)), draw(lists(TICKERS | GLOBS))),
        assets=draw(some(ASSETS)),
        timeframes=draw(some(TIMEFRAMES)) if alerts else None,
        directions=draw(some(DIRECTIONS)) if alerts else None,
        shapes=draw(lists(st.sampled_from(["1-2U", "3-*", "2D", "3"]))) if in_force else (),
        candles=draw(some(CANDLES)) if in_force else None,
        threshold=draw(st.none() | thresholds) if channel is Channel.BREAKS else None,
        price=wanted,
        continuation=draw(st.none() | st.booleans()) if in_force else None,
        max_age=draw(st.none() | SPANS),
        mention=draw(lists(MENTIONS)),
        otherwise=draw(st.booleans()) if alerts else False,
        routes=chosen,
        cooldown=draw(st.none() | SPANS),
        active=draw(st.none() | windows()),
        state=state,
        enrich=draw(st.booleans()) if alerts else False,
        on_unknown=draw(st.sampled_from(["drop", "deliver"])) if alerts and state else "drop",
        levels=levels,
    )
