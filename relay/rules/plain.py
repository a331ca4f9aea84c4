"""A rule as one plain sentence, so that its author can hear whether it says what was meant.

    daily bulls: in-force alerts on AAPL, SPY or any *-USD, on the daily or weekly timeframe, bullish, shaped 1-2U
    or 3-*, priced 5 to 500, that are no continuation, while W is green, go to swing and bot; at most one in 15 minutes
    for each symbol, timeframe and direction; not sent when older than 10 minutes.

Every condition of the rule is in the sentence, and what is not in it is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from relay.events import PER_SYMBOL_CHANNELS, Channel
from relay.rules import words
from relay.rules.conditions import is_glob
from relay.rules.routed import routed
from relay.rules.rule import Levels, Rule, Symbols
from relay.states import StateWanted

_EVERY: Final = "*"
_CONTINUITY: Final = {"bullish": "up", "bearish": "down"}


def sentence(rule: Rule) -> str:
    """``rule`` in words, one sentence that ends in a full stop."""
    name = rule.name if rule.enabled else f"{rule.name} (switched off)"
    conditions = list(_conditions(rule))
    if rule.otherwise:
        conditions.append("that no other rule matched")
    parts = ", ".join((_subject(rule, alone=not conditions), *conditions))
    pause = "," if conditions else ""
    to = f"to {words.listing(rule.to, 'and')}" if rule.routes is None else routed(rule.routes)
    limits = "".join(f"; {limit}" for limit in _limits(rule))
    return f"{name}: {parts}{pause} go {to}{_extras(rule)}{limits}."


def _subject(rule: Rule, *, alone: bool) -> str:
    """What the rule is about: the events, their symbols, and at which moment of a quote or a state it fires."""
    subject = words.CHANNEL_WORDS[rule.channel]
    if rule.threshold is not None:
        subject = f"{subject} of {words.threshold(rule.threshold)} futures"
    edges = rule.channel in PER_SYMBOL_CHANNELS
    symbols = (
        _participants(rule.symbols)
        if rule.channel is Channel.BREAKS
        else _symbols(rule.symbols, "of" if edges else "on")
    )
    moment = f" as {_moment(rule)}" if edges and _moment(rule) else ""
    everything = alone and not (symbols or moment or rule.threshold is not None)
    return f"{'all ' if everything else ''}{subject}{symbols}{moment}"


def _extras(rule: Rule) -> str:
    pinged = f", pinging {words.listing(rule.mention, 'and')}" if rule.mention else ""
    whose = "the futures' states" if rule.channel is Channel.BREAKS else "the symbol's state"
    return f"{pinged}, with {whose} shown" if rule.enrich else pinged


def _limits(rule: Rule) -> Iterator[str]:
    """What keeps an alert that matched from being sent."""
    if rule.cooldown is not None:
        kind = {
            Channel.IN_FORCE: "for each symbol, timeframe and direction",
            Channel.BREAKS: "for each timeframe and direction, unless more futures take part",
        }.get(rule.channel, "for each symbol")
        yield f"at most one in {words.span(rule.cooldown)} {kind}"
    if rule.active is not None:
        yield f"only {words.window(rule.active)}"
    if rule.on_unknown == "deliver":
        yield "sent too where the symbol's state can't be known"
    if rule.max_age is not None:
        yield f"not sent when older than {words.span(rule.max_age)}"


def _moment(rule: Rule) -> str:
    """What becomes true as a rule on quotes or states fires."""
    return words.listing([*_of_price(rule), *_of_state(rule, "become")], "and")


def _of_price(rule: Rule) -> Iterator[str]:
    levels = rule.levels or Levels()
    crossed = [f"{side} {words.number(level)}" for side, level in levels.crossings()]
    if crossed:
        yield f"the price crosses {words.listing(crossed, 'or')}"
    place = [f"{side} {words.number(level)}" for side, level in levels.places()]
    if rule.price is not None and rule.channel is Channel.QUOTES:
        place.append(words.price_range(rule.price))
    if place:
        yield f"{'is' if crossed else 'the price comes to be'} {words.listing(place, 'and')}"


def _of_state(rule: Rule, verb: str) -> Iterator[str]:
    """Colours and continuity, that ``become`` so or ``are`` so."""
    state = rule.state or StateWanted()
    if state.tfc:
        yield words.colours(state.tfc, verb)
    if state.ftfc is not None:
        way = _CONTINUITY.get(state.ftfc, state.ftfc)
        yield f"full continuity {'turns' if verb == 'become' else 'is'} {way}"


def _symbols(symbols: Symbols, of: str) -> str:
    refused = words.listing(_each(symbols.none), "or")
    if symbols.any and _EVERY not in symbols.any:
        return f" {of} {words.listing(_each(symbols.any), 'or')}{f' but not {refused}' if refused else ''}"
    if refused:
        return f" {of} every symbol but {refused}"
    return f" {of} every symbol" if symbols.any else ""


def _participants(symbols: Symbols) -> str:
    wanted = f" with {words.listing(_each(symbols.any), 'or')} among them" if symbols.any else ""
    refused = f" without {words.listing(_each(symbols.none), 'or')}" if symbols.none else ""
    return f"{wanted}{' and' if wanted and refused else ''}{refused}"


def _each(patterns: Sequence[str]) -> list[str]:
    return [f"any {pattern}" if is_glob(pattern) else pattern for pattern in patterns]


def _conditions(rule: Rule) -> Iterator[str]:
    if rule.assets is not None:
        yield f"of {words.listing(words.assets(rule.assets), 'or')}"
    if rule.state is not None and rule.state.sectors:
        yield f"in the {words.listing(rule.state.sectors, 'or')} sector"
    if rule.timeframes is not None:
        names = [words.timeframe_word(value) for value in words.timeframes(rule.timeframes)]
        yield f"on the {words.listing(names, 'or')} timeframe"
    if rule.directions is not None:
        yield words.listing(words.directions(rule.directions), "or")
    if rule.shapes:
        yield f"shaped {words.listing(rule.shapes, 'or')}"
    if rule.candles is not None:
        yield f"with a current candle {words.listing(words.candles(rule.candles), 'or')}"
    if rule.price is not None and rule.channel is not Channel.QUOTES:
        yield f"priced {words.price_range(rule.price)}"
    if rule.continuation is not None:
        yield f"that are {'a' if rule.continuation else 'no'} continuation"
    held = [] if rule.channel in PER_SYMBOL_CHANNELS else list(_of_state(rule, "are"))
    if held:
        yield f"while {words.listing(held, 'and')}{' for each of them' if rule.channel is Channel.BREAKS else ''}"
