"""The files of ``relay init``, compared with what is there, shown, and put in a folder.

File ──changed, well──> there and other | as it should be
     ──shown──> path, mode, text; of a secret neither the old nor the new
     ──put──> relay.placing: whole, in the order given
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from relay.document.reading import why
from relay.errors import UsageError
from relay.placing import CLOSED, File, Shown, put_whole


def changed(folder: Path, files: Iterable[File]) -> list[str]:
    """The names of ``files`` that are there already and hold something else."""
    there = [file for file in files if os.path.lexists(folder / file.path)]
    return [file.path.name for file in there if not _holds(folder / file.path, file)]


def well(folder: Path, file: File) -> bool:
    """Whether a file is there, says what it should, and is its owner's alone where it is secret."""
    place = folder / file.path
    return _holds(place, file) and not (file.secret and place.stat().st_mode & ~CLOSED & 0o777)


def shown(folder: Path, files: Iterable[File]) -> Iterator[str]:
    """What ``put`` would write, file by file, without a secret."""
    for file in files:
        place = folder / file.path
        there = os.path.lexists(place)
        state = "is so already" if well(folder, file) else "would be written over" if there else "would be written"
        mode = "0600, yours alone" if file.secret else "0644, yours"
        yield f"--- {place} ({mode}): {state}"
        if file.shown is Shown.SECRET:
            yield "***"
        elif file.shown is Shown.SCHEMA:
            yield "what `relay schema` prints, by which editors check the config"
        else:
            yield file.text.rstrip("\n")
    yield "Nothing was written."


def put(folder: Path, files: Iterable[File]) -> None:
    """Write ``files`` into ``folder``, which is made where it is missing; what is there is replaced.

    Raises:
        UsageError: They can't be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A link goes on leading where it led.
        put_whole(replace(file, path=Path(os.path.realpath(folder / file.path))) for file in files)
    except OSError as error:
        raise UsageError(
            f"{folder} can't be written to: {why(error)}", hint="Name another folder: relay init DIRECTORY."
        ) from None


def _holds(place: Path, file: File) -> bool:
    try:
        return place.read_bytes() == file.text.encode()
    except OSError:
        return False
