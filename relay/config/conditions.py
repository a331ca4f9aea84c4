"""The kinds of value in a rule: symbols, timeframes, thresholds, prices, and where to.

    what the YAML holds ──a reader each──> typed and folded, or one sentence that says what is wanted

``rules`` puts them together into a rule. What holds always: symbols, shapes and candles are upper case, directions
lower, timeframes in the vendor's spelling; ``all`` stays a word until the rule is made.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from relay.assets import ASSETS
from relay.config.routes import RoutesConfig
from relay.document.fields import (
    FROM_ENV,
    JsonSchema,
    Leaf,
    Many,
    Number,
    Section,
    Text,
    choice,
    text,
    whole,
    wrong,
)
from relay.document.timeframes import timeframe
from relay.events import CANDLES, DIRECTIONS, Channel
from relay.states import COLOURS

ALL: Final = "all"
_LONGEST_NAME: Final = 100
_FEWEST, _MOST = 2, 4  # of the four index futures break together
_BOTH_HOLD: Final = (
    *(("above", high) for high in ("max", "below", "crosses_below")),
    *(("crosses_above", high) for high in ("max", "below")),
    *(("min", high) for high in ("below", "crosses_below")),
)
"""Pairs that ask for a price above the one and below the other, one of them excluded."""
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
    if isinstance(value, dict):
        raise wrong("one shape or a list is wanted, like [1-2U, 3-*]", value)
    return text(value).strip().upper()


def _rule_name(value: object) -> str:
    name = text(value).strip()
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise wrong(f"a rule's name is one line of at most {_LONGEST_NAME} characters", value)
    return name


def _channel(value: object) -> Channel:
    return Channel(_CHANNEL_NAME.read(value))  # type: ignore[arg-type]  # a choice is one of its texts


def _colours_by_timeframe(value: object) -> object:
    if not isinstance(value, dict):
        raise wrong("colours by timeframe are wanted, like {D: green, W: green}", value)
    return value


def _upper_or_all(name: str) -> str:
    return ALL if name.lower() == ALL else name.upper()


_SYMBOL_SCHEMA: Final[JsonSchema] = {"type": ["string", "number"], "minLength": 1}

ChannelName: TypeAlias = Annotated[Channel, Leaf(_channel, {"enum": list(map(str, Channel))})]
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
    """Bounds of a price, and on quotes the levels to wait for."""

    wanted: ClassVar[str] = "bounds are wanted, like {min: 5, max: 500}, or on quotes {crosses_above: 200}"

    min: Number | None = None
    """The least."""
    max: Number | None = None
    """The most."""
    above: Number | None = None
    """On quotes: it fires as the price gets above this, where it was not."""
    below: Number | None = None
    """On quotes: it fires as the price gets below this, where it was not."""
    crosses_above: Number | None = None
    """On quotes: it fires each time the price goes through this from below."""
    crosses_below: Number | None = None
    """On quotes: it fires each time the price goes through this from above."""

    @model_validator(mode="after")
    def _in_order(self) -> Price:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise wrong("min or max is wanted; on quotes also above, below, crosses_above or crosses_below")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise wrong(f"min ({self.min:.12g}) is greater than max ({self.max:.12g})")
        for low, high in _BOTH_HOLD:
            least, most = getattr(self, low), getattr(self, high)
            if least is not None and most is not None and least >= most:
                raise wrong(f"no price can meet {low} ({least:.12g}) and {high} ({most:.12g}) at once")
        return self


def _to_form(value: object) -> str:
    return "to=routes" if isinstance(value, dict | RoutesConfig) else "to=names"


def _threshold_form(value: object) -> str:
    return "threshold=list" if isinstance(value, list | tuple) else "threshold=number"


def _threshold(value: object) -> int | str:
    if isinstance(value, str) and value.lower() == ALL:
        return ALL
    read = whole(_FEWEST, _MOST).read(value)
    assert isinstance(read, int)
    return read


To: TypeAlias = Annotated[
    Annotated[Many[Text], Tag("to=names")] | Annotated[RoutesConfig, Tag("to=routes")],
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
_Colour: TypeAlias = Annotated[str, choice(*COLOURS, fold=str.lower)]
Colours: TypeAlias = Annotated[
    dict[Annotated[str, timeframe()], _Colour], Field(min_length=1), BeforeValidator(_colours_by_timeframe)
]
Continuity: TypeAlias = Annotated[str, choice(*DIRECTIONS, fold=str.lower)]
OnUnknown: TypeAlias = Annotated[Literal["drop", "deliver"], choice("drop", "deliver")]
SymbolForms: TypeAlias = Annotated[SymbolLists, _SymbolForms()]
