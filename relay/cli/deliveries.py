"""``relay deliveries``: what was to go where, and what became of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import click

from relay.cli.archive import archive
from relay.cli.filters import chosen, filters, known, limit_option
from relay.cli.listed import DELIVERIES, page_of, show, show_more
from relay.cli.options import config_option, json_option
from relay.cli.reach import reach_quietly
from relay.cli.remote import Reach
from relay.cli.told import told
from relay.deliveries import State
from relay.errors import Exit
from relay.outbox.archive import Page, Selection, page_by_page

_EXAMPLES: Final = """\b
Examples:
  relay deliveries --state suppressed --since 1d
  relay deliveries --to bot --symbol AAPL
  relay deliveries --state expired --json
"""


@click.command(epilog=_EXAMPLES)
@click.option("--state", type=click.Choice([state.value for state in State]), help="Those that stand so.")
@filters("destination", "rule", "symbol", "code", "event", "since", "until")
@limit_option
@config_option
@json_option
def command(*, state: str | None, limit: int, config: Path | None, as_json: bool, **given: str | None) -> int:
    """Show deliveries, newest first: one for each event and destination that wanted it, and for each replay of it.

    CODE is the last answer's HTTP status, or what happened instead; of what is suppressed it is the reason. SOURCE is
    how the event came, or replay. What has expired because somebody let go of it is listed as dropped. In a pipe each
    is a line with tabs: id, received, event, to, state, code, attempts, source, rules.
    """
    with told(as_json=as_json):
        loaded = reach_quietly(config)
        page = asyncio.run(listing(loaded, State(state) if state else None, chosen(given), limit))
    if as_json:
        click.echo(page_of(page))
    elif page.items:
        show(page.items, DELIVERIES)
        show_more(page, noun="ones")
    else:
        click.echo("There are no such deliveries." if state or any(given.values()) else "There are no deliveries yet.")
    return Exit.OK


async def listing(config: Reach, state: State | None, selection: Selection, limit: int) -> Page:
    """So many deliveries.

    Raises:
        UsageError: A name is of nothing.
    """
    async with archive(config) as reached:
        await known(config, reached.archive, selection)
        return await page_by_page(
            lambda before, size: reached.archive.list_deliveries(
                state=state, selection=selection, before=before, limit=size
            ),
            limit,
        )
