"""A command for a person to copy, whatever the names in it hold."""

from __future__ import annotations

import shlex


def relay_command(*words: str) -> str:
    """``relay resume 'the bot'``: ``words`` as a shell takes them."""
    return shlex.join(("relay", *words))
