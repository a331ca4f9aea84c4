"""What a config takes from outside its text: environment variables and secret files.

    "${NAME}"  "${NAME:-default}"  "$$"   in text values, after parsing: a value can't inject YAML
    url_file: discord.url                 in place of url, for every secret

A text that came from the environment remembers how it was written, and faults show that, never the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Final

from relay.document.faults import Path, shown
from relay.document.reading import read_text, why
from relay.document.scalars import FromOutside
from relay.document.yaml import BROKEN, Document

_REFERENCE: Final = re.compile(
    r"\$(?:(\$)"
    r"|\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}"
    r"|[A-Za-z_][A-Za-z0-9_]*:-[^}]*\Z)?)",  # one that is never closed is taken whole: the rest is looked at once
    re.ASCII,
)
_BARE: Final = re.compile(r"\$[A-Z_][A-Z0-9_]*", re.ASCII)  # a variable as shells write it
_LARGEST_SECRET: Final = 65_536  # bytes; a secret is a line

ON_EVICTED: Final = "RELAY_ON_EVICTED"

SECRETS: Final[tuple[Path, ...]] = (
    ("stratalerts", "api_key"),
    ("http", "token"),
    ("heartbeat", "url"),
    ("destinations", "*", "url"),
    ("destinations", "*", "secret"),
)
"""Every secret; each may be given as a file, by the same key with ``_file`` behind it."""

HEADERS: Final[Path] = ("destinations", "*", "headers", "*")
"""Every header's value, which may hold a secret and can't be given as a file."""


def expand(document: Document, env: Mapping[str, str]) -> None:
    """Replace the variables in all text values of ``document``; an unset one is a fault where it stands."""
    document.root = {key: _walk(value, (key,), document, env) for key, value in document.root.items()}


def variables_in(value: object) -> Iterator[str]:
    """The variables that the texts in plain values name."""
    match value:
        case str():
            yield from (match[2] for match in _REFERENCE.finditer(value) if match[2])
        case dict():
            for item in value.values():
                yield from variables_in(item)
        case list():
            for item in value:
                yield from variables_in(item)
        case _:
            return


def fill_in(document: Document, env: Mapping[str, str]) -> None:
    """Take from the environment what an image decides for its users, where the file does not say otherwise.

    ``RELAY_ON_EVICTED``: under Docker, which restarts whatever exits, an evicted relay must stay up.
    """
    section = document.root.get("stratalerts")
    value = env.get(ON_EVICTED)
    if not value or not isinstance(section, dict) or "on_evicted" in section:
        return
    if value in {"exit", "standby"}:
        section["on_evicted"] = value
    else:
        document.fault(("stratalerts",), f"the environment's {ON_EVICTED} is exit or standby, found '{value}'")


def _walk(value: object, path: Path, document: Document, env: Mapping[str, str]) -> object:
    if isinstance(value, dict):
        return {key: _walk(item, (*path, key), document, env) for key, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, (*path, index), document, env) for index, item in enumerate(value)]
    return _expanded(value, path, document, env) if isinstance(value, str) and "$" in value else value


def _expanded(text: str, path: Path, document: Document, env: Mapping[str, str]) -> object:
    variables = _Variables(env)
    value = _REFERENCE.sub(variables.replace, text)
    wrong = variables.wrong
    if not value.strip():
        wrong += variables.empty  # beside other text an empty one may be meant
    if _BARE.fullmatch(text) and _holds_secret(path):
        wrong.append("variables are written ${NAME}; a plain dollar before a name is $$")
    for message in dict.fromkeys(wrong):
        document.fault(path, message)
    if wrong:
        return BROKEN
    return from_outside(value, text) if variables.used else value


class _Variables:
    """The variables of one text, as they are replaced.

    Attributes:
        used: Whether there was one.
        wrong: What is wrong with them.
        empty: What is wrong if nothing is beside them.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.used = False
        self.wrong: list[str] = []
        self.empty: list[str] = []

    def replace(self, match: re.Match[str]) -> str:
        """What goes in the place of ``match``."""
        dollar, name, default = match.groups()
        if dollar:
            return "$"
        if name is None:
            if match[0] != "$":
                self.wrong.append(
                    "a variable is written ${NAME} or ${NAME:-default}, and a plain dollar before { as $$"
                )
            return match[0]
        self.used = True
        value = self._env.get(name)
        if value is not None and not _is_text(value):
            self.wrong.append(f"the variable {name} is not text in UTF-8")
            return ""
        if default is not None:
            return value or str(default)
        if value is None:
            self.wrong.append(f"the environment variable {name} is not set")
        elif not value.strip():
            self.empty.append(f"the environment variable {name} is empty")
        return value or ""


