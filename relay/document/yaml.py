"""From the file's text to plain values that know where they stand.

    text ──PyYAML events──> nodes (anchors resolved) ──construct──> dict, list and scalars, and a mark for each

PyYAML parses the syntax; what a scalar means is YAML 1.2's core schema (``scalars``). All duplicate keys are
found, an alias may repeat a value but not without bound, and no message repeats a piece of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

import yaml

from relay.document.faults import Faults, Mark, Path
from relay.document.scalars import resolve

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's parser, about ten times as fast
_DEEPEST: Final = 40  # levels of nesting; the schema has 6
_MOST_REPEATED: Final = 100_000  # values reached through aliases; a config has hundreds, a bomb billions
_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT_TAGS: Final = ("!", "tag:yaml.org,2002:str")
_START: Final = Mark(1, 1)

_TAB: Final = "a tab; YAML is indented with spaces alone"
_COLON: Final = "a second ': '; put a text that has one in quotes"
_VARIABLE: Final = "variables are written ${NAME}, in quotes; {{NAME}} is a mapping in YAML"
_COLON_BEFORE: Final = "is a colon missing before this?"
_QUOTE: Final = "this quote is never closed"
_PLAINEST: Final = (  # what it says, what the line looks like up to there, what is wrong then: there, or at ``here``
    ("tab character", re.compile(""), _TAB),
    ("cannot start any token", re.compile(r"\t$"), _TAB),
    ("expected ',' or", re.compile(r"\$\{$"), 'between { } or [ ] a variable stands in quotes: "${NAME}"'),
    ("expected ',' or", re.compile(r"[\[{,]\s*\w[\w-]*\s+(?P<here>[\[{])$"), _COLON_BEFORE),
    ("expected ',' or", re.compile(r":\s[^][{},]*:$"), _COLON),
    ("mapping values are not allowed", re.compile(r"^[\s-]*\w[\w-]*\s+(?P<here>[\[{]).*:\s.*:$"), _COLON_BEFORE),
    ("mapping values are not allowed", re.compile(r":\s.*:$"), _COLON),
)
_PLAINER: Final = (
    ("mapping values are not allowed", "this line is indented deeper than the one above it allows"),
    ("cannot start any token", "this character can't start a value; indent with spaces, and quote such a text"),
    ("expected ',' or ']'", "the list is never closed, or a comma is missing"),
    ("expected ',' or '}'", "the mapping is never closed, or a comma is missing"),
    ("expected '-' indicator", "this does not line up with the list above it"),
    ("expected <block end>", "this does not line up with what is above it"),
    ("expected key", "this does not line up with the keys above it"),
    ("escape character", "an unknown escape; in double quotes write \\\\ for a backslash, or use single quotes"),
)
_EARLIER: Final = (  # what is wrong where that began, which may be lines above the place where it came to light
    ("unexpected end of stream", _QUOTE),
    ("unexpected document indicator", _QUOTE),
    ("could not find expected ':'", "a key needs a colon and a space behind it"),
)
_BEHIND_A_QUOTE: Final = " \t\r\n,]}:#"


class _Place(Protocol):
    """A mark of either of PyYAML's parsers; counts from 0."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


class Broken:
    """Stands for a value that has a fault already."""


BROKEN: Final = Broken()


@dataclass(slots=True)
class Document:
    """A config file's values and where they stand.

    Attributes:
        faults: What was found wrong so far.
        root: The top mapping.
        values: Where each value begins.
        keys: Where each mapping's key stands.
        shown: Paths the user knows by another key (``url`` that came from ``url_file``).
    """

    faults: Faults
    root: dict[str, object] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    shown: dict[Path, Path] = field(default_factory=dict)

    def fault(self, path: Path, message: str, *, at_key: bool = False) -> None:
        """Note a fault of the value at ``path``, at the value itself, or at its key."""
        marks = (self.keys, self.values) if at_key else (self.values, self.keys)
        places = (marks[0].get(path[:length]) or marks[1].get(path[:length]) for length in range(len(path), 0, -1))
        mark = next((place for place in places if place is not None), _START)
        self.faults.add(mark, path, message, shown=self.shown.get(path))

    def rename(self, given: Path, path: Path) -> None:
        """Let the value that the user knows by ``given`` be found at ``path``."""
        self.values[path] = self.values[given]
        self.shown[path] = given
        if given in self.keys:
            self.keys[path] = self.keys[given]


