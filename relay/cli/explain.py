"""``relay explain``: for an event, what each rule says to it, and what each destination would get. Sends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click

from relay.cli import endpoints, explanation
from relay.cli.became import became
from relay.cli.compare import RUNNING, compare
from relay.cli.foretold import Foretelling, Found
from relay.cli.given import Given, several
from relay.cli.options import config_option, json_option
from relay.cli.quiet import load_quietly
from relay.cli.recall import recall
from relay.cli.told import told
from relay.clock import SystemClock
from relay.config.diff import DestinationChanges, RuleChanges
from relay.config.model import Config
from relay.errors import Exit, RelayError, UpstreamError
from relay.events import Source
from relay.judging.judge import Sighted
from relay.states import Snapshot
from relay.upstream.lookup import Lookup
from relay.upstream.patiently import patiently
from relay.wants import plan_of

_PATIENCE: Final = 5.0
_EXAMPLES: Final = """\b
Examples:
  relay explain alert.json
  relay explain alerts.in_force:98421
  echo '{"type": "alert.in_force", "data": {"symbol": "AAPL", "timeframe": "D"}}' | relay explain -
"""


@click.command(epilog=_EXAMPLES)
@click.argument("event", metavar="FILE|-|EVENT_ID")
@click.option("--offline", is_flag=True, help="Look nothing up: say what would be.")
@config_option
@json_option
def command(*, event: str, offline: bool, config: Path | None, as_json: bool) -> int:
    """Say why each rule does or does not want an event, and what would be sent where. Sends nothing.

    An event is a file with an envelope as the socket sends it, or several, one a line; - for standard input; or the
    number or key of a stored one, of which is said first what became of it. Then it is judged as if it came now: with
    the cooldowns and snoozes of the relay that runs here, or of its store, and with states looked up over REST where a
    rule asks for them.
    """
    with told(as_json=as_json):
        loaded = load_quietly(config)
        answers = asyncio.run(_explain(loaded, event, offline=offline))
    if as_json:
        click.echo(explanation.plain(answers))
    else:
        explanation.show(answers, text=event)
    return Exit.OK


async def _explain(config: Config, text: str, *, offline: bool) -> list[explanation.Answer]:
    events = await several(config, text)
    now_us = SystemClock().now_us()
    plan = plan_of(config)
    memory, doubts = await asyncio.gather(recall(config, cooldowns=plan.longest_cooldown > 0), _outdated(config))
    asking = [
        Foretelling(plan, config.rules, _sighted(given, now_us), memory, now_us=now_us, offline=offline)
        for given in events
    ]
    found: Found = {} if offline else await _look_up(config, {name for one in asking for name in one.wanted})
    return [
        explanation.Answer(
            given,
            _sighted(given, now_us),
            one.told(found),
            (*memory.doubts, *doubts),
            now_us,
            await became(config, given),
        )
        for given, one in zip(events, asking, strict=True)
    ]


async def _outdated(config: Config) -> tuple[str, ...]:
    """Whether a relay runs that would do otherwise, in a sentence; nothing where none runs, or it can't be asked."""
    try:
        found = await compare(config, RUNNING)
    except RelayError:
        return ()
    if (found.rules, found.destinations) == (RuleChanges(), DestinationChanges()):
        return ()
    return ("the running relay has another config: this is what the file says; reload it",)


def _sighted(given: Given, now_us: int) -> Sighted:
    return Sighted(given.event, given.source or Source.LIVE, given.received_at_us or now_us)


async def _look_up(config: Config, symbols: Iterable[str]) -> Found:
    """Every symbol's state, or why it can't be known; within ``_PATIENCE`` seconds."""
    wanted = sorted(symbols)
    if not wanted:
        return {}
    async with endpoints.states(config, patience=_PATIENCE) as lookup:
        return dict(zip(wanted, await asyncio.gather(*(_state(lookup, name) for name in wanted)), strict=True))


async def _state(lookup: Lookup, symbol: str) -> Snapshot | str:
    try:
        return await patiently(lambda: lookup.snapshot(symbol), patience=_PATIENCE)
    except UpstreamError as error:
        return str(error)
