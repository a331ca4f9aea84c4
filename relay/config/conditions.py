"""The kinds of value in a rule: symbols, timeframes, thresholds, prices, and where to.

    what the YAML holds ──a reader each──> typed and folded, or one sentence that says what is wanted

``rules`` puts them together into a rule. What holds always: symbols, shapes and candles are upper case, directions
lower, timeframes in the vendor's spelling; ``all`` stays a word until the rule is made.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Final, TypeAlias

from pydantic import (
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from relay.assets import ASSETS
from relay.document.fields import (
    FROM_ENV,
    JsonSchema,
    Later,
    Leaf,
    Many,
    Number,
    Section,
    Text,
    choice,
    not_yet,
    text,
    whole,
    wrong,
)
from relay.document.timeframes import timeframe
from relay.events import ALERT_CHANNELS, CANDLES, DIRECTIONS, Channel

ALL: Final = "all"
_LONGEST_NAME: Final = 100
_FEWEST, _MOST = 2, 4  # of the four index futures break together
_QUOTES: Final = re.compile("[\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb]")
_CHANNEL_NAME: Final = choice(*map(str, Channel))


def _symbol(value: object) -> str:
    symbol = text(value).strip()
    if re.search(r"[\s,;]", symbol):
        raise wrong("one symbol is wanted; write several as a list: [AAPL, SPY]", value)
    if _QUOTES.search(symbol):
        raise wrong('no symbol has a quote in it; YAML takes the plain ones around it, "…"', value)
    return symbol.upper()


def _shape(value: object) -> str:
    return text(value).strip().upper()


def _rule_name(value: object) -> str:
    name = text(value).strip()
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise wrong(f"a rule's name is one line of at most {_LONGEST_NAME} characters", value)
    return name


def _channel(value: object) -> Channel:
    channel = Channel(_CHANNEL_NAME.read(value))  # type: ignore[arg-type]  # a choice is one of its texts
    if channel not in ALERT_CHANNELS:
        raise not_yet(f"'{channel}' is", at_key=False)
    return channel


def _hours(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-4]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d", value):
        raise wrong('hours are wanted like "09:30-16:00"', value)
    return str(value)


def _upper_or_all(name: str) -> str:
    return ALL if name.lower() == ALL else name.upper()


_SYMBOL_SCHEMA: Final[JsonSchema] = {"type": ["string", "number"], "minLength": 1}

AlertChannel: TypeAlias = Annotated[Channel, Leaf(_channel, {"enum": list(map(str, ALERT_CHANNELS))})]
AssetName: TypeAlias = Annotated[str, choice(*ASSETS, ALL, fold=str.lower)]
Symbol: TypeAlias = Annotated[str, Leaf(_symbol, _SYMBOL_SCHEMA)]
Shape: TypeAlias = Annotated[str, Leaf(_shape, {"type": ["string", "number"]})]
RuleName: TypeAlias = Annotated[str, Leaf(_rule_name, {"type": ["string", "number"]})]
Timeframe: TypeAlias = Annotated[str, timeframe(ALL)]
Direction: TypeAlias = Annotated[str, choice(*DIRECTIONS, ALL, fold=str.lower)]
Candle: TypeAlias = Annotated[str, choice(*CANDLES, ALL, fold=_upper_or_all)]
Count: TypeAlias = Annotated[int, whole(_FEWEST, _MOST)]


class SymbolLists(Section):
    """Symbols and globs."""

    any: Many[Symbol] | None = None
    """Any of these; all symbols where it is left out."""
    none: Many[Symbol] | None = Field(default=None, alias="not")
    """None of these."""

    @model_validator(mode="after")
    def _says_something(self) -> SymbolLists:
        if self.any is None and self.none is None:
            raise wrong("any or not is wanted")
        return self


class _SymbolForms:
    """Metadata: one symbol or a list is short for ``any``."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        def spell_out(value: object) -> object:
            return value if isinstance(value, dict | SymbolLists) else {"any": value}

        return core_schema.no_info_before_validator_function(spell_out, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        array = {"type": "array", "items": _SYMBOL_SCHEMA, "minItems": 1}
        return {"anyOf": [_SYMBOL_SCHEMA, array, handler(core)]}


class Price(Section):
    """Inclusive bounds."""

    wanted: ClassVar[str] = "bounds are wanted, like {min: 5, max: 500}"

    min: Number | None = None
    """The least."""
    max: Number | None = None
    """The most."""
    crosses_above: Annotated[Number | None, Later()] = None
    crosses_below: Annotated[Number | None, Later()] = None

    @model_validator(mode="after")
    def _in_order(self) -> Price:
        if self.min is None and self.max is None:
            raise wrong("min or max is wanted")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise wrong(f"min ({self.min:g}) is greater than max ({self.max:g})")
        return self


class Active(Section):
    """When a rule is awake."""

    timezone: Text
    days: Many[Text] | None = None
    hours: Annotated[str | None, Leaf(_hours, {"type": "string"})] = None


class Routes(Section):
    """Destinations chosen by a field of the alert."""

    by: Many[Annotated[str, choice("asset", "timeframe", "direction", "threshold")]]
    routes: dict[Text, Many[Text]]


def _to_form(value: object) -> str:
    return "to=routes" if isinstance(value, dict | Routes) else "to=names"


def _threshold_form(value: object) -> str:
    return "threshold=list" if isinstance(value, list | tuple) else "threshold=number"


def _threshold(value: object) -> int | str:
    if isinstance(value, str) and value.lower() == ALL:
        return ALL
    read = whole(_FEWEST, _MOST).read(value)
    assert isinstance(read, int)
    return read


To: TypeAlias = Annotated[
    Annotated[Many[Text], Tag("to=names")] | Annotated[Routes, Later("routes are"), Tag("to=routes")],
    Discriminator(_to_form),
]
_THRESHOLD_SCHEMA: Final[JsonSchema] = {
    "anyOf": [{"type": "integer", "minimum": _FEWEST, "maximum": _MOST}, {"const": ALL}, FROM_ENV]
}
ThresholdForms: TypeAlias = Annotated[
    Annotated[Many[Count], Tag("threshold=list")]
    | Annotated[int | str, Leaf(_threshold, _THRESHOLD_SCHEMA), Tag("threshold=number")],
    Discriminator(_threshold_form),
]
Colour: TypeAlias = Annotated[str, choice("green", "red", "na", fold=str.lower)]
SymbolForms: TypeAlias = Annotated[SymbolLists, _SymbolForms()]