def _is_text(value: str) -> bool:
    """Whether a variable's bytes were UTF-8: the others stand in it as what no file, header or database takes."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _holds_secret(path: Path) -> bool:
    """Whether what stands at ``path``, or in a list there, is a secret."""
    return any(
        len(pattern) <= len(path) and all(step in {"*", key} for step, key in zip(pattern, path, strict=False))
        for pattern in (*SECRETS, HEADERS)
    )


def from_outside(value: str, written: str) -> FromOutside:
    """``value``, which faults show as ``written``."""
    text = FromOutside(value)
    text.written = written
    return text


def read_secret_files(document: Document, env: Mapping[str, str], beside: FilePath) -> None:
    """Put the content of every ``x_file`` in the place of its secret ``x``."""
    for pattern in SECRETS:
        for holder, path in _holders(document.root, pattern[:-1], ()):
            name = str(pattern[-1])
            if f"{name}_file" in holder:
                _read_into(holder, (*path, name), document, _Places(env, beside))


class _Places:
    """Where a relative file may be: with the service manager's credentials, else beside the config."""

    def __init__(self, env: Mapping[str, str], beside: FilePath) -> None:
        credentials = env.get("CREDENTIALS_DIRECTORY")
        self._folders = [FilePath(credentials), beside] if credentials else [beside]

    def find(self, name: str) -> FilePath:
        candidates = [folder / name for folder in self._folders]
        return next((place for place in candidates if place.exists()), candidates[-1])

    def looked(self, name: str) -> str:
        """Where a file was looked for, behind the fault that it is not there; empty where its name says that."""
        if FilePath(name).is_absolute():
            return ""
        return f" (looked for {' and '.join(str(folder.absolute() / shown(name)) for folder in self._folders)})"


def _read_into(holder: dict[str, object], path: Path, document: Document, places: _Places) -> None:
    name = str(path[-1])
    given = (*path[:-1], f"{name}_file")
    names = holder.pop(f"{name}_file")
    if name in holder:
        document.fault(given, f"give either {name} or {name}_file, not both", at_key=True)
        document.faults.close(path)
        return
    document.rename(given, path)
    if name == "secret" and isinstance(names, list):
        for index in range(len(names)):
            document.rename((*given, index), (*path, index))
        holder[name] = [_content(item, (*path, index), document, places) for index, item in enumerate(names)]
    else:
        holder[name] = _content(names, path, document, places)


def _content(name: object, path: Path, document: Document, places: _Places) -> object:
    if name is BROKEN:
        document.faults.close(path)
        return BROKEN
    if not isinstance(name, str) or not name or "\0" in name:
        document.fault(path, "the name of a file is wanted")
        return BROKEN
    try:
        text = read_text(places.find(name), limit=_LARGEST_SECRET)
    except (OSError, ValueError) as error:
        looked = places.looked(name) if isinstance(error, FileNotFoundError) else ""
        document.fault(path, f"the file '{shown(name)}' can't be read: {why(error)}{looked}")
        return BROKEN
    content = text.removesuffix("\n").removesuffix("\r")
    if not content.strip():
        document.fault(path, f"the file '{shown(name)}' is empty")
        return BROKEN
    return from_outside(content, shown(name))


def _holders(value: object, pattern: Path, path: Path) -> Iterator[tuple[dict[str, object], Path]]:
    """Every mapping that ``pattern`` leads to; ``*`` is any key."""
    if not isinstance(value, dict):
        return
    if not pattern:
        yield value, path
        return
    for key in value if pattern[0] == "*" else pattern[:1]:
        yield from _holders(value.get(key), pattern[1:], (*path, key))
