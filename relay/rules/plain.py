"""A rule as one plain sentence, so that its author can hear whether it says what was meant.

    daily bulls: in-force alerts on AAPL, SPY or any *-USD, on the daily or weekly timeframe, bullish, shaped 1-2U
    or 3-*, priced 5 to 500, that are no continuation, go to swing and bot; not sent when older than 10 minutes.

Every condition of the rule is in the sentence, and what is not in it is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from relay.events import Channel
from relay.rules import words
from relay.rules.conditions import is_glob
from relay.rules.rule import Rule, Symbols

_EVERY: Final = "*"


def sentence(rule: Rule) -> str:
    """``rule`` in words, one sentence that ends in a full stop."""
    name = rule.name if rule.enabled else f"{rule.name} (switched off)"
    subject = words.CHANNEL_WORDS[rule.channel]
    if rule.threshold is not None:
        subject = f"{subject} of {words.threshold(rule.threshold)} futures"
    symbols = _participants(rule.symbols) if rule.channel is Channel.BREAKS else _symbols(rule.symbols)
    conditions = list(_conditions(rule))
    if rule.otherwise:
        conditions.append("that no other rule matched")
    elif not symbols and not conditions and rule.threshold is None:
        subject = f"all {subject}"
    parts = ", ".join((f"{subject}{symbols}", *conditions))
    pause = "," if conditions else ""
    age = "" if rule.max_age is None else f"; not sent when older than {words.span(rule.max_age)}"
    pinged = f", pinging {words.listing(rule.mention, 'and')}" if rule.mention else ""
    return f"{name}: {parts}{pause} go to {words.listing(rule.to, 'and')}{pinged}{age}."


def _symbols(symbols: Symbols) -> str:
    refused = words.listing(_each(symbols.none), "or")
    if symbols.any and _EVERY not in symbols.any:
        return f" on {words.listing(_each(symbols.any), 'or')}{f' but not {refused}' if refused else ''}"
    if refused:
        return f" on every symbol but {refused}"
    return " on every symbol" if symbols.any else ""


def _participants(symbols: Symbols) -> str:
    wanted = f" with {words.listing(_each(symbols.any), 'or')} among them" if symbols.any else ""
    refused = f" without {words.listing(_each(symbols.none), 'or')}" if symbols.none else ""
    return f"{wanted}{' and' if wanted and refused else ''}{refused}"


def _each(patterns: Sequence[str]) -> list[str]:
    return [f"any {pattern}" if is_glob(pattern) else pattern for pattern in patterns]


def _conditions(rule: Rule) -> Iterator[str]:
    if rule.assets is not None:
        yield f"of {words.listing(words.assets(rule.assets), 'or')}"
    if rule.timeframes is not None:
        names = [words.timeframe_word(value) for value in words.timeframes(rule.timeframes)]
        yield f"on the {words.listing(names, 'or')} timeframe"
    if rule.directions is not None:
        yield words.listing(words.directions(rule.directions), "or")
    if rule.shapes:
        yield f"shaped {words.listing(rule.shapes, 'or')}"
    if rule.candles is not None:
        yield f"with a current candle {words.listing(words.candles(rule.candles), 'or')}"
    if rule.price is not None:
        yield f"priced {words.price_range(rule.price)}"
    if rule.continuation is not None:
        yield f"that are {'a' if rule.continuation else 'no'} continuation"
