"""Where in a config's text its secrets stand, and the text without them. Pure.

    text ──entries──> Entry, …: path, what is written there, and the characters that key and value take
    text, edits ──edited──> the same text with some values exchanged; order stays, and every comment
    text ──in_comments──> the edits that take out what its comments tell of secrets
    text ──masked──> the text to be shown

A change is proved by reading: what comes out has to be read as what was meant, or nothing is changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import yaml

from relay.document import yaml as document
from relay.document.env import HEADERS, SECRETS
from relay.document.faults import Faults, InvalidConfigError
from relay.errors import ConfigError
from relay.install import comments
from relay.redaction import MASK, Redactor
from relay.secret import Secret

KeyPath: TypeAlias = tuple[str | int, ...]
Span: TypeAlias = tuple[int, int]
"""Characters of the text, from and up to."""
Redact: TypeAlias = Callable[[str], str]
"""A text without the secrets that somebody knows."""

_NAME: Final = r"\$\{[A-Za-z_][A-Za-z0-9_]*(?::-)?\}"  # one with a default that is not empty tells that
_VARIABLE: Final = re.compile(_NAME, re.ASCII)
_SCHEME: Final = r"(?:(?:Basic|Bearer|Bot|Token)[ \t]+)?"  # the first word of an Authorization
_VARIABLE_IN_HEADER: Final = re.compile(rf"{_SCHEME}(?:{_NAME}[ \t]*)*", re.ASCII | re.IGNORECASE)
_BEHIND_SCHEME: Final = re.compile(rf"{_SCHEME}(.*)", re.DOTALL | re.IGNORECASE)
_DEFAULT: Final = re.compile(r":-([^}]*)\}")
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
        """Whether what is written tells no secret: a variable stands there, in a header behind a scheme's word, too.

        Nothing else may stand beside it: a literal is a part of the secret, and so is a default. A header may be empty.
        """
        plain = _VARIABLE_IN_HEADER if self.header else _VARIABLE
        return plain.fullmatch(self.written) is not None

    def tell(self, known: Redactor, value: str) -> None:
        """Have ``known`` look for the secret, by what it is in the end and by what its text tells of it."""
        texts = [value, *_DEFAULT.findall(self.written)]
        if self.header:
            texts += [match[1] for text in texts if (match := _BEHIND_SCHEME.fullmatch(text))]
        for text in texts:
            known.register(Secret(text))


@dataclass(frozen=True, slots=True)
class Edit:
    """Other characters in the place of some."""

    span: Span
    text: str


def entries(text: str) -> list[Entry]:
    """Every entry of ``text``, a config that can be read, that is a secret or the name of its file."""
    top = yaml.compose(text, Loader=comments.LOADER)
    found = [place for pattern in SECRETS for place in _under(top, pattern)]
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


def in_comments(text: str, redact: Redact) -> list[Edit]:
    """What exchanges the comments of ``text``, a config that can be read, for the same without secrets."""
    found = ((span, text[slice(*span)]) for span in comments.spans(text))
    return [Edit(span, comments.without_secrets(comment, redact)) for span, comment in found]


def masked(text: str, redact: Redact = str) -> str | None:
    """``text`` with a mask for each secret; None where it is no config that can be read.

    Args:
        text: A config.
        redact: Takes out of its comments what it does not tell elsewhere: secrets that are in files.
    """
    try:
        document.read(text, Faults("config.yaml"))
        text = text.removeprefix("\ufeff")
        known = Redactor()
        for one in _hidden(text):
            one.tell(known, one.written.replace("$$", "$"))
        text = _put(text, in_comments(text, lambda comment: redact(known.redact(comment))))
        return _put(text, [Edit(one.value, f'"{MASK}"') for one in _hidden(text)])
    except (InvalidConfigError, yaml.YAMLError):
        return None


def _hidden(text: str) -> list[Entry]:
    """The entries that tell a secret."""
    return [one for one in entries(text) if not one.in_file and not one.from_environment]


def _put(text: str, edits: Iterable[Edit]) -> str:
    for edit in sorted(set(edits), key=lambda edit: edit.span, reverse=True):
        start, end = edit.span
        text = text[:start] + edit.text + text[end:]
    return text


def _under(top: yaml.Node | None, pattern: KeyPath) -> Iterator[Entry]:
    """The entries that ``pattern`` leads to from ``top``, in its plain form and as a file."""
    wanted = str(pattern[-1])
    for path, holder in _holders(top, pattern[:-1], ()):
        for key, value in _pairs(holder):
            if key.value in {wanted, f"{wanted}{_FILE}"}:
                yield from _values(key, value, (*path, key.value), in_file=key.value != wanted)


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
    for path, headers in _holders(top, HEADERS[:-1], ()):
        for key, value in _pairs(headers):
            yield from _values(key, value, (*path, key.value), in_file=False, header=True)


def _holders(node: yaml.Node | None, pattern: KeyPath, path: KeyPath) -> Iterator[tuple[KeyPath, yaml.MappingNode]]:
    if not isinstance(node, yaml.MappingNode):
        return
    if not pattern:
        yield path, node
        return
    for key, value in _pairs(node):
        if pattern[0] in {"*", key.value}:
            yield from _holders(value, pattern[1:], (*path, key.value))


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
