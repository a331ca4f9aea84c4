"""``relay repair``: what can be kept of a damaged store is kept, and what was lost is told, table by table."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from relay.cli.options import MOMENT, Span, config_option, json_option
from relay.cli.progress import Bars
from relay.cli.quiet import load_quietly
from relay.cli.told import told
from relay.clock import MICROS, SystemClock, isoformat
from relay.deliveries import State
from relay.errors import Exit, UsageError
from relay.outbox.base import IDENTITIES_SECONDS
from relay.outbox.repair import Repair, compact, repair
from relay.outbox.rescue import Saved
from relay.outbox.rewind import IDENTITIES_US, LeftOut
from relay.wording import counted

_EXAMPLES: Final = """\b
Examples:
  relay repair --dry-run
  relay repair
  relay repair --since 12h
  relay repair --compact
"""
_SHOWN: Final = 20
_COLUMNS: Final = {
    "kept": "in the new store",
    "unreadable": "lost with pages that can't be read, at most",
    "refused": "readable, but what they say makes no sense, or their alert is lost",
}
_SETTLED: Final[frozenset[str]] = frozenset({State.DELIVERED, State.EXPIRED, State.SUPPRESSED})
_WORDS: Final[Mapping[str, str]] = {
    State.PENDING: "waited",
    State.DECIDING: "waited for a look-up",
    State.DEAD: "dead letter",
}
_CALLED: Final = {"relay": "the store itself", "events": "alerts", "rounds": "cursors", "channels": "baselines"}


@click.command(epilog=_EXAMPLES)
@click.option("--dry-run", is_flag=True, help="Say what would be kept and lost; change nothing.")
@click.option(
    "--since",
    "back",
    type=Span(least=MOMENT, most=IDENTITIES_SECONDS, why_most="no further back is anything fetched again"),
    help="Begin so far back where no alert can be read. Default: where the store did, else the file's last write.",
)
@click.option("--compact", "compacting", is_flag=True, help="Rewrite a sound store without the room it does not need.")
@config_option
@json_option
def command(*, dry_run: bool, back: float | None, compacting: bool, config: Path | None, as_json: bool) -> int:
    """Make a damaged store whole again, without what can't be read. The relay must be stopped.

    The damaged file is kept beside the new one. What was lost is fetched again when the relay starts, as far as the
    upstream still has it and it is not older than 30 days; what may not have been delivered goes out again to everyone.

    Where not even the store's beginning can be read, the relay begins anew at the file's last write, and nothing that
    fired before is delivered, what waited included. --since begins earlier, and sends again what was delivered since.
    """
    with told(as_json=as_json):
        if compacting and (dry_run or back is not None):
            other = "--dry-run" if dry_run else "--since"
            raise UsageError(f"--compact has no {other}", hint="It changes nothing but the size of the file.")
        path = load_quietly(config).store_path
        now_us = SystemClock().now_us()
        if compacting:
            _tell_compacted(*compact(path, now_us=now_us), as_json=as_json)
            return Exit.OK
        with Bars(quiet=as_json) as bars:
            done = repair(
                path,
                now_us=now_us,
                refetch_us=IDENTITIES_US,
                dry_run=dry_run,
                progress=bars.show,
                begin_us=None if back is None else now_us - round(back * MICROS),
            )
        if as_json:
            click.echo(json.dumps(_plain(done, path, dry_run=dry_run), ensure_ascii=False))
        else:
            _tell(done, path, dry_run=dry_run, since=back is not None)
    return Exit.OK


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
        "lost_waiting": done.lost_waiting,
        "may_go_again": done.may_go_again,
        "refetch_from": None if done.refetch_from_us is None else isoformat(done.refetch_from_us),
        "begins_at": None if done.begins_at_us is None else isoformat(done.begins_at_us),
        "beside": None if done.beside is None else str(done.beside.file),
        "left_out": msgspec.to_builtins(done.left_out),
        "kept": None if done.kept is None else str(done.kept),
    }


def _tell(done: Repair, path: Path, *, dry_run: bool, since: bool) -> None:
    """What matters first: what will never come by itself, what may come twice. Then how that was found."""
    if not done.found:
        click.echo(f"Nothing to repair: {path} is sound.{' --since changes nothing in it.' if since else ''}")
        return
    click.echo(f"The store {path} is damaged: {done.found}.")
    click.echo("")
    for line in _outcome(done, dry_run=dry_run, since=since):
        click.echo(line)
    shown = Table("", *_COLUMNS, box=box.SIMPLE)
    for table, saved in done.tables.items():
        if saved.kept or saved.unreadable or saved.refused:
            name = _CALLED.get(table, table)
            unreadable = "all" if saved.unreadable and not saved.kept else f"{saved.unreadable:,}"
            shown.add_row(name, f"{saved.kept:,}", unreadable, f"{saved.refused:,}")
    Console(file=sys.stdout, highlight=False).print(shown)
    for name, meaning in _COLUMNS.items():
        click.echo(f"  {name}: {meaning}")
    click.echo("")
    for line in _named(done.left_out):
        click.echo(line)
    if dry_run:
        click.echo("Nothing has been changed.")
    elif done.kept is not None:
        click.echo(f"The damaged file is kept: {done.kept}. Delete it when you no longer need it.")


def _outcome(done: Repair, *, dry_run: bool = False, since: bool = False) -> Iterator[str]:
    if done.beside is not None:
        yield done.beside.told
    anew = None if done.begins_at_us is None else isoformat(done.begins_at_us)
    if done.everything_lost:
        yield "Lost while waiting: no alert can be read, so nobody can tell how many; all that waited is lost."
        has = "whatever the upstream still has" if anew is None else f"what fired since {anew}"
        yield f"Delivered or dead before, may go out again: {has}."
    else:
        most = sum(getattr(done.tables.get("deliveries", Saved()), key) for key in ("unreadable", "refused"))
        yield f"Lost while waiting: {_counted(done.lost_waiting, most)}."
        yield f"Delivered or dead before, may go out again: {_counted(done.may_go_again, most)}."
    if done.lost_log_pages:
        yield (
            f"{done.lost_log_pages} pages at the end of the log can't be taken, and nobody can tell what they held; "
            "the cursor in them is lost, too, so the relay fetches that again when it starts."
        )
    if anew is not None:
        why = "as --since says" if since else "the file's last write"
        yield from _anew(anew, why if done.everything_lost else "", dry_run=dry_run, since=since)
    elif done.refetch_from_us is not None:
        yield (
            f"When the relay starts, it fetches again what came since {isoformat(done.refetch_from_us)}, as far as the "
            "upstream has it: what waited and was lost comes with that."
        )
        if done.everything_lost and dry_run and not since:
            yield "`relay repair --since 12h` goes no further back than twelve hours."


def _anew(begins_at: str, why: str, *, dry_run: bool, since: bool) -> Iterator[str]:
    """Nothing tells what had been delivered: how little comes, and how more would."""
    yield (
        f"The relay begins anew at {begins_at}{f', {why}' if why else ''}. Nothing that fired before is delivered, "
        "what waited and is lost included; what fired since is fetched when it starts, as far as the upstream has it."
    )
    if since:
        return
    if dry_run:
        yield "`relay repair --since 12h` begins twelve hours back, and sends again what was delivered since."
    else:
        yield (
            "To begin earlier, put the damaged file back before the relay starts: `relay repair --since 12h` begins "
            "twelve hours back, and sends again what was delivered since (docs/store.md)."
        )


def _counted(number: int | None, most: int) -> str:
    if number is None:
        return f"nobody can tell, {most:,} deliveries at most"
    return counted(number, "delivery") if number else "none"


def _named(left_out: Sequence[LeftOut]) -> Iterator[str]:
    """Those that somebody may miss; what went out before, or was not meant to, is counted only. None twice."""
    missed: dict[tuple[str, str], Counter[str]] = {}
    for left in left_out:
        if left.state not in _SETTLED:
            missed.setdefault((left.state, left.event or left.webhook_id), Counter())[left.destination] += 1
    lines = sorted(missed.items(), key=lambda item: item[0][0] == State.DEAD)  # what waited comes first
    for (state, what), destinations in lines[:_SHOWN]:
        to = f" to {', '.join(names)}" if (names := sorted(filter(None, destinations))) else ""
        times = f", {total:,} of them" if (total := destinations.total()) > max(1, len(names)) else ""
        yield f"  lost: {what or 'an unknown alert'}{to} ({_WORDS.get(state, 'state unknown')}{times})"
    if len(lines) > _SHOWN:
        yield f"  … and {len(lines) - _SHOWN:,} more; --json lists a thousand."


def _tell_compacted(before: int, after: int, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"ok": True, "before": before, "after": after}))
    else:
        click.echo(f"{before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now.")
