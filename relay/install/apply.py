"""The files of a plan, compared with what is there, shown, and put in place.

    File ──state──> new | other | as it is        in the root that the installer was given
         ──shown──> path, mode, what would change; secrets are masked on both sides
         ──put──> written beside its place, made durable, renamed; root's own

Only what differs is touched. A crash leaves the old file or the new one.
"""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

from relay.document.reading import why
from relay.errors import RelayError
from relay.install import environment
from relay.install.plan import CONFIG, ENVIRONMENT, File
from relay.install.secrets import MASK, masked

_ROOT: Final = 0


class State(StrEnum):
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


def state(root: Path, file: File) -> State:
    """How a file stands: its text, its mode, and whose it is."""
    place = inside(root, file.path)
    try:
        status = place.stat()
        text = place.read_bytes() if stat.S_ISREG(status.st_mode) else None
    except FileNotFoundError:
        return State.NEW
    except OSError:
        return State.CHANGED
    owned = status.st_uid == _ROOT or not _is_root()
    well = text == file.text.encode() and stat.S_IMODE(status.st_mode) == file.mode and owned
    return State.SAME if well else State.CHANGED


def changed(root: Path, files: Iterable[File]) -> list[File]:
    """Those that ``put`` would touch."""
    return [file for file in files if state(root, file) is not State.SAME]


def shown(root: Path, files: Iterable[File]) -> Iterator[str]:
    """Every file, with what would change of it, and no secret."""
    for file in files:
        how = state(root, file)
        yield f"{inside(root, file.path)}  {file.mode:04o} root  {how.value}"
        if how is not State.SAME:
            old = _shown(file.path, there(root, file.path), secret=file.secret or _closed(root, file.path))
            new = _shown(file.path, file.text, secret=file.secret)
            yield from (f"    {line}" for line in _difference(old, new))


def put(root: Path, files: Iterable[File]) -> None:
    """Put ``files`` in their places.

    Raises:
        RelayError: One can't be written.
    """
    for file in files:
        place = inside(root, file.path)
        new = place.with_name(f".{place.name}.new")
        try:
            _folder(place.parent)
            _write(new, file)
            new.replace(place)
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise RelayError(f"{place} can't be written: {why(error)}") from None


def _folder(folder: Path) -> None:
    """Make a folder that all may look into, and those above it, whatever the umask."""
    if folder.is_dir():
        return
    _folder(folder.parent)
    folder.mkdir()
    folder.chmod(0o755)


def _write(place: Path, file: File) -> None:
    place.unlink(missing_ok=True)  # of a run that was killed; a file made anew has the right mode and owner
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        if _is_root():
            os.fchown(stream.fileno(), _ROOT, _ROOT)
        stream.write(file.text)
        stream.flush()
        os.fchmod(stream.fileno(), file.mode)
        os.fsync(stream.fileno())


def _closed(root: Path, path: Path) -> bool:
    """Whether what is there is its owner's alone: it may be a secret, whatever comes in its place."""
    try:
        return not inside(root, path).stat().st_mode & 0o077
    except OSError:
        return False


def _shown(path: Path, text: str, *, secret: bool) -> str:
    """A text of ours without its secrets."""
    if not text:
        return ""
    if path == ENVIRONMENT:
        return environment.masked(text, MASK)
    if path == CONFIG:
        return masked(text) or f"{MASK} (no config that can be read, so it is not shown)\n"
    if path.parent == CONFIG.parent and secret:
        return f"{MASK}\n"
    return text


def _difference(old: str, new: str) -> Iterator[str]:
    """What changes, as `diff -u` shows it; of a new file all of it."""
    if old == new:
        yield "(another secret, mode or owner; nothing of that is shown)"
    elif not old:
        yield from (f"+{line}" for line in new.splitlines())
    else:
        yield from list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1))[2:]


def _is_root() -> bool:
    return os.geteuid() == _ROOT
