"""Why the last run on a store ended by itself, for whoever finds that none runs.

    a run ends (69, 77, 74) ──note──> PATH.ended ──ending_of──> `relay status`
    a run has its store     ──forget──> nothing

A small file beside the store, not in it: a store that can't be written is one of the reasons. Best effort: without it
nobody is told why, and nothing else changes.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from relay.errors import RelayError
from relay.placing import CLOSED, File, put_whole
from relay.redaction import redact

_MOST: Final = 64 * 1024  # bytes


class Ending(msgspec.Struct, frozen=True):
    """How a run ended.

    Attributes:
        at_us: When, µs since the epoch.
        exit_code: What the process ended with.
        why: A sentence without a full stop.
        hint: What helps; may be empty.
    """

    at_us: int
    exit_code: int
    why: str
    hint: str


def note(store: Path, error: RelayError, *, at_us: int) -> None:
    """Remember that the run on ``store`` ends with ``error``."""
    ending = Ending(at_us, int(error.exit_code), redact(str(error)), redact(error.hint))
    with suppress(OSError):
        put_whole([File(_beside(store), msgspec.json.encode(ending).decode(), CLOSED)])


def forget(store: Path) -> None:
    """Another run has begun."""
    with suppress(OSError):
        _beside(store).unlink(missing_ok=True)


def ending_of(store: Path) -> Ending | None:
    """How the last run on ``store`` ended; None where it was stopped, or nothing is known."""
    try:
        return msgspec.json.decode(_beside(store).read_bytes()[:_MOST], type=Ending)
    except (OSError, ValueError, msgspec.DecodeError):
        return None


def _beside(store: Path) -> Path:
    place = store.resolve()
    return place.with_name(f"{place.name}.ended")
