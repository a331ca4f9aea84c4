"""``relay dead list|show|retry|drop``: what a destination refused for good, and what to do about it.

list, show ──> the archive, which is only looked at
retry, drop ──ID … | --all | filters──> relay.cli.letters ──> a sentence, JSON
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

import click

from relay.cli import letters
from relay.cli.archive import archive
from relay.cli.deliveries import listing
from relay.cli.filters import chosen, filters, limit_option, of
from relay.cli.listed import LETTERS, fate, page_of, plain, say, show, show_more, show_one, what
from relay.cli.options import CONFIG_BEFORE_VERB, config_option, json_option
from relay.cli.reach import reach_quietly
from relay.cli.remote import Reach
from relay.cli.told import told
from relay.deliveries import State
from relay.errors import Exit, UsageError
from relay.wording import agreeing

_EXAMPLES: Final = """\b
Examples:
  relay dead list --to bot --since 1d
  relay dead show 17
  relay dead retry --to bot --code 404
  relay dead drop --to bot
"""
_LIST_EXAMPLES: Final = """\b
Examples:
  relay dead list --to bot --since 1d
  relay dead list --code 404 --json
"""
_SHOW_EXAMPLES: Final = """\b
Examples:
  relay dead show 17
"""
_RETRY_EXAMPLES: Final = """\b
Examples:
  relay dead retry 17 18
  relay dead retry --to bot --code 404 --dry-run
  relay dead retry --all
"""
_DROP_EXAMPLES: Final = """\b
Examples:
  relay dead drop 21 22
  relay dead drop --to bot --until 7d --dry-run
  relay dead drop --all --yes
