"""What is told beside a verb's answer: errors for a program, and notes for whoever watches.

with told(as_json=…): … ──RelayError──> {"ok": false, …} on standard output ──> and on it goes to the exit code
                         └─tell_note──> a line or two on standard error: the answer stays what a program reads
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict

import click

from relay.cli.folded import tell
from relay.document.faults import InvalidConfigError
from relay.errors import RelayError


@contextmanager
def told(*, as_json: bool) -> Iterator[None]:
    """Print an error that passes through as JSON, where that is wanted: a config's faults each with its place.

    A fault has the shape that ``POST /api/reload`` gives it, and ``mark``, which holds its line and column once more.
    """
    try:
        yield
    except RelayError as error:
        if as_json:
            click.echo(json.dumps({"ok": False, **_plain(error)}, ensure_ascii=False))
        raise


def tell_note(text: str, hint: str = "") -> None:
    """Say on standard error what nobody asked for and somebody should know; ``hint`` is what can be done."""
    tell([f"note: {text}", *([f"  {hint}"] if hint else [])], err=True)


def _plain(error: RelayError) -> Mapping[str, object]:
    if isinstance(error, InvalidConfigError):
        faults = [{**fault.mark._asdict(), **asdict(fault), "mark": fault.mark._asdict()} for fault in error.faults]
        return {"file": error.file, "faults": faults}
    return {"error": str(error)} | ({"hint": error.hint} if error.hint else {})
