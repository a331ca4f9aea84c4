"""Files put in place whole: each is written beside its place, made durable, and only then takes its name.

    File, … ──put_whole──> .NAME.new (its own mode and owner from the first byte on) ──fsync──> all are there
                                                                     ──rename──> NAME, in the order given

What holds always: a crash leaves the old file or the new one; where anything fails before the first rename, nothing has
changed; what a file says may be a secret, and no error and no ``repr`` says it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Final

OPEN: Final = 0o644
CLOSED: Final = 0o600
PROGRAM: Final = 0o755
UMASKED: Final = 0o666


class Shown(Enum):
    """How much of a file may be shown to whoever asks what would be written."""

    PLAIN = auto()
    SECRET = auto()
    """Nothing of it."""
    VARIABLES = auto()
    """An environment: names without values."""
    CONFIG = auto()
    """A config, with a mask for each secret that stands in it."""
    SCHEMA = auto()
    """What it is, for it is long and the same for everybody."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to be put in place.

    Attributes:
        path: Where it goes.
        text: All of it.
        mode: Its permissions, exactly; UMASKED: what the umask leaves.
        owner: User and group, by number; None: whoever writes it. Only root can give a file away.
        shown: How much of it may be shown.
    """

    path: Path
    text: str = field(repr=False)
    mode: int = UMASKED
    owner: int | None = None
    shown: Shown = Shown.PLAIN

    @property
    def secret(self) -> bool:
        """Whether nobody but its owner may read it."""
        return self.mode == CLOSED


def put_whole(files: Iterable[File], *, folders: int | None = None) -> None:
    """Put ``files`` in their places; what is there is replaced.

    Args:
        files: All of them; what is named comes before what names it.
        folders: Permissions of folders that are made where they are missing, whatever the umask; None: none is made.

    Raises:
        OSError: One can't be written; its ``filename`` is that one's path.
    """
    waiting: list[tuple[Path, Path]] = []
    place = Path()
    try:
        for file in files:
            place = file.path
            new = place.with_name(f".{place.name}.new")
            waiting.append((new, place))
            if folders is not None:
                _make(place.parent, folders)
            _write(new, file)
        for new, place in waiting:
            new.replace(place)
    except OSError as error:
        for new, _ in waiting:
            with suppress(OSError):
                new.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(place)) from None


def _make(folder: Path, mode: int) -> None:
    """Make a folder, and those above it."""
    if folder.is_dir():
        return
    _make(folder.parent, mode)
    folder.mkdir()
    folder.chmod(mode)


def _write(place: Path, file: File) -> None:
    place.unlink(missing_ok=True)  # of a run that was killed; a file made anew has the right mode and owner
    first = UMASKED if file.mode == UMASKED else CLOSED  # nobody reads a part of it
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, first)  # which follows no link
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        if file.owner is not None and os.geteuid() == 0:
            os.fchown(stream.fileno(), file.owner, file.owner)
        stream.write(file.text)
        stream.flush()
        if file.mode != UMASKED:
            os.fchmod(stream.fileno(), file.mode)
        os.fsync(stream.fileno())
