"""Lines on a terminal that is narrower than they are: broken at spaces, never inside a word, a URL or a command.

line, width ──fold──> lines; those after the first stand two columns further in
lines ──tell──> a terminal, folded to its width; anything else as they are, for whatever reads lines
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import Final

import click

_COMMAND: Final = re.compile("`[^`]+`[;,.]?")
_GLUE: Final = "\xa0"  # a space at which no line is broken
_STEP: Final = "  "


def tell(lines: Iterable[str], *, err: bool = False) -> None:
    """Print them on standard output, or on standard error."""
    stream = sys.stderr if err else sys.stdout
    width = shutil.get_terminal_size().columns if stream.isatty() else None
    for line in lines:
        click.echo(line if width is None else fold(line, width), err=err)


def fold(line: str, width: int, *, break_words: bool = False) -> str:
    """``line`` in lines of ``width`` columns at most.

    Args:
        line: May begin with spaces; what follows the first line stands further in than it.
        width: Columns.
        break_words: Break what is longer than a line by itself, too; else it is left to the terminal, which knows that
            it is one, so that it can be clicked and copied.
    """
    if len(line) <= width:
        return line
    indent = line[: len(line) - len(line.lstrip(" "))] + _STEP
    room = width - len(indent)
    glued = _COMMAND.sub(lambda found: found[0].replace(" ", _GLUE) if len(found[0]) <= room else found[0], line)
    folded = textwrap.fill(glued, width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=break_words)
    return folded.replace(_GLUE, " ")
