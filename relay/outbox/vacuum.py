"""Gives room back to the disk that the store does not need any more, a few pages at a time.

    prune deletes ──> free pages ──over a tenth of the file──> the last pages move into them, the file is cut

What comes next takes free pages first, so some are left: moving a page that is needed tomorrow is work for nothing.
``auto_vacuum`` can only be chosen when a file is made (https://www.sqlite.org/pragma.html#pragma_auto_vacuum). A store
of before keeps its size and uses its free pages again; ``relay repair --compact`` converts it.
"""

from __future__ import annotations

import sqlite3
from typing import Final

PAGES_A_STEP: Final = 100
INCREMENTAL: Final = 2
"""The kind of ``auto_vacuum`` that gives pages back when it is told to."""

_SPARE: Final = 10  # one page in so many may be free
_LEAST: Final = 2_500  # and 10 MB in any case


def give_back(db: sqlite3.Connection) -> bool:
    """One small step, within the transaction that is under way; whether there is more to give back."""
    if _pragma(db, "auto_vacuum") != INCREMENTAL:
        return False
    free = _pragma(db, "freelist_count")
    spare = max(_LEAST, _pragma(db, "page_count") // _SPARE)
    if free <= spare:
        return False
    db.execute(f"PRAGMA incremental_vacuum({PAGES_A_STEP})").fetchall()
    return free - PAGES_A_STEP > spare


def _pragma(db: sqlite3.Connection, name: str) -> int:
    (value,) = db.execute(f"PRAGMA {name}").fetchone()
    return int(value)
