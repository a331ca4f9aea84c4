"""What a service is handed of a config: the text without secrets, and each secret in the way systemd can hand it over.

    url_file: x.url           ──> a credential, read by systemd as root
    url: https://…            ──> url_file: NAME, and a credential NAME
    url: ${DISCORD_SWING}     ──> stays, and the variable goes into the environment's file
    headers: {A: secret}      ──> A: ${RELAY_SECRET_1}, likewise: no file can hold a header
    # was https://…           ──> # was ***
    symbol_file, ca_file      ──> files beside the config, as they are
    # …$schema=./…            ──> nothing: where editors find the schema, which is no part of the service

What holds always: the text that comes out may be read by everybody, and means what the one that went in meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePath
from typing import Any, Final

from relay.document import yaml as document
from relay.document.env import expand, variables_in
from relay.document.faults import Faults
from relay.document.scalars import WrittenFloat, WrittenInt
from relay.errors import ConfigError
from relay.install.secrets import Edit, Entry, edited, entries, in_comments
from relay.redaction import Redactor
from relay.secret import Secret

_CREDENTIAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)
_PLAIN: Final = re.compile(r"[^A-Za-z0-9]+")
_TAKEN: Final = frozenset({"config.yaml", "config.schema.json", "relay.env"})
_OF_EDITORS: Final = re.compile(r"\A# yaml-language-server: \$schema=\./config\.schema\.json\r?\n(?:#\r?\n)?")
_BESIDE: Final = ("symbol_file", "ca_file")

ReadFile = Callable[[str], str]
"""The text of a file by the name that the config has for it, already found or refused."""


@dataclass(frozen=True, slots=True)
class Handover:
    """What goes over.

    Attributes:
        text: The config.
        credentials: By name.
        variables: Of the environment, by name.
        beside: Files beside the config that are no secrets, by relative name.
        elsewhere: Absolute names that the config has for files, which stay where they are.
    """

    text: str
    credentials: Mapping[str, Secret]
    variables: Mapping[str, Secret]
    beside: Mapping[str, str]
    elsewhere: tuple[Path, ...]


def handover(text: str, env: Mapping[str, str], *, secret: ReadFile, beside: ReadFile) -> Handover:
    """What a service is handed of a config that can be used.

    Args:
        text: The config.
        env: Where its variables are.
        secret: Reads a secret's file.
        beside: Reads another file that it names.

    Raises:
        ConfigError: Something of it can't be handed over; says what to do.
    """
    text = _OF_EDITORS.sub("", text.removeprefix("\ufeff"))
    raw = document.read(text, Faults("config.yaml")).root
    expanded = document.read(text, Faults("config.yaml"))
    expand(expanded, env)
    extraction = _Extraction(raw, expanded.root, secret)
    for entry in entries(text):
        extraction.take(entry)
    root = extraction.expected
    made = edited(text, extraction.edits, root)
    made = edited(made, in_comments(made, extraction.known.redact), root)
    variables = {name: Secret(env[name]) for name in sorted(set(variables_in(root))) if name in env}
    named = list(_named(expanded.root))
    return Handover(
        made,
        extraction.credentials,
        {**variables, **extraction.variables},
        {name: beside(name) for name in _beside(named, {*_TAKEN, *extraction.credentials})},
        tuple(Path(name) for name in named if PurePath(name).is_absolute()),
    )


class _Extraction:
    """The edits of one text, and what they take out of it."""

    def __init__(self, raw: dict[str, Any], expanded: dict[str, Any], secret: ReadFile) -> None:
        self.expected = deepcopy(raw)
        self.edits: list[Edit] = []
        self.credentials: dict[str, Secret] = {}
        self.variables: dict[str, Secret] = {}
        self.known = Redactor()
        self._expanded = expanded
        self._used = set(variables_in(raw))
        self._secret = secret

    def take(self, entry: Entry) -> None:
        """Hand over what an entry says."""
        value = _text(_get(self._expanded, entry.path))
        if entry.in_file:
            held = Secret(_line(self._secret(value)))
            self.known.register(held)
            name = self._credential(entry, held, PurePath(value).name)
            if name != entry.written:
                self._exchange(entry, name)
            return
        entry.tell(self.known, value)
        if entry.from_environment:
            return
        if entry.header or entry.listed:
            self._exchange(entry, f"${{{self._variable(Secret(value))}}}")
        else:
            self._into_file(entry, self._credential(entry, Secret(value), ""))

    def _exchange(self, entry: Entry, value: str) -> None:
        self.edits.append(Edit(entry.value, f'"{value}"'))
        holder = _get(self.expected, entry.path[:-1])
        holder[entry.path[-1]] = value

    def _into_file(self, entry: Entry, name: str) -> None:
        key = str(entry.path[-1])
        self.edits += [Edit(entry.key, f"{key}_file"), Edit(entry.value, f'"{name}"')]
        holder = _get(self.expected, entry.path[:-1])
        del holder[key]
        holder[f"{key}_file"] = name

    def _variable(self, value: Secret) -> str:
        names = (f"RELAY_SECRET_{number}" for number in count(1))
        name = next(name for name in names if name not in self.variables and name not in self._used)
        self.variables[name] = value
        return name

    def _credential(self, entry: Entry, value: Secret, wanted: str) -> str:
        """A name for a credential: the file's own where it can be one, and is not another's."""
        plain = wanted if _CREDENTIAL.fullmatch(wanted) and wanted not in _TAKEN else self._likely(entry)
        number = 1
        while True:
            name = plain if number == 1 else f"{plain}_{number}"
            if self.credentials.setdefault(name, value) == value:
                return name
            number += 1

    def _likely(self, entry: Entry) -> str:
        """``api_key``, ``http_token``, ``discord_swing``, ``webhook_bot_secret``: as `relay init` names them."""
        steps = [str(step).removesuffix("_file") for step in entry.path if not isinstance(step, int)]
        match steps:
            case ["stratalerts", key]:
                name = key
            case ["destinations", destination, key]:
                kind = _get(self._expanded, ("destinations", destination)).get("type", "")
                name = f"{kind} {destination}{'' if key == 'url' else f' {key}'}"
            case _:
                name = " ".join(steps)
        return _PLAIN.sub("_", name).strip("_")[:90] or "secret"


def _named(root: Mapping[str, Any]) -> Iterator[str]:
    """The other files that a config names."""
    holders = [root.get("stratalerts"), *_values(root.get("destinations")), *_values(root.get("rules"))]
    for holder in holders:
        for key in _BESIDE if isinstance(holder, dict) else ():
            if isinstance(holder.get(key), str):
                yield holder[key]


def _values(holder: object) -> list[Any]:
    if isinstance(holder, dict):
        return list(holder.values())
    return list(holder) if isinstance(holder, list) else []


def _beside(named: Iterable[str], taken: Container[str]) -> Iterator[str]:
    """Those that lie below the config's folder, and are copied.

    Args:
        named: As the config names them.
        taken: Names of other files that lie there then.

    Raises:
        ConfigError: One leads out of it, or takes another's place.
    """
    for name in named:
        place = PurePath(name)
        if place.is_absolute():
            continue
        if ".." in place.parts:
            raise ConfigError(
                f"the config names {name}, which is not below its folder: it can't be copied with it",
                hint="Name it by its absolute path, or put it beside the config.",
            )
        if str(place) in taken:
            raise ConfigError(
                f"the config names {name}, and beside the service's config that is the name of another file",
                hint="Give the file another name, and say that in the config.",
            )
        yield name


def _get(root: Any, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401  because a config's values are of any kind
    for step in path:
        root = root[step]
    return root


def _text(value: object) -> str:
    """A value as text; of a number how it was written, for where text is meant that is what counts."""
    return value.written if isinstance(value, WrittenInt | WrittenFloat) else str(value)


def _line(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
