"""That no relay runs, and why not, as far as the last one said it before it ended by itself. Words for ``status``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from relay.clock import MICROS, SystemClock
from relay.durations import roughly
from relay.outbox.ending import Ending, ending_of
from relay.outbox.file import is_held

UNREACHED: Final = "a relay runs, and its HTTP can't be reached"
NOBODY: Final = "no relay runs here"


def nobody(store: Path) -> str:
    """Why nobody answers: one holds ``store``; or ``no relay runs here: it ended 5 minutes ago with exit code 69: …``.

    Raises:
        StoreError: As ``is_held``.
    """
    if is_held(store):
        return UNREACHED
    ending = ending_of(store)
    return NOBODY if ending is None else f"{NOBODY}: it {in_words(ending, SystemClock().now_us())}"


def in_words(ending: Ending, now_us: int) -> str:
    """``ended 5 minutes ago with exit code 69: another instance took over. Stop it.``."""
    ago = roughly(max(0, now_us - ending.at_us) / MICROS)
    return f"ended {ago} ago with exit code {ending.exit_code}: {ending.why}. {ending.hint}".strip()
