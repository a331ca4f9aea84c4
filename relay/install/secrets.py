"""Where in a config's text its secrets stand, and the text without them. Pure.

    text ──entries──> Entry, …: path, what is written there, and the characters that key and value take
    text, edits ──edited──> the same text with some values exchanged; comments and order stay
    text ──masked──> the text to be shown

A change is proved by reading: what comes out has to be read as what was meant, or nothing is changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import yaml

from relay.document import yaml as document
from relay.document.env import SECRETS
from relay.document.faults import Faults, InvalidConfigError
from relay.errors import ConfigError

KeyPath: TypeAlias = tuple[str | int, ...]
Span: TypeAlias = tuple[int, int]
"""Characters of the text, from and up to."""

MASK: Final = "***"

_VARIABLE: Final = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}", re.ASCII)
_HEADERS: Final[KeyPath] = ("destinations", "*", "headers", "*")
_FILE: Final = "_file"


@dataclass(frozen=True, slots=True)
class Entry:
    """A secret, or the name of a file that holds one.

    Attributes:
        path: Of the value; of an item of a list, with its number.
        written: As it stands in the text.
        key: The characters of the key that it belongs to; of a list's item the list's.
        value: Its own characters.
        in_file: It is the name of a file.
        header: It is a header's value, which no file can hold.
    """

    path: KeyPath
    written: str
    key: Span
    value: Span
    in_file: bool
    header: bool

    @property
    def listed(self) -> bool:
        """Whether it is one of several."""
        return isinstance(self.path[-1], int)

    @property
    def from_environment(self) -> bool:
        """Whether what is written tells no secret: a variable stands there, in a header beside other words, too."""
        return _VARIABLE.fullmatch(self.written) is not None or (self.header and "${" in self.written)


@dataclass(frozen=True, slots=True)
class Edit:
    """Other characters in the place of some."""

    span: Span
    text: str


def entries(text: str) -> list[Entry]:
    """Every entry of ``text``, a config that can be read, that is a secret or the name of its file."""
    top = yaml.compose(text, Loader=yaml.SafeLoader)
    found = [place for pattern in SECRETS for place in _under(top, pattern, ())]
    return [*found, *_headers(top)]


def edited(text: str, edits: Iterable[Edit], expected: object) -> str:
    """``text`` with ``edits``, which is read as ``expected``.

    Raises:
        ConfigError: It can't be changed so, as where an anchor repeats a value.
    """
    changed = _put(text, edits)
    try:
        read = document.read(changed, Faults("config.yaml")).root
    except InvalidConfigError:
        read = {}
    if read != expected:
        raise ConfigError(
            "a secret stands in the config in a form that it can't be taken out of by itself",
            hint="Put it into a file of its own, and name that in its place: url_file instead of url, for example.",
        )
    return changed


def masked(text: str) -> str | None:
    """``text`` with a mask for each secret; None where it is no config that can be read."""
    try:
        document.read(text, Faults("config.yaml"))
        found = entries(text.removeprefix("\ufeff"))
    except (InvalidConfigError, yaml.YAMLError):
        return None
    hidden = [one for one in found if not one.in_file and not one.from_environment]
    return _put(text.removeprefix("\ufeff"), [Edit(one.value, f'"{MASK}"') for one in hidden])


def _put(text: str, edits: Iterable[Edit]) -> str:
    for edit in sorted(set(edits), key=lambda edit: edit.span, reverse=True):
        start, end = edit.span
        text = text[:start] + edit.text + text[end:]
    return text


def _under(node: yaml.Node | None, pattern: KeyPath, path: KeyPath) -> Iterator[Entry]:
    """The entries that ``pattern`` leads to from ``node``, in its plain form and as a file."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in _pairs(node):
        name = key.value
        if len(pattern) > 1:
            if pattern[0] in {"*", name}:
                yield from _under(value, pattern[1:], (*path, name))
        elif name in {pattern[0], f"{pattern[0]}{_FILE}"}:
            yield from _values(key, value, (*path, name), in_file=name != pattern[0])


def _values(
    key: yaml.ScalarNode, value: yaml.Node, path: KeyPath, *, in_file: bool, header: bool = False
) -> Iterator[Entry]:
    if isinstance(value, yaml.ScalarNode):
        yield Entry(path, value.value, _span(key), _span(value), in_file, header)
    elif isinstance(value, yaml.SequenceNode):
        for number, item in enumerate(value.value):
            if isinstance(item, yaml.ScalarNode):
                yield Entry((*path, number), item.value, _span(key), _span(item), in_file, header)


def _headers(top: yaml.Node | None) -> Iterator[Entry]:
    for path, headers in _at(top, _HEADERS[:-1], ()):
        for key, value in _pairs(headers):
            yield from _values(key, value, (*path, key.value), in_file=False, header=True)


def _at(node: yaml.Node | None, pattern: KeyPath, path: KeyPath) -> Iterator[tuple[KeyPath, yaml.MappingNode]]:
    if not isinstance(node, yaml.MappingNode):
        return
    if not pattern:
        yield path, node
        return
    for key, value in _pairs(node):
        if pattern[0] in {"*", key.value}:
            yield from _at(value, pattern[1:], (*path, key.value))


def _pairs(node: yaml.MappingNode) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """Keys and values, those that ``<<`` merges in included."""
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value == "<<":
            for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if isinstance(merged, yaml.MappingNode):
                    yield from _pairs(merged)
        else:
            yield key, value


def _span(node: yaml.Node) -> Span:
    return node.start_mark.index, node.end_mark.index