def read(text: str, faults: Faults) -> Document:
    """Parse ``text``.

    Raises:
        InvalidConfigError: The syntax is wrong, or the top is no mapping.
    """
    text = text.removeprefix("\ufeff")
    bad = _UNPRINTABLE.search(text)
    if bad is not None:
        faults.add(position(text, bad.start()), (), f"the character U+{ord(bad[0]):04X} can't be in a config")
        raise faults.error()
    try:
        top = _Composer(faults).compose(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark, what = _explain(error, text)
        faults.add(mark, (), f"this is not YAML: {what}")
        raise faults.error() from None
    if top is None or (top.plain and not top.text):
        faults.add(_START, (), "the file is empty")
        raise faults.error()
    document = Document(faults)
    _Construction(document).mapping(top, (), document.root)
    return document


def position(text: str, offset: int) -> Mark:
    """Line and column of the character at ``offset``."""
    before = text[:offset]
    return Mark(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


@dataclass(slots=True, eq=False)
class _Node:
    mark: Mark
    text: str = ""  # of a scalar
    plain: bool = False  # a scalar without quotes or tag
    items: list[_Node] | None = None
    pairs: list[tuple[_Node, _Node]] | None = None
    key: _Node | None = None  # of the pair that is being read
    open: bool = False
    broken: bool = False  # has a fault already

    def take(self, child: _Node) -> None:
        if self.items is not None:
            self.items.append(child)
        elif self.pairs is not None and self.key is None:
            self.key = child
        elif self.pairs is not None and self.key is not None:
            self.pairs.append((self.key, child))
            self.key = None


class _Composer:
    """Turns events into nodes, aliases into the node they name."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._anchors: dict[str, _Node] = {}
        self._open: list[_Node] = []
        self._top: _Node | None = None
        self._documents = 0

    def compose(self, events: Iterator[yaml.Event]) -> _Node | None:
        for event in events:
            mark = _mark(event.start_mark)
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    self._faults.add(mark, (), "a second document begins here; a config is one")
                    raise self._faults.error()
            elif isinstance(event, yaml.AliasEvent):
                self._place(self._known(event.anchor, mark))
            elif isinstance(event, yaml.CollectionEndEvent):
                self._open.pop().open = False
            elif isinstance(event, yaml.NodeEvent):
                self._begin(event, mark)
        return self._top

    def _begin(self, event: yaml.NodeEvent, mark: Mark) -> None:
        if isinstance(event, yaml.ScalarEvent):
            foreign = event.tag is not None and event.tag not in _TEXT_TAGS
            if foreign:
                self._faults.add(mark, (), "a YAML tag (!…) means nothing here; quote a text that begins with !")
            node = _Node(mark, event.value, plain=event.implicit[0] and event.tag is None, broken=foreign)
        else:
            is_list = isinstance(event, yaml.SequenceStartEvent)
            node = _Node(mark, items=[] if is_list else None, pairs=None if is_list else [], open=True)
        self._place(node)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        if node.open:
            self._open.append(node)
        if len(self._open) > _DEEPEST:
            self._faults.add(mark, (), f"nested deeper than {_DEEPEST} levels")
            raise self._faults.error()

    def _known(self, anchor: str | None, mark: Mark) -> _Node:
        node = self._anchors.get(anchor or "")
        if node is not None and not node.open:
            return node
        what = "is used inside what it names" if node else "names nothing above it; quote a text that begins with *"
        self._faults.add(mark, (), f"this alias {what}")
        return _Node(mark, broken=True)

    def _place(self, node: _Node) -> None:
        if self._open:
            self._open[-1].take(node)
        else:
            self._top = node


class _Construction:
    """Turns nodes into values, noting where each stands and every key that is there twice."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._faults = document.faults
        self._seen: set[int] = set()
        self._repeated = 0

    def mapping(self, node: _Node, path: Path, into: dict[str, object], *, merges: int = 0) -> dict[str, object]:
        """Fill ``into`` from a mapping node; what is merged in (``<<``) yields to what is written out."""
        if node.pairs is None:
            where = "the top of the file" if not path else "what << merges in"
            self._faults.add(node.mark, path, f"{where} is no mapping of keys to values")
            raise self._faults.error()
        own: dict[str, Mark] = {}
        merged: list[_Node] = []
        for key, value in node.pairs:
            self._count(key, path, merges)
            if key.items is not None or key.pairs is not None:
                self._faults.add(key.mark, path, _why_no_key(key))
            elif key.plain and key.text == "<<":
                merged += [value] if value.items is None else value.items
            elif key.text in own:
                first = own[key.text]
                message = f"is here twice; first at line {first.line} column {first.column}"
                self._faults.add(key.mark, (*path, key.text), message, closes=False)
            else:
                own[key.text] = key.mark
                if key.text not in into:
                    place = (*path, key.text)
                    self._document.keys[place] = key.mark
                    into[key.text] = self._value(value, place)
                    if value.plain and not value.text:
                        self._document.values[place] = key.mark
        for other in merged:
            self.mapping(other, path, into, merges=merges + 1)
        return into

    def _value(self, node: _Node, path: Path) -> object:
        self._count(node, path, 0)
        self._document.values[path] = node.mark
        if node.pairs is not None:
            return self.mapping(node, path, {})
        if node.items is not None:
            return [self._value(item, (*path, index)) for index, item in enumerate(node.items)]
        if node.broken:
            self._faults.close(path)
            return BROKEN
        return resolve(node.text) if node.plain else node.text

    def _count(self, node: _Node, path: Path, merges: int) -> None:
        """Refuse what aliases blow up, before it fills the memory."""
        if id(node) in self._seen:
            self._repeated += 1
        self._seen.add(id(node))
        if self._repeated > _MOST_REPEATED or len(path) + merges > _DEEPEST:
            self._faults.add(node.mark, path[:1], "aliases repeat more here than a config can need")
            raise self._faults.error()


def _why_no_key(key: _Node) -> str:
    """What is wrong with a list or mapping that stands for a key; ``{{NAME}}`` is a mapping in place of one."""
    match key.pairs:
        case [(_Node(plain=True, text=name), _Node(plain=True, text=""))] if name.isidentifier():
            return _VARIABLE
        case _:
            return "a key is a text, not a list or mapping"


def _mark(mark: _Place | None) -> Mark:
    return _START if mark is None else Mark(mark.line + 1, mark.column + 1)


def _explain(error: yaml.MarkedYAMLError, text: str) -> tuple[Mark, str]:
    """What is wrong with the syntax, and where; pieces of the file that PyYAML quotes are left out, they may be secret.

    Args:
        error: As the parser raised it.
        text: The file.
    """
    place = error.problem_mark or error.context_mark
    mark, problem = _mark(place), error.problem or "it can't be read"
    quote = None if place is None else _overlong_quote(text, place)
    if quote is not None:
        return _mark(quote.start_mark), f"this quote is closed only on line {quote.end_mark.line + 1}"
    until = "" if place is None else text[: place.index + 1]
    line = until[until.rfind("\n") + 1 :]
    for sign, shape, plainer in _PLAINEST:
        found = shape.search(line) if sign in problem else None
        if found is not None:
            return (Mark(mark.line, found.start("here") + 1) if "here" in shape.groupindex else mark), plainer
    for sign, plainer in _EARLIER:
        if sign in problem:
            return _mark(error.context_mark or place), plainer
    for sign, plainer in _PLAINER:
        if sign in problem:
            return mark, plainer
    return mark, problem.split(" '", 1)[0].split(' "', 1)[0]


def _overlong_quote(text: str, place: _Place) -> yaml.Token | None:
    """A quoted text that ends on the line of ``place`` where another was to begin; its own end is lines above."""
    with suppress(yaml.YAMLError):
        for token in yaml.scan(text, Loader=_LOADER):
            start, end = token.start_mark, token.end_mark
            quoted = isinstance(token, yaml.ScalarToken) and token.style in {"'", '"'}
            behind = text[end.index : end.index + 1]  # empty at the file's end
            if quoted and start.line < end.line == place.line and behind not in _BEHIND_A_QUOTE:
                return token
    return None
