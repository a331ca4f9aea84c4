"""A `relay` on the PATH, which knows the service: a small script that root can remove as it came.

the command that was installed ──text_of──> a script: it names the service's config and store, then becomes the command
what lies at /usr/local/bin/relay ──is_free──> nothing, or one of these: it may be written; anything else is another's

The service itself does not go through it: its unit starts the command. A person's own config is not touched by it
either (relay.config.surroundings).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from relay.config import surroundings

PLACE: Final = Path("/usr/local/bin/relay")

_STAMP: Final = "# As `relay install` writes it: the next one writes it anew, and --remove takes it away."
_LOOKED_AT: Final = 1000  # bytes; the stamp is in the second line


def text_of(command: Sequence[str], *, config: Path, state: Path) -> str:
    """The script.

    Args:
        command: What it becomes.
        config: The service's.
        state: The folder of the service's store.
    """
    return "\n".join(
        [
            "#!/bin/sh",
            _STAMP,
            f"export {surroundings.VARIABLE}={config}:{state}",
            f'exec {shlex.join(command)} "$@"',
            "",
        ]
    )


def is_ours(place: Path) -> bool:
    """Whether such a script lies there."""
    try:
        with place.open("rb") as file:
            return f"\n{_STAMP}\n".encode() in file.read(_LOOKED_AT)
    except OSError:
        return False


def is_free(place: Path) -> bool:
    """Whether one may be written there: nothing lies there yet, not even a link to nowhere, or one does."""
    return is_ours(place) or not (place.exists() or place.is_symlink())
