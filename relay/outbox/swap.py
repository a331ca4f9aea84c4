"""Puts another file in the store's place so that a crash at any moment leaves the one or the other.

    PATH, PATH-wal (the old)     PATH.repairing ──synced, renamed──> PATH.repaired-TIME      from here on: the new
                                                                        │
    finish_swap, as often as it takes:  the old ──links──> PATH.damaged-TIME, …-wal;  the old log goes;  new ──> PATH

A log belongs to its file without saying so: beside another file SQLite would put its pages there. So the log must be
gone before the new file comes, and between the two the old file stands without it. Whoever opens the store next goes on
from there: the new file's name says that it is whole. The old files are never deleted.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_REPAIRED: Final = ".repaired-"
_DAMAGED: Final = ".damaged-"
_LOG, _INDEX = "-wal", "-shm"


def unfinished_path(path: Path) -> Path:
    """Where the new file is made."""
    return path.with_name(f"{path.name}.repairing")


def put_in_place(new: Path, path: Path, now_us: int) -> Path:
    """Let the whole file ``new`` take the place of the store at ``path``, whose lock is held and which nobody has open.

    Returns:
        Where the old file lies now.

    Raises:
        OSError: The disk refuses; what is there is the old one, or will be the new one at the next start.
    """
    _give_to_owner(path, new)
    _sync(new)
    at = datetime.fromtimestamp(now_us / 1e6, UTC)
    ready = path.with_name(f"{path.name}{_REPAIRED}{at:%Y%m%dT%H%M%SZ}")
    new.replace(ready)
    sync_folder(path.parent)
    finish_swap(path)
    return _aside(path, ready)


def is_unfinished(path: Path) -> bool:
    """Whether a swap was begun and is not finished."""
    return bool(_begun(path))


def finish_swap(path: Path) -> None:
    """Go on with a swap that was begun, perhaps by a process that is no more; without one, do nothing.

    Raises:
        OSError: The disk refuses.
    """
    for ready in _begun(path):
        aside = _aside(path, ready)
        _keep(path, aside)
        if _with(path, _LOG).exists() and _with(path, _LOG).stat().st_size:  # whoever looks at a store leaves it empty
            _keep(_with(path, _LOG), _with(aside, _LOG))
        sync_folder(path.parent)
        for file in beside(path):
            file.unlink(missing_ok=True)
        sync_folder(path.parent)
        ready.replace(path)
        sync_folder(path.parent)


def copy_store(
    db: sqlite3.Connection,
    target: Path,
    *,
    replacing: bool,
    finish: Callable[[sqlite3.Connection], None] | None = None,
) -> None:
    """Copy the open store to ``target``, on the disk for good when this returns, or not at all.

    Args:
        db: May be in use by others; what they commit meanwhile is in the copy or not.
        target: Where to.
        replacing: Whether a file that lies there already may go.
        finish: Looks at the copy, and may add to it, before it is in its place; what it raises is raised.

    Raises:
        OSError: The disk refuses, or something lies there already.
        sqlite3.DatabaseError: The store can't be read, or the copy not written.
    """
    if not replacing:
        _refuse_taken(target)  # before the work, and once more after it
    unfinished = target.with_name(target.name + ".part")
    try:
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        copy = sqlite3.connect(unfinished)
        try:
            db.backup(copy)
            if finish is not None:
                finish(copy)
        finally:
            copy.close()
        if not replacing:
            _refuse_taken(target)
        unfinished.replace(target)
        sync_folder(target.parent)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _refuse_taken(target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def beside(path: Path) -> tuple[Path, Path]:
    """The log of the store at ``path``, and the index of the log."""
    return _with(path, _LOG), _with(path, _INDEX)


def sync_folder(folder: Path) -> None:
    """Make names in a folder last.

    Raises:
        OSError: The disk refuses.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _give_to_owner(path: Path, new: Path) -> None:
    """Let whoever has the store have the new one, too: where root repairs it, the service must be able to open it."""
    if os.geteuid() == 0 and path.exists():
        old = path.stat()
        os.chown(new, old.st_uid, old.st_gid)


def _aside(path: Path, ready: Path) -> Path:
    return path.with_name(f"{path.name}{_DAMAGED}{ready.name.rpartition(_REPAIRED)[2]}")


def _keep(file: Path, aside: Path) -> None:
    if aside.exists() or not file.exists():
        return
    try:
        os.link(file, aside)
    except OSError:  # a file system without links
        unfinished = _with(aside, ".part")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)  # before there is anything to read in it
        shutil.copyfile(file, unfinished)
        _sync(unfinished)
        unfinished.replace(aside)
    aside.chmod(0o600)


def _sync(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())


def _with(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _begun(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{glob.escape(path.name)}{_REPAIRED}*"))