"""
_SHOWN: Final = (
    "id", "destination", "state", "rules", "attempts", "last_code", "last_error", "last_answer", "first_attempt_at",
    "updated_at", "received_at", "source", "sequence", "webhook_id",
)  # fmt: skip
_HEADS: Final = {"last_code": "code", "last_error": "why", "last_answer": "answer", "first_attempt_at": "first attempt",
                 "updated_at": "last change", "received_at": "received", "webhook_id": "webhook-id"}  # fmt: skip
_ENDED_BY_AN_ATTEMPT: Final = (State.DEAD, State.DELIVERED)

_choose = filters("destination", "rule", "symbol", "code", "event", "since", "until")
_ids = click.argument("ids", metavar="[ID]...", nargs=-1, type=click.IntRange(1))
_all = click.option("--all", "everything", is_flag=True, help="All that the filters leave; without any, all there are.")


@click.group(epilog=_EXAMPLES)
@config_option
@click.pass_context
def command(ctx: click.Context, config: Path | None) -> None:
    """Show dead letters, send them again, or let go of them.

    A dead letter is an alert that a destination refused for good (4xx), or did not take within retry.give_up_after. It
    stays until someone decides.
    """
    if config is not None:
        ctx.meta[CONFIG_BEFORE_VERB] = config


@command.command("list", epilog=_LIST_EXAMPLES)
@_choose
@limit_option
@config_option
@json_option
def list_(*, limit: int, config: Path | None, as_json: bool, **given: str | None) -> int:
    """Show dead letters, newest first.

    In a pipe each is a line with tabs: id, received, event, to, code, attempts, why, rules.
    """
    with told(as_json=as_json):
        page = asyncio.run(listing(reach_quietly(config), State.DEAD, chosen(given), limit))
    if as_json:
        click.echo(page_of(page))
    elif page.items:
        show(page.items, LETTERS)
        show_more(page, noun="ones")
    else:
        click.echo(f"There are no dead letters{of(given)}.")
    return Exit.OK


@command.command("show", epilog=_SHOW_EXAMPLES)
@click.argument("number", metavar="ID", type=click.IntRange(1))
@config_option
@json_option
def show_(*, number: int, config: Path | None, as_json: bool) -> int:
    """Show one dead letter: its payload, its attempts and the last answer."""
    with told(as_json=as_json):
        found = asyncio.run(_delivery(reach_quietly(config), number))
    if as_json:
        click.echo(plain(found))
        return Exit.OK
    heads = _HEADS | ({"updated_at": "last attempt"} if found["state"] in _ENDED_BY_AN_ATTEMPT else {})
    facts = {heads.get(name, name): found.get(name) for name in _SHOWN} | {"state": fate(found)}
    show_one({"event": what(found), "key": found["event"], **facts, "payload": found.get("data")})
    if found["state"] == State.DEAD and sys.stdout.isatty():
        say(f"\n`relay dead retry {number}` sends it again, `relay dead drop {number}` lets go of it.")
    return Exit.OK


@command.command("retry", epilog=_RETRY_EXAMPLES)
@_ids
@_all
@_choose
@click.option("--dry-run", is_flag=True, help="Only say what would be queued, how old it is, and what would expire.")
@config_option
@json_option
def retry(
    *, ids: tuple[int, ...], everything: bool, dry_run: bool, config: Path | None, as_json: bool, **given: str | None
) -> int:
    """Queue dead letters again, under their old webhook-id.

    They go to the end of the queue. Their attempts are counted on, so a receiver sees by `attempt` that it is not the
    first; retry.give_up_after begins anew. What is older than its max_age expires instead: without one, alerts of last
    week go out as they were, only late.
    """
    with told(as_json=as_json):
        meant = _meant(ids, given, everything=everything, verb="retry")
        if dry_run:
            plan = asyncio.run(letters.plan_retry(reach_quietly(config), meant))
            click.echo(plain(plan.plain()) if as_json else plan.words(of(given)))
            return Exit.OK
        told_of = asyncio.run(letters.retry(reach_quietly(config), meant, quiet=as_json))
    click.echo(plain(told_of.plain_retried()) if as_json else told_of.retried(of(given)))
    return Exit.OK


@command.command("drop", epilog=_DROP_EXAMPLES)
@_ids
@_all
@_choose
@click.option("--dry-run", is_flag=True, help="Only say how many would be dropped, and whose.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask on a terminal.")
@config_option
@json_option
def drop(
    *,
    ids: tuple[int, ...],
    everything: bool,
    dry_run: bool,
    yes: bool,
    config: Path | None,
    as_json: bool,
    **given: str | None,
) -> int:
    """Let go of dead letters: they are not sent, and stay listed as dropped until storage.retention is over.

    With --to and a destination that is gone from the config, what waits for it is dropped, too.
    """
    with told(as_json=as_json):
        meant = _meant(ids, given, everything=everything, verb="drop")
        loaded = reach_quietly(config)
        if dry_run:
            plan = asyncio.run(letters.plan_drop(loaded, meant))
            click.echo(plain(plan.plain()) if as_json else plan.words(of(given)))
            return Exit.OK
        if not yes and sys.stdin.isatty() and not click.confirm(_question(loaded, meant, given), err=True):
            click.echo("Nothing was dropped.", err=True)
            return Exit.FAILED
        told_of = asyncio.run(letters.drop(loaded, meant, quiet=as_json))
    click.echo(plain(told_of.plain()) if as_json else told_of.dropped(of(given)))
    return Exit.OK


def _meant(ids: tuple[int, ...], given: dict[str, str | None], *, everything: bool, verb: str) -> letters.Meant:
    """Which ones.

    Raises:
        UsageError: Nothing says which, or two things do.
    """
    narrowed = any(value is not None for value in given.values())
    if ids and (narrowed or everything):
        raise UsageError("an ID stands alone", hint="Give IDs, or filters, or --all.")
    if not ids and not narrowed and not everything:
        raise UsageError(f"which ones? relay dead {verb} ID …, filters like --to NAME, or --all")
    return letters.Meant(tuple(dict.fromkeys(ids)), chosen(given))


def _question(config: Reach, meant: letters.Meant, given: dict[str, str | None]) -> str:
    if meant.ids:
        those = agreeing(len(meant.ids), "dead letter", "dead letters")
        return f"Let go of {those} {', '.join(map(str, meant.ids))}, unsent?"
    waiting = "whatever waits and the" if letters.clears_queue(config, meant.selection) else "the"
    return f"Let go of {waiting} dead letters{of(given)}, unsent?"


async def _delivery(config: Reach, number: int) -> dict[str, object]:
    async with archive(config) as reached:
        found = await reached.archive.delivery(number)
    if found is None:
        raise letters.no_such(number)
    return found
