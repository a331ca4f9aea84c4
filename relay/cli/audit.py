"""``relay audit``: what REST still returns, compared with what the store has.

    REST ──survey──> alerts ──baseline──┬─ old: fired before the channel's baseline, counted, never to come
                                        └─ young ──Inspection.unknown──> Missing, and why
    store ──> when was it made? does its ledger balance? which holes lie in this span?

Nothing is written, no cursor moves and no lock is taken: it works beside a running relay and without one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from relay.backfill.baseline import part_old
from relay.backfill.bounds import start_after
from relay.cli import remote
from relay.cli.endpoints import alerts
from relay.cli.findings import Compared, Finding, Missing, Why, lines, plain
from relay.cli.options import MOMENT, Span, config_option, json_option
from relay.cli.quiet import load_quietly
from relay.cli.survey import Shown, survey
from relay.cli.told import told
from relay.clock import MICROS, Clock, SystemClock
from relay.config.model import Config
from relay.errors import Exit, RelayError
from relay.events import Event
from relay.outbox.base import IDENTITIES_SECONDS
from relay.outbox.channels import ChannelState, Hole
from relay.outbox.file import is_held
from relay.outbox.inspection import Inspection, inspecting
from relay.rules.wanted import channels_of, literal_symbols

_SPAN: Final = Span(
    least=MOMENT, most=IDENTITIES_SECONDS, why_most="what is older, the store may rightly have forgotten"
)
_PATIENCE: Final = 600.0
_MOST_REQUESTS: Final = 5_000
_CALL_SECONDS: Final = 10.0
_YOUNG_US: Final = 10 * MICROS
_GRACE: Final = 2.0

_EXAMPLES: Final = """\b
Examples:
  relay audit
  relay audit --since 7d --json
"""


@click.command(epilog=_EXAMPLES)
@click.option("--since", "seconds", type=_SPAN, default="24h", show_default=True, help="How far back.")
@config_option
@json_option
def command(*, seconds: float, config: Path | None, as_json: bool) -> int:
    """Compare the store with what the upstream still returns over REST, and print what is missing.

    Exit code 0 where nothing is missing and the ledger balances, else 1. What the next backfill round will fetch is
    told apart from what no round would; `relay backfill --since` fetches both. What fired before a channel's baseline,
    where this store begins to deliver it, is counted, and is not missing.
    """
    with told(as_json=as_json):
        loaded = load_quietly(config)
        found = asyncio.run(audit(loaded, span_us=round(seconds * MICROS), clock=SystemClock()))
    if as_json:
        click.echo(plain(found))
    else:
        for line in lines(found):
            click.echo(line)
    return Exit.OK if found.sound else Exit.FAILED


async def audit(config: Config, *, span_us: int, clock: Clock) -> Finding:
    """Ask, compare, and look once more at what is so young that it may be on its way.

    Raises:
        StoreError: There is no store, or it can't be read.
    """
    with inspecting(config.store_path) as store:
        symbols = await asyncio.to_thread(store.known_symbols)
        async with alerts(config, patience=_CALL_SECONDS) as rest:
            shown = await survey(
                rest,
                channels_of(config.rules),
                clock=clock,
                rng=random.Random(),  # noqa: S311  because it only spreads waits
                page_size=config.backfill.page_size,
                span_us=span_us,
                symbols={*symbols, *literal_symbols(config.rules)},
                patience=_PATIENCE,
                most_requests=_MOST_REQUESTS,
            )
        compared, missing = await _compared(store, shown.channels, clock.now_us())
        if any(_is_young(one.event, clock.now_us()) for one in missing):
            await clock.sleep(_GRACE)
            compared, missing = await _compared(store, shown.channels, clock.now_us())
        holes = await asyncio.to_thread(store.holes)
        return Finding(
            since_us=shown.until_us - span_us,
            until_us=shown.until_us,
            store_made_us=await asyncio.to_thread(store.store_made_us),
            runs=await _runs(config),
            channels=tuple(compared),
            missing=tuple(missing),
            holes=tuple(_within(holes, shown.channels)),
            faults=tuple(await asyncio.to_thread(store.faults)),
        )


async def _runs(config: Config) -> bool | None:
    """Whether a relay runs, by the store's lock and by its HTTP; None where the answer there can't be understood."""
    if is_held(config.store_path):
        return True
    try:
        return await remote.fetch(config, "/api/status") is not None
    except RelayError:  # a token of another config's, or another program: an audit does not end for that
        return None


async def _compared(store: Inspection, channels: Sequence[Shown], now_us: int) -> tuple[list[Compared], list[Missing]]:
    compared: list[Compared] = []
    found: list[Missing] = []
    for shown in channels:
        state = await asyncio.to_thread(store.channel, shown.channel)
        if not state.rounds:  # its first round is yet to set the baseline: all of it would be old
            compared.append(Compared(shown, len(shown.events)))
            continue
        young, old = part_old(shown.events, state.baseline)
        compared.append(Compared(shown, len(old), None if state.baseline is None else state.baseline.before_us))
        unknown = await asyncio.to_thread(store.unknown, young, now_us=now_us)
        found += [Missing(event, _why(event, state, now_us)) for event in unknown]
    return compared, found


def _why(event: Event, state: ChannelState, now_us: int) -> Why:
    start = start_after(state, now_us)
    if event.id is None or start is None or event.id > start:
        return Why.NOT_YET
    return Why.LOST


def _is_young(event: Event, now_us: int) -> bool:
    return event.triggered_at is None or event.triggered_at.us > now_us - _YOUNG_US


def _within(holes: Sequence[Hole], channels: Sequence[Shown]) -> list[Hole]:
    """Those in which an alert of this span may lie."""
    least = {
        shown.channel: min((event.id for event in shown.events if event.id is not None), default=None)
        for shown in channels
    }
    return [hole for hole in holes if (first := least.get(hole.channel)) is not None and hole.up_to_id >= first]
