"""The kinds of value a config holds: how each is read, what is said when it is wrong, its JSON Schema.

A reader takes what the YAML gave and returns the typed value, or raises one sentence. Values made in code (a
``Secret``, a plain float of seconds) are taken as they are: numbers from YAML are always ``Written…``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from relay.document.faults import found, kind, suggestion
from relay.document.scalars import FromOutside, WrittenFloat, WrittenInt, resolve
from relay.durations import FORMS, format_duration, parse_duration

T = TypeVar("T")
JsonSchema: TypeAlias = dict[str, Any]  # any: JSON Schema is JSON

READERS: Final = "readers"  # in the validation context: which section has read which mapping, by its id
FROM_ENV: Final[JsonSchema] = {"type": "string", "pattern": r"\$\{"}
_LONGEST_SPAN: Final = 3650 * 86400.0
REFUSED_KEY: Final = "refused_key"  # the type of a fault that stands at the key, not at its value


def wrong(message: str, value: object = ..., allowed: Sequence[str] = ()) -> PydanticCustomError:
    """A fault of a value; ``value`` is left out where it may be secret."""
    text = message if value is ... else f"{message}, found {found(value)}"
    name = str(value) if isinstance(value, str) and not isinstance(value, FromOutside) else None
    return PydanticCustomError("wrong", "{text}", {"text": f"{text}{suggestion(name, allowed)}"})


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """Metadata that makes a field's type read by ``read`` and described by ``schema``.

    Attributes:
        read: From the YAML's value to the typed one; raises ``wrong``.
        schema: The JSON Schema of the YAML's value.
        options: All values there are, where they are few.
    """

    read: Callable[[Any], object]
    schema: JsonSchema
    options: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read with ``read`` alone; pydantic's own wording never shows."""
        del source, handler
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        """The YAML form."""
        del core, handler
        return dict(self.schema)


@dataclass(frozen=True, slots=True)
class OneOrMany:
    """Metadata for a tuple that may be written as one value or a list; never empty."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Wrap one value before the tuple is read."""
        return core_schema.no_info_before_validator_function(as_tuple, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        """Either form."""
        items = handler(core)["items"]
        return {"anyOf": [items, {"type": "array", "items": items, "minItems": 1}]}


Many: TypeAlias = Annotated[tuple[T, ...], OneOrMany()]


@dataclass(frozen=True, slots=True)
class Refused:
    """Metadata for a key that sections of its kind have and this one can't: whatever it says is refused.

    Attributes:
        why: One sentence, and what to do in its stead.
    """

    why: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Refuse whatever is there."""
        del source, handler

        def refuse(_value: object) -> object:
            raise PydanticCustomError(REFUSED_KEY, "{why}", {"why": self.why})

        return core_schema.no_info_plain_validator_function(refuse)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        """Nothing is valid here."""
        del core, handler
        return {"not": {}, "description": f"Not here: {self.why}."}


class Section(BaseModel):
    """A mapping of the config: strict, frozen, no unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        use_attribute_docstrings=True,
    )
    secret_keys: ClassVar[tuple[str, ...]] = ()
    wanted: ClassVar[str] = ""  # what is said to a value that is no mapping, where that is worth an example
    examples: ClassVar[Mapping[str, str]] = {}  # of required keys, where their names don't say what is meant

    @model_validator(mode="before")
    @classmethod
    def _register(cls, data: object, info: ValidationInfo) -> object:
        """Note who reads ``data``, so that an unknown key can be answered with the known ones."""
        if cls.wanted and not isinstance(data, dict | cls):
            raise wrong(cls.wanted, data)
        if info.context is not None:
            info.context[READERS][id(data)] = cls
        return data

    @classmethod
    def known_keys(cls) -> list[str]:
        """The keys this section takes, those it refuses left out."""
        known = []
        for name, field in cls.model_fields.items():
            if not any(isinstance(data, Refused) for data in field.metadata):
                known.append(field.alias or name)
        return known + [f"{name}_file" for name in cls.secret_keys]


