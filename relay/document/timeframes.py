"""A timeframe as a config writes it, wherever one stands: in a rule, or in a chat's mentions.

The vendor's spelling in any capitals; what other programs write is answered with what it is called here.
"""

from __future__ import annotations

from typing import Final

from relay.document.fields import Leaf, choice, text, wrong
from relay.events import TIMEFRAMES

_MEANT: Final = {
    **dict.fromkeys(("15M", "15MIN", "M15"), "15"),
    **dict.fromkeys(("30M", "30MIN", "M30"), "30"),
    **dict.fromkeys(("60M", "60MIN", "1H", "H1", "H", "HOURLY"), "60"),
    **dict.fromkeys(("240", "H4", "4HR"), "4H"),
    **dict.fromkeys(("720", "H12", "12HR"), "12H"),
    **dict.fromkeys(("1D", "D1", "DAY", "DAILY"), "D"),
    **dict.fromkeys(("1W", "W1", "WEEK", "WEEKLY"), "W"),
    **dict.fromkeys(("MN", "1MO", "MONTH", "MONTHLY"), "M"),
    **dict.fromkeys(("1Q", "3M", "3MO", "QUARTER", "QUARTERLY"), "Q"),
    **dict.fromkeys(("1Y", "12M", "12MO", "YEAR", "YEARLY"), "Y"),
}
"""How other programs write the timeframes; 1M is left out, for it is a minute as often as a month."""


def timeframe(*words: str) -> Leaf:
    """One of the vendor's timeframes, or of ``words``, which are lower case.

    The nearest by letters would be a trap (5m is no M), so the meaning is told.
    """

    def fold(name: str) -> str:
        return name.lower() if name.lower() in words else name.upper()

    def read(value: object) -> str:
        name = fold(text(value).strip())
        if name in (*TIMEFRAMES, *words):
            return name
        meant = _MEANT.get(name)
        told = f"that timeframe is written '{meant}'" if meant else f"a timeframe is one of {', '.join(TIMEFRAMES)}"
        raise wrong(told, value)

    known = choice(*TIMEFRAMES, *words, fold=fold)
    return Leaf(read, known.schema, known.options)
