"""Where the relay of a config is to be asked, though the config as a whole can't be used any more.

    FILE with faults ──its http and storage alone──> Whereabouts, or None where even these can't be read

A relay that runs goes on with the config that it loaded. Whoever edits the file, and errs, must not lose sight of it:
two sections tell where it listens and where its store lies, and the faults of the others don't matter for that. Where
the file is no YAML at all, those two are read by themselves, from their key to the next one at the line's beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from relay.config.checks import check_before
from relay.config.found import read_config
from relay.config.model import Http, Storage, store_path
from relay.config.surroundings import around
from relay.document import yaml
from relay.document.env import expand, read_secret_files
from relay.document.faults import Faults, InvalidConfigError
from relay.document.fields import READERS, Section
from relay.document.yaml import Document

_SECTIONS: Final = ("http", "storage")
_KEY: Final = re.compile(r"""(?P<quote>["']?)(?P<name>\w+)(?P=quote)[ \t]*:(?=\s|$)""")
_HTTP_ELSEWHERE: Final = re.compile(r"""^[ \t{,]+["']?http["']?[ \t]*:(?=\s|$)""", re.MULTILINE)


class _Sections(Section):
    http: Http = Http()
    storage: Storage = Storage()


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a relay is to be asked, and where its store lies.

    Attributes:
        path: The config's file.
        store_path: The store's file, absolute.
        http: Where it listens, and the token it wants.
        certain: Read from a file that is YAML, or from its ``http`` itself; else nothing is there that says otherwise
            than the default, and only a relay that holds this store is surely meant.
    """

    path: Path
    store_path: Path
    http: Http
    certain: bool


def whereabouts(path: Path, *, env: Mapping[str, str]) -> Whereabouts | None:
    """What the file in ``path`` still tells of its relay; None where that is nothing to rely on."""
    try:
        text = read_config(path)
        document, whole = _document(text, str(path))
    except InvalidConfigError:
        return None
    document = Document(
        Faults(str(path)),
        {name: document.root[name] for name in _SECTIONS if name in document.root},
        document.values,
        document.keys,
    )
    env = around(path, env)
    expand(document, env)
    read_secret_files(document, env, path.parent)
    check_before(document)
    if document.faults:
        return None
    try:
        read = _Sections.model_validate(document.root, context={READERS: {}})
    except ValidationError:
        return None
    place = store_path(read.storage.url, config=path, env=env)
    return Whereabouts(path, place, read.http, certain=whole or "http" in document.root)


def _document(text: str, name: str) -> tuple[Document, bool]:
    """The file as YAML, or what of it is; and whether that is all.

    Raises:
        InvalidConfigError: Nothing of it is.
    """
    try:
        return yaml.read(text, Faults(name)), True
    except InvalidConfigError:
        if _HTTP_ELSEWHERE.search(text):  # not where a section begins: the fault may have moved it
            raise
        alone = "".join(_lines_of(text, _SECTIONS))
        return (yaml.read(alone, Faults(name)) if alone else Document(Faults(name))), False


def _lines_of(text: str, names: tuple[str, ...]) -> Iterator[str]:
    """Those of the sections of these names: each ends where another line begins at its beginning."""
    inside = False
    for line in text.removeprefix("\ufeff").splitlines(keepends=True):
        if line[:1].strip() and not line.startswith("#"):
            key = _KEY.match(line)
            inside = key is not None and key["name"] in names
        if inside:
            yield line if line.endswith("\n") else f"{line}\n"
