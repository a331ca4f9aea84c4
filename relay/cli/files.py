"""Files put in place whole: each is written beside its place, made durable, and only then takes its name.

    File, … ──> .NAME.new (0600 where it is secret) ──fsync──> all are there ──rename──> NAME, in the order given

A crash leaves the old file or the new one. Where anything fails before the first rename, nothing has changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from relay.cli.written import SCHEMA, File
from relay.document.reading import why
from relay.errors import UsageError

_OWNER_ONLY: Final = 0o600
_AS_THE_UMASK_SAYS: Final = 0o666


def changed(folder: Path, files: Iterable[File]) -> list[str]:
    """The names of ``files`` that are there already and hold something else."""
    return [file.name for file in files if os.path.lexists(folder / file.name) and not _holds(folder / file.name, file)]


def well(folder: Path, file: File) -> bool:
    """Whether a file is there, says what it should, and is its owner's alone where it is secret."""
    place = folder / file.name
    return _holds(place, file) and not (file.secret and place.stat().st_mode & ~_OWNER_ONLY & 0o777)


def shown(folder: Path, files: Iterable[File]) -> Iterator[str]:
    """What ``put`` would write, file by file, without a secret."""
    for file in files:
        place = folder / file.name
        there = os.path.lexists(place)
        state = "is so already" if well(folder, file) else "would be written over" if there else "would be written"
        mode = "0600, yours alone" if file.secret else "0644, yours"
        yield f"--- {place} ({mode}): {state}"
        if file.secret:
            yield "***"
        elif file.name == SCHEMA:
            yield "what `relay schema` prints, by which editors check the config"
        else:
            yield file.text.rstrip("\n")
    yield "Nothing was written."


def put(folder: Path, files: Iterable[File]) -> None:
    """Write ``files`` into ``folder``, which is made where it is missing; what is there is replaced.

    Raises:
        UsageError: They can't be written there.
    """
    waiting: list[tuple[Path, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            place = Path(os.path.realpath(folder / file.name))  # a link goes on leading where it led
            new = place.with_name(f".{place.name}.new")
            waiting.append((new, place))
            _write(new, file)
        for new, place in waiting:
            new.replace(place)
    except OSError as error:
        for new, _ in waiting:
            with suppress(OSError):
                new.unlink(missing_ok=True)
        raise UsageError(
            f"{folder} can't be written to: {why(error)}", hint="Name another folder: relay init DIRECTORY."
        ) from None


def _write(place: Path, file: File) -> None:
    place.unlink(missing_ok=True)  # of a run that was killed; a file made anew has the right mode and owner
    mode = _OWNER_ONLY if file.secret else _AS_THE_UMASK_SAYS
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(file.text)
        stream.flush()
        os.fsync(stream.fileno())


def _holds(place: Path, file: File) -> bool:
    try:
        return place.read_bytes() == file.text.encode()
    except OSError:
        return False