def as_tuple(value: object) -> tuple[object, ...]:
    """One value or a list as a tuple."""
    if isinstance(value, list | tuple | frozenset):
        if not value:
            raise wrong("at least one is wanted, found an empty list")
        return tuple(value)
    return (value,)


def text(value: object) -> str:
    """A text; a number is taken as it was written."""
    if isinstance(value, WrittenInt | WrittenFloat):
        return value.written
    if isinstance(value, str) and value.strip():
        return str(value)
    hint = "; put it in quotes" if isinstance(value, bool) else ""
    raise wrong(f"text is wanted, found {found(value)}{hint}")


def hidden_text(value: object) -> str:
    """A text that is never shown."""
    if isinstance(value, WrittenInt | WrittenFloat):
        return value.written
    if isinstance(value, str) and value.strip():
        return str(value)
    raise wrong(f"text is wanted, found {kind(value)}")


def flag(value: object) -> bool:
    """True or false."""
    plain = resolve(value) if isinstance(value, FromOutside) else value
    if isinstance(plain, bool):
        return plain
    raise wrong("true or false is wanted", value)


def number(value: object) -> float:
    """A finite number."""
    plain = resolve(value) if isinstance(value, FromOutside) else value
    if isinstance(plain, int | float) and not isinstance(plain, bool) and abs(plain) < float("inf"):
        return int(plain) if isinstance(plain, int) else float(plain)
    raise wrong("a number is wanted", value)


def whole(least: int, most: int) -> Leaf:
    """A whole number from ``least`` to ``most``."""

    def read(value: object) -> int:
        plain = resolve(value) if isinstance(value, FromOutside) else value
        if isinstance(plain, int) and not isinstance(plain, bool) and least <= plain <= most:
            return int(plain)
        raise wrong(f"a whole number from {least} to {most} is wanted", value)

    return Leaf(read, {"anyOf": [{"type": "integer", "minimum": least, "maximum": most}, FROM_ENV]})


def span(*, zero: bool = False) -> Leaf:
    """A duration in seconds; with ``zero``, none is fine too."""

    def read(value: object) -> float:
        if type(value) in (int, float):  # from code: YAML's numbers are Written
            assert isinstance(value, int | float)
            seconds = float(value)
        else:
            if not isinstance(value, str):
                raise wrong(f"a duration is wanted ({FORMS})", value)
            try:
                seconds = parse_duration(value)
            except ValueError:
                raise wrong(f"a duration is wanted ({FORMS})", value) from None
        if seconds > _LONGEST_SPAN:
            raise wrong(f"a duration of at most {format_duration(_LONGEST_SPAN)} is wanted", value)
        if seconds == 0 and not zero:
            raise wrong("a duration longer than zero is wanted", value)
        return seconds

    return Leaf(read, {"type": "string", "pattern": r"^\s*\d+(\.\d+)?(ms|s|m|h|d)\s*$|\$\{"})


def choice(*options: str, fold: Callable[[str], str] = str) -> Leaf:
    """One of ``options``, compared after ``fold``."""

    def read(value: object) -> str:
        if not isinstance(value, WrittenInt | WrittenFloat | str):
            raise wrong("one of the known values is wanted", value, options)
        name = fold(value if isinstance(value, str) else value.written)
        if name not in options:
            raise wrong("unknown value", value, options)
        return next(option for option in options if option == name)

    written = sorted({form for option in options for form in (option, option.lower(), option.upper())})
    values: list[str | int] = list(options) if fold is str else list(written)
    values += [int(option) for option in options if option.isdigit()]
    return Leaf(read, {"anyOf": [{"enum": values}, FROM_ENV]}, options)


Text: TypeAlias = Annotated[str, Leaf(text, {"type": ["string", "number"], "minLength": 1})]
Flag: TypeAlias = Annotated[bool, Leaf(flag, {"anyOf": [{"type": "boolean"}, FROM_ENV]})]
Number: TypeAlias = Annotated[float, Leaf(number, {"anyOf": [{"type": "number"}, FROM_ENV]})]
Span: TypeAlias = Annotated[float, span()]
SpanOrZero: TypeAlias = Annotated[float, span(zero=True)]
Anything: TypeAlias = Annotated[object, Leaf(lambda value: value, {})]
