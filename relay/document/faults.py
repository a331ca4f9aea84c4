"""A fault of the config: where it is, what it concerns, what is wrong.

Every stage of reading adds to one ``Faults``; a value that has a fault already gets no second one from a later
stage, so that one mistake is one line. No stage ever passes a secret's text into a message.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from relay.document.scalars import FromOutside, WrittenFloat, WrittenInt
from relay.errors import ConfigError

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top of the file to a value."""

_LONGEST_SHOWN: Final = 60
_SECRET_LOOKS: Final = re.compile(r"(://|whsec_).*", re.DOTALL)


class Mark(NamedTuple):
    """A position in the file; both count from 1, columns in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake.

    Attributes:
        mark: Where it stands.
        path: What it concerns, ``rules[0].timeframe[1]``; empty where it is the file as a whole.
        message: What is wrong, what was found, what would be right.
    """

    mark: Mark
    path: str
    message: str

    def line(self, file: str) -> str:
        """``FILE:LINE:COLUMN: path: message``."""
        path = f"{self.path}: " if self.path else ""
        return f"{file}:{self.mark.line}:{self.mark.column}: {path}{self.message}"


class InvalidConfigError(ConfigError):
    """The config has faults; ``str`` lists each on a line of its own.

    Attributes:
        file: The file, as it was named.
        faults: Every fault, sorted by position.
    """

    def __init__(self, file: str, faults: Sequence[Fault]) -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        lines = [f"{count} in {file}", *(fault.line(file) for fault in faults)]
        super().__init__("\n".join(lines), hint="Mend what is named here, then try `relay check`.")
        self.file = file
        self.faults = tuple(faults)


class Faults:
    """The faults found so far in one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[tuple[Mark, str, str], Fault] = {}
        self._paths: set[Path] = set()
        self._holders: set[Path] = set()  # of a path in ``_paths``, itself included

    def add(self, mark: Mark, path: Path, message: str, *, shown: Path | None = None, closes: bool = True) -> None:
        """Note a fault of the value at ``path``.

        Args:
            mark: Where it stands.
            path: What it concerns.
            message: What is wrong.
            shown: The path the user knows it by, where that is another.
            closes: No other fault of this value is worth telling.
        """
        fault = Fault(mark, render(path if shown is None else shown), message)
        self._found.setdefault((mark, fault.path, message), fault)
        if closes:
            self.close(path)

    def close(self, path: Path) -> None:
        """Note that the value at ``path`` has a fault that is told elsewhere."""
        self._paths.add(path)
        self._holders.update(path[:length] for length in range(len(path) + 1))

    def covers(self, path: Path) -> bool:
        """Whether the value at ``path``, or one that holds it, has a fault already."""
        return any(path[:length] in self._paths for length in range(1, len(path) + 1))

    def within(self, path: Path) -> bool:
        """Whether the value at ``path``, or one inside it, has a fault already."""
        return path in self._holders

    def __bool__(self) -> bool:
        return bool(self._found)

    def error(self) -> InvalidConfigError:
        """All faults as one error."""
        return InvalidConfigError(self.file, sorted(self._found.values(), key=lambda fault: (fault.mark, fault.path)))


def render(path: Path) -> str:
    """``("rules", 0, "to")`` as ``rules[0].to``."""
    parts = (f"[{step}]" if isinstance(step, int) else f".{printable(step)}" for step in path)
    return "".join(parts).removeprefix(".")


def printable(text: str) -> str:
    """``text`` on one line, at a length a person reads."""
    line = "".join(char if char.isprintable() else "�" for char in text)
    return line if len(line) <= _LONGEST_SHOWN else f"{line[: _LONGEST_SHOWN - 1]}…"


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """The allowed name that was probably meant, or None."""
    folded = {option.casefold(): option for option in allowed}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def suggestion(name: str | None, allowed: Sequence[str]) -> str:
    """``; did you mean 'y'?``, else ``; allowed: a, b, c``; nothing where nothing is allowed."""
    near = None if name is None else nearest(name, allowed)
    if near is not None:
        return f"; did you mean '{near}'?"
    return f"; allowed: {', '.join(allowed)}" if allowed else ""


def shown(text: str) -> str:
    """``text`` as a fault may show it: as it was written, where it came from outside.

    A URL or signing secret that strayed into a place for names is not shown either.
    """
    written = text.written if isinstance(text, FromOutside) else text
    return printable(_SECRET_LOOKS.sub(r"\1…", written))


def found(value: object) -> str:
    """``value`` as a fault names it; never call it with a secret."""
    if isinstance(value, str) and value:
        return f"'{shown(value)}'"
    if isinstance(value, WrittenInt | WrittenFloat):
        return printable(value.written)
    return kind(value)


def kind(value: object) -> str:
    """What sort of thing ``value`` is, without showing it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    empty = "" if value or not isinstance(value, str | list | dict) else "empty "
    for types, name in ((str, "text"), (int | float, "number"), (list, "list"), (dict, "mapping")):
        if isinstance(value, types):
            return f"an {empty}{name}" if empty else f"a {name}".replace("a text", "text")
    return "something else"
