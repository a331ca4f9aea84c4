"""Reading a request's JSON field by field, writing down all that is wrong with it, each fault by its path.

The codes and the nesting are those of Discord's error 50035 (docs.discord.com, reference, error messages).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import msgspec

Path: TypeAlias = tuple[str, ...]

_URL_LONGEST: Final = 2048
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?([Zz]|[+-]\d\d(:?\d\d)?)?)?", re.ASCII)
_SNOWFLAKE: Final = re.compile(r"\d{1,19}", re.ASCII)
_SNOWFLAKE_END: Final = 1 << 63


def units(text: str) -> int:
    """The length of ``text`` in UTF-16 units, which is never less than in characters."""
    return len(text) + sum(char > "\uffff" for char in text)


def is_snowflake(value: object) -> bool:
    """Whether ``value`` can be an id: a number of 63 bits, mostly as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return 0 < value < _SNOWFLAKE_END
    return isinstance(value, str) and _SNOWFLAKE.fullmatch(value) is not None and 0 < int(value) < _SNOWFLAKE_END


class Fault(msgspec.Struct, frozen=True):
    """What is wrong, and where."""

    path: Path
    code: str
    message: str


class Form:
    """The faults found so far."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def errors(self) -> dict[str, object]:
        """The faults as Discord nests them: by field and index, ``_errors`` at the end."""
        tree: dict[str, object] = {}
        for fault in self.faults:
            node = tree
            for step in fault.path:
                found = node.setdefault(step, {})
                assert isinstance(found, dict)
                node = found
            listed = node.setdefault("_errors", [])
            assert isinstance(listed, list)
            listed.append({"code": fault.code, "message": fault.message})
        return tree

    def terse(self) -> dict[str, object]:
        """The faults as webhooks still tell them at times: indexes of a list, sentences of anything else."""
        told: dict[str, list[str]] = {}
        for fault in self.faults:
            said = fault.path[1] if len(fault.path) > 1 and fault.path[1].isdigit() else fault.message
            here = told.setdefault(fault.path[0], [])
            here.extend([said] if said not in here else [])
        return dict(told)


class Fields:
    """One JSON object of a request; null is read as absent."""

    def __init__(self, form: Form, value: Mapping[str, object], path: Path = ()) -> None:
        self._form, self._value, self._path = form, value, path

    def fault(self, key: str | None, code: str, message: str) -> None:
        """Something is wrong with a field, or with the object itself."""
        path = self._path if key is None else (*self._path, key)
        self._form.faults.append(Fault(path, code, message))

    def get(self, key: str) -> object:
        """The value as it came."""
        return self._value.get(key)

    def text(self, key: str, longest: int, *, required: bool = False) -> str:
        """A text; empty where there is none."""
        value = self.get(key)
        if value is None:
            value = ""
        if not isinstance(value, str):
            self.fault(key, "STRING_TYPE_CONVERT", f"Could not interpret {value!r} as string.")
            return ""
        if required and not value.strip():
            self.fault(key, "BASE_TYPE_REQUIRED", "This field is required")
        if units(value) > longest:
            self.fault(key, "BASE_TYPE_MAX_LENGTH", f"Must be {longest} or fewer in length.")
        return value

    def whole(self, key: str, most: int) -> int | None:
        """A number from 0 to ``most``."""
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.fault(key, "NUMBER_TYPE_COERCE", f"Value {value!r} is not int.")
            return None
        if value < 0:
            self.fault(key, "NUMBER_TYPE_MIN", "int value should be greater than or equal to 0.")
        if value > most:
            self.fault(key, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}.")
        return value

    def flag(self, key: str) -> bool:
        """True or false; false where there is none."""
        value = self.get(key)
        if value is not None and not isinstance(value, bool):
            self.fault(key, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return value is True

    def url(self, key: str, *, required: bool = False) -> str:
        """An address of the web; empty where there is none."""
        value = self.text(key, _URL_LONGEST, required=required)
        if not value:
            return ""
        try:
            parts = urlsplit(value)
            named = bool(parts.hostname)
        except ValueError:
            named = False
        if not named or re.search(r"\s", value):
            self.fault(key, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        elif parts.scheme not in {"http", "https"}:
            self.fault(
                key, "URL_TYPE_INVALID_SCHEME", f"Scheme {parts.scheme!r} is not supported. It must be http or https."
            )
        return value

    def moment(self, key: str) -> None:
        """A time, ISO 8601."""
        value = self.get(key)
        if value is None:
            return
        try:
            if isinstance(value, str) and _MOMENT.fullmatch(value):
                datetime.fromisoformat(value)
                return
        except ValueError:
            pass
        self.fault(key, "DATE_TIME_TYPE_PARSE", f"Could not parse {value!r}. Should be ISO8601.")

    def child(self, key: str) -> Fields | None:
        """An object within this one."""
        value = self.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.fault(key, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
            return None
        return Fields(self._form, value, (*self._path, key))

    def items(self, key: str, most: int) -> Sequence[object]:
        """A list."""
        value = self.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.fault(key, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return ()
        if len(value) > most:
            self.fault(key, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        return value

    def children(self, key: str, most: int) -> list[Fields]:
        """A list of objects."""
        found: list[Fields] = []
        for number, value in enumerate(self.items(key, most)):
            if isinstance(value, dict):
                found.append(Fields(self._form, value, (*self._path, key, str(number))))
            else:
                at = Fields(self._form, {}, (*self._path, key, str(number)))
                at.fault(None, "MODEL_TYPE_CONVERT", "Only dictionaries may be used to create a model")
        return found
