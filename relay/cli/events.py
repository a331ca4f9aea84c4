"""``relay events [EVENT]``: what came, and what became of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import click

from relay.cli.archive import archive
from relay.cli.filters import chosen, filters, known, limit_option
from relay.cli.listed import DELIVERIES, EVENTS, page_of, plain, show, show_more, show_one, what
from relay.cli.options import config_option, json_option
from relay.cli.reach import reach_quietly
from relay.cli.remote import Reach
from relay.cli.told import told
from relay.errors import Exit, UsageError
from relay.outbox.archive import PAGE, Archive, Page, Selection, page_by_page
from relay.outbox.listings import why_nowhere

_EXAMPLES: Final = """\b
Examples:
  relay events --symbol AAPL --since 2h
  relay events alerts.in_force:98421
  relay events --to swing --json
"""
_SHOWN: Final = (
    "id", "channel", "upstream_id", "price", "cc", "threshold", "triggered_at", "received_at", "source"
)  # fmt: skip


@click.command(epilog=_EXAMPLES)
@click.argument("event", metavar="[EVENT]", required=False)
@filters("destination", "rule", "symbol", "since", "until")
@limit_option
@config_option
@json_option
def command(*, event: str | None, limit: int, config: Path | None, as_json: bool, **given: str | None) -> int:
    """Show stored events, newest first, with the state of each delivery.

    EVENT, a number or a key, shows one with its object and its deliveries. In a pipe each is a line with tabs:
    id, received, event, deliveries, source.
    """
    with told(as_json=as_json):
        loaded = reach_quietly(config)
        if event is not None:
            if any(value is not None for value in given.values()):
                raise UsageError("EVENT stands alone: one event needs no filter")
            _show_one(*asyncio.run(_one(loaded, event)), as_json=as_json)
            return Exit.OK
        page = asyncio.run(_page(loaded, chosen(given), limit))
    if as_json:
        click.echo(page_of(page))
    elif page.items:
        show(page.items, EVENTS)
        show_more(page, noun="ones")
    else:
        click.echo("There are no such events." if any(given.values()) else "No event is stored yet.")
    return Exit.OK


async def _page(config: Reach, selection: Selection, limit: int) -> Page:
    async with archive(config) as reached:
        await known(config, reached.archive, selection)
        return await page_by_page(
            lambda before, size: reached.archive.list_events(selection=selection, before=before, limit=size), limit
        )


async def _one(config: Reach, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    async with archive(config) as reached:
        found = await reached.archive.event(name)
        if found is None:
            raise UsageError(f"there is no event {name}", hint="`relay events` lists those there are.")
        return found, (await _deliveries(reached.archive, Selection(event=str(found["id"])))).items


async def _deliveries(store: Archive, selection: Selection) -> Page:
    return await page_by_page(
        lambda before, size: store.list_deliveries(selection=selection, before=before, limit=size), PAGE
    )


def _show_one(event: dict[str, Any], deliveries: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        click.echo(plain({**event, "items": deliveries}))
        return
    show_one({"event": what(event), "key": event["event"], **{name: event.get(name) for name in _SHOWN}})
    show_one({"data": event.get("data") or "gone: storage.retention is over for it"})
    if deliveries:
        click.echo()
        show(deliveries, DELIVERIES)
    else:
        show_one({"deliveries": f"none: {why_nowhere(event)}"})
