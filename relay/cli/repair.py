"""``relay repair``: what can be kept of a damaged store is kept, and what was lost is told, table by table."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
import msgspec
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from relay.cli.options import config_option, json_option
from relay.cli.quiet import load_quietly
from relay.cli.told import told
from relay.clock import SystemClock, isoformat
from relay.errors import Exit, UsageError
from relay.outbox.repair import Repair, compact, repair
from relay.outbox.rewind import IDENTITIES_US

_EXAMPLES: Final = """\b
Examples:
  relay repair --dry-run
  relay repair
  relay repair --compact
"""
_SHOWN: Final = 20
_CALLED: Final = {"relay": "the store itself", "events": "alerts", "rounds": "cursors", "channels": "baselines"}


@click.command(epilog=_EXAMPLES)
@click.option("--dry-run", is_flag=True, help="Say what would be kept and lost; change nothing.")
@click.option("--compact", "compacting", is_flag=True, help="Rewrite a sound store without the room it does not need.")
@config_option
@json_option
def command(*, dry_run: bool, compacting: bool, config: Path | None, as_json: bool) -> int:
    """Make a damaged store whole again, without what can't be read. The relay must be stopped.

    The damaged file is kept beside the new one. What was lost is fetched again when the relay starts, as far as the
    upstream still has it and it is not older than 30 days; what may not have been delivered goes out again to everyone.
    """
    with told(as_json=as_json):
        if dry_run and compacting:
            raise UsageError("--compact has no --dry-run", hint="It changes nothing but the size of the file.")
        path = load_quietly(config).store_path
        now_us = SystemClock().now_us()
        if compacting:
            _tell_compacted(*compact(path, now_us=now_us), as_json=as_json)
            return Exit.OK
        with _progress(quiet=as_json) as progress:
            done = repair(path, now_us=now_us, refetch_us=IDENTITIES_US, dry_run=dry_run, progress=progress)
        if as_json:
            click.echo(json.dumps(_plain(done, path, dry_run=dry_run), ensure_ascii=False))
        else:
            _tell(done, path, dry_run=dry_run)
    return Exit.OK


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each table, where a person watches; it is gone when all is done."""
    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} of {task.total:,}"),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    tasks = {table: bars.add_task(table, total=0, visible=False) for table in ("events", "deliveries")}

    def advance(table: str, done: int, of: int) -> None:
        if table in tasks:
            bars.update(tasks[table], completed=done, total=of, visible=True)

    with bars:
        yield advance


def _plain(done: Repair, path: Path, *, dry_run: bool) -> dict[str, object]:
    return {
        "ok": True,
        "store": str(path),
        "dry_run": dry_run,
        "damaged": bool(done.found),
        "found": done.found,
        "tables": msgspec.to_builtins(done.tables),
        "lost": done.lost,
        "everything_lost": done.everything_lost,
        "lost_log_pages": done.lost_log_pages,
        "forgotten": done.forgotten,
        "refetch_from": None if done.refetch_from_us is None else isoformat(done.refetch_from_us),
        "left_out": msgspec.to_builtins(done.left_out),
        "kept": None if done.kept is None else str(done.kept),
    }


def _tell(done: Repair, path: Path, *, dry_run: bool) -> None:
    if not done.found:
        click.echo(f"Nothing to repair: {path} is sound.")
        return
    click.echo(f"The store {path} is damaged: {done.found}.")
    console = Console(file=sys.stdout, highlight=False)
    shown = Table("", "kept", "unreadable", "left out", box=box.SIMPLE)
    for table, saved in done.tables.items():
        if saved.kept or saved.unreadable or saved.refused:
            name = _CALLED.get(table, table)
            unreadable = "all" if saved.unreadable and not saved.kept else f"{saved.unreadable:,}"
            shown.add_row(name, f"{saved.kept:,}", unreadable, f"{saved.refused:,}")
    console.print(shown)
    for line in _said(done, dry_run=dry_run):
        click.echo(line)


def _said(done: Repair, *, dry_run: bool) -> Iterator[str]:
    if done.everything_lost:
        yield "No alert can be read: all of them are lost, however many there were."
    elif not done.lost and not done.lost_log_pages:
        yield "Nothing was lost." if not dry_run else "Nothing would be lost."
    if done.lost_log_pages:
        yield f"{done.lost_log_pages} pages at the end of the log can't be taken; the cursor in them is lost, too."
    if done.forgotten:
        yield f"Of {done.forgotten} alerts a delivery is lost that may have waited: they go out again, to everyone."
    for left in done.left_out[:_SHOWN]:
        words = (left.event or left.webhook_id or "of an unknown alert", left.destination and f"to {left.destination}")
        yield f"  lost: {' '.join(filter(None, words))} ({left.state or 'state unknown'})"
    if len(done.left_out) > _SHOWN:
        yield f"  … and {len(done.left_out) - _SHOWN} more; --json lists a thousand."
    if done.refetch_from_us is not None:
        yield f"When the relay starts, it fetches again what came since {isoformat(done.refetch_from_us)}."
    if dry_run:
        yield "Nothing has been changed."
    elif done.kept is not None:
        yield f"The damaged file is kept: {done.kept}. Delete it when you no longer need it."


def _tell_compacted(before: int, after: int, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"ok": True, "before": before, "after": after}))
    else:
        click.echo(f"{before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now.")
