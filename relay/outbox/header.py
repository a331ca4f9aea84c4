"""How a file is known for one of ours: by a number in its header, also where SQLite can't read it any more."""

from __future__ import annotations

from pathlib import Path
from typing import Final

APPLICATION_ID: Final = (
    0x52454C41  # "RELA", in the file's header: https://www.sqlite.org/pragma.html#pragma_application_id
)

_OURS_AT: Final = 68  # of the header: https://www.sqlite.org/fileformat.html#application_id


def looks_ours(path: Path) -> bool:
    """Whether the file's header names us."""
    try:
        with path.open("rb") as file:
            return file.read(_OURS_AT + 4)[_OURS_AT:] == APPLICATION_ID.to_bytes(4, "big")
    except OSError:
        return False
