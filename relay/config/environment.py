r"""A file of variables, which systemd reads as root.

    {name: value} ──written──> NAME="value", a line each ──read──> the same; ──masked──> without what they hold

A value is in double quotes, in which systemd takes a backslash before one of " \ ` $ as an escape (systemd.exec(5),
``EnvironmentFile``). What ``written`` writes, ``read`` reads alike; of other forms it takes the plainest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_SPECIAL: Final = re.compile(r'[\\"`$]')
_LINE: Final = re.compile(
    r'^[ \t]*(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^"\'\\\n]*))[ \t]*$',
    re.ASCII | re.MULTILINE | re.DOTALL,
)


def written(variables: Mapping[str, str]) -> str:
    """The file's text."""
    return "".join(f'{name}="{_SPECIAL.sub(_escaped, value)}"\n' for name, value in variables.items())


def read(text: str) -> dict[str, str]:
    """What a file says."""
    return {
        match["name"]: match["plain"].strip() if match["quoted"] is None else _unescaped(match["quoted"])
        for match in _LINE.finditer(text)
    }


def masked(text: str, mask: str) -> str:
    """The file with ``mask`` for each value; what is no assignment is left out."""
    return "".join(f'{name}="{mask}"\n' for name in read(text))


def _escaped(match: re.Match[str]) -> str:
    return f"\\{match[0]}"


def _unescaped(text: str) -> str:
    return re.sub(r'\\([\\"`$])', r"\1", text)
