"""The files of a plan, compared with what is there, shown, and put in place.

    File ──state──> new | other | as it is        in the root that the installer was given
         ──touched_us──> since when it is so
         ──shown──> path, mode, what would change; secrets are masked on both sides
         ──put──> relay.placing: whole, in the order given; root's own

Only what differs is touched.
"""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from relay.config import environment
from relay.document.reading import why
from relay.errors import RelayError
from relay.install.secrets import masked
from relay.placing import File, Shown, put_whole
from relay.redaction import MASK, redact

_FOLDERS: Final = 0o755


class FileState(StrEnum):
    """How a file stands."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "as it is"


def inside(root: Path, path: Path) -> Path:
    """Where ``path`` lies in a root."""
    return root / path.relative_to("/")


def there(root: Path, path: Path) -> str:
    """The text that is there; empty where none is, or none that can be read."""
    try:
        return inside(root, path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def state(root: Path, file: File) -> FileState:
    """How a file stands: its text, its mode, and whose it is."""
    place = inside(root, file.path)
    try:
        status = place.stat()
        text = place.read_bytes() if stat.S_ISREG(status.st_mode) else None
    except FileNotFoundError:
        return FileState.NEW
    except OSError:
        return FileState.CHANGED
    owned = status.st_uid == file.owner or os.geteuid() != 0  # who is not root can't mend it
    well = text == file.text.encode() and stat.S_IMODE(status.st_mode) == file.mode and owned
    return FileState.SAME if well else FileState.CHANGED


def changed(root: Path, files: Iterable[File]) -> list[File]:
    """Those that ``put`` would touch."""
    return [file for file in files if state(root, file) is not FileState.SAME]


def touched_us(root: Path, files: Iterable[File]) -> int:
    """When the last of ``files`` came to be as it is, in µs since 1970; 0 where none is there.

    By the inode's time: one that was moved there, or copied with its times, has an older one of its own.
    """
    places = (inside(root, file.path) for file in files)
    return max((place.stat().st_ctime_ns // 1000 for place in places if place.exists()), default=0)


def shown(root: Path, files: Iterable[File]) -> Iterator[str]:
    """Every file, with what would change of it, and no secret."""
    for file in files:
        how = state(root, file)
        yield f"{inside(root, file.path)}  {file.mode:04o} root  {how.value}"
        if how is not FileState.SAME:
            hides = file.shown is Shown.PLAIN and _closed(root, file.path)
            old = _masked(there(root, file.path), Shown.SECRET if hides else file.shown)
            yield from (f"    {line}" for line in _difference(old, _masked(file.text, file.shown)))


def put(root: Path, files: Iterable[File]) -> None:
    """Put ``files`` in their places, in folders that all may look into.

    Raises:
        RelayError: One can't be written.
    """
    try:
        put_whole((replace(file, path=inside(root, file.path)) for file in files), folders=_FOLDERS)
    except OSError as error:
        raise RelayError(f"{error.filename} can't be written: {why(error)}") from None


def _closed(root: Path, path: Path) -> bool:
    """Whether what is there is its owner's alone: it may be a secret, whatever comes in its place."""
    try:
        return not inside(root, path).stat().st_mode & 0o077
    except OSError:
        return False


def _masked(text: str, how: Shown) -> str:
    """A text without its secrets."""
    if not text:
        return ""
    match how:
        case Shown.SECRET:
            return f"{MASK}\n"
        case Shown.VARIABLES:
            return environment.masked(text, MASK)
        case Shown.CONFIG:
            return masked(text, redact) or f"{MASK} (no config that can be read, so it is not shown)\n"
        case Shown.PLAIN | Shown.SCHEMA:
            return text


def _difference(old: str, new: str) -> Iterator[str]:
    """What changes, as `diff -u` shows it; of a new file all of it."""
    if old == new:
        yield "(another secret, mode or owner; nothing of that is shown)"
    elif not old:
        yield from (f"+{line}" for line in new.splitlines())
    else:
        yield from list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1))[2:]
