"""``relay check --online``: the upstream and every destination asked at once, and nothing posted or opened.

config ─┬─> one GET an alert endpoint, and of one symbol's state ──┐
        └─> one probe a destination ───────────────────────────────┴──> Found ──> lines | JSON, exit code
                               endpoints that accept the key ──measure──> Volume of the last day

The key itself is always asked about: where rules on quotes alone need no endpoint, too, a wrong one is told.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from relay.cli.counting import counted
from relay.cli.endpoints import alerts, states
from relay.cli.survey import Survey, survey
from relay.cli.volume import Volume
from relay.clock import SystemClock
from relay.config.model import Config
from relay.destinations import probe as destinations
from relay.destinations.http import HttpClient
from relay.errors import Exit
from relay.events import ALERT_CHANNELS, Channel
from relay.rules import words
from relay.rules.rule import Rule
from relay.rules.wanted import channels_of, literal_symbols, wanted_symbols
from relay.upstream import probe as upstream
from relay.upstream.access import SCOPES

_PATIENCE: Final = 10.0
_ANY_SYMBOL: Final = "AAPL"  # of the vendor's own examples


class Found(msgspec.Struct, frozen=True):
    """What everybody said.

    Attributes:
        upstream: One for each alert channel that an enabled rule needs, and one for the states that rules look up or
            listen to; where there is none of them, one for the key.
        destinations: One for each destination, by name, in the config's order.
        unasked: Scopes that enabled rules need and only the socket could tell of.
    """

    upstream: tuple[upstream.Probe, ...]
    destinations: Mapping[str, destinations.Probe]
    unasked: tuple[str, ...] = ("ws:connect",)

    @property
    def exit_code(self) -> Exit:
        """77 where the key was rejected, 1 where anything else is not well."""
        standings = {found.standing for found in self.upstream}
        if upstream.Standing.REJECTED in standings:
            return Exit.REJECTED
        well = standings <= {upstream.Standing.ACCEPTED} and all(found.ok for found in self.destinations.values())
        return Exit.OK if well else Exit.FAILED


async def look(config: Config) -> Found:
    """Ask everybody at once; as long as the slowest takes, and never much longer than ten seconds."""
    client = HttpClient()
    try:
        looked = asyncio.gather(
            *(destinations.probe(destination, client) for destination in config.destinations.values())
        )
        endpoints, found = await asyncio.gather(_ask(config), looked)
        return Found(tuple(endpoints), dict(zip(config.destinations, found, strict=True)), _unasked(config.rules))
    finally:
        await client.close()


async def _ask(config: Config) -> Sequence[upstream.Probe]:
    channels, symbol = channels_of(config.rules), _symbol_asked(config.rules)
    async with alerts(config, patience=_PATIENCE) as rest, states(config, patience=_PATIENCE) as lookup:
        asked = [upstream.probe(rest, channel, patience=_PATIENCE) for channel in channels]
        if symbol is not None:
            asked.append(upstream.probe_states(lookup, symbol, patience=_PATIENCE))
        return await asyncio.gather(*(asked or [upstream.probe_key(rest, patience=_PATIENCE)]))


def _symbol_asked(rules: Sequence[Rule]) -> str | None:
    """A symbol whose state tells whether states may be read, one that a rule names if any; None where none needs it."""
    wanting = [rule for rule in rules if rule.enabled and (rule.asks or rule.channel is Channel.STATES)]
    if not wanting:
        return None
    named = literal_symbols(rule for rule in wanting if rule.channel is not Channel.BREAKS)
    return min(named, default=_ANY_SYMBOL)


def _unasked(rules: Sequence[Rule]) -> tuple[str, ...]:
    return ("ws:connect", *([SCOPES[Channel.QUOTES]] if Channel.QUOTES in wanted_symbols(rules) else []))


async def measure(config: Config, found: Found) -> Volume:
    """What the rules would have sent of the last day, as far as the endpoints that took the key show it."""
    return counted(config, await last_day(config, found))


async def last_day(config: Config, found: Found) -> Survey:
    """What the last day had, as far as the endpoints that took the key show it."""
    accepted = {one.channel for one in found.upstream if one.standing is upstream.Standing.ACCEPTED}
    async with alerts(config, patience=_PATIENCE) as rest:
        return await survey(
            rest,
            [channel for channel in ALERT_CHANNELS if channel in accepted],
            clock=SystemClock(),
            rng=random.Random(),  # noqa: S311  because it only spreads waits
            page_size=config.backfill.page_size,
            symbols=literal_symbols(rule for rule in config.rules if rule.enabled),
        )


def lines(found: Found) -> Iterator[str]:
    """To be read."""
    yield "online:"
    for endpoint in found.upstream:
        whose = "" if endpoint.channel is None else f"{endpoint.channel}: "
        yield _line(f"{whose}{endpoint.detail}", ok=endpoint.standing is upstream.Standing.ACCEPTED)
    for name, destination in found.destinations.items():
        yield _line(f"{name}: {destination.detail}", ok=destination.ok)
    scopes = words.listing(found.unasked, "and")
    yield f"  not asked: {scopes}, for opening the socket would evict a running relay"


def plain(found: Found) -> dict[str, object]:
    """For a program."""
    return {
        "ok": found.exit_code is Exit.OK,
        "upstream": [msgspec.to_builtins(endpoint) for endpoint in found.upstream],
        "destinations": [
            {"name": name, "ok": destination.ok, "detail": destination.detail}
            for name, destination in found.destinations.items()
        ],
        "not_asked": list(found.unasked),
    }


def _line(text: str, *, ok: bool) -> str:
    return f"  {'ok    ' if ok else 'failed'}  {text}"
