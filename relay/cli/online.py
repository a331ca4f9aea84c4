"""``relay check --online``: the upstream and every destination asked at once, and nothing posted or opened.

config ─┬─> one GET an alert endpoint ──┐
        └─> one probe a destination ────┴──> Found ──> lines | JSON, exit code
                                               └─ endpoints that accept the key ──measure──> Volume of the last day
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from relay.cli.counting import counted
from relay.cli.endpoints import alerts
from relay.cli.lastday import last_day
from relay.cli.volume import Volume
from relay.clock import SystemClock
from relay.config.model import Config
from relay.destinations import probe as destinations
from relay.destinations.http import HttpClient
from relay.errors import Exit
from relay.rules.wanted import channels_of, literal_symbols
from relay.upstream import probe as upstream

_PATIENCE: Final = 10.0
NOT_ASKED: Final = "not asked: ws:connect, for opening the socket would evict a running relay"


class Found(msgspec.Struct, frozen=True):
    """What everybody said.

    Attributes:
        upstream: One for each alert channel that an enabled rule needs.
        destinations: One for each destination, by name, in the config's order.
    """

    upstream: tuple[upstream.Probe, ...]
    destinations: Mapping[str, destinations.Probe]

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
        async with alerts(config, patience=_PATIENCE) as rest:
            asked = asyncio.gather(*(upstream.probe(rest, channel) for channel in channels_of(config.rules)))
            looked = asyncio.gather(
                *(destinations.probe(destination, client) for destination in config.destinations.values())
            )
            endpoints, found = await asyncio.gather(asked, looked)
            return Found(tuple(endpoints), dict(zip(config.destinations, found, strict=True)))
    finally:
        await client.close()


async def measure(config: Config, found: Found) -> Volume:
    """What the rules would have sent of the last day, as far as the endpoints that took the key show it."""
    async with alerts(config, patience=_PATIENCE) as rest:
        day = await last_day(
            rest,
            [endpoint.channel for endpoint in found.upstream if endpoint.standing is upstream.Standing.ACCEPTED],
            clock=SystemClock(),
            rng=random.Random(),  # noqa: S311  because it only spreads waits
            page_size=config.backfill.page_size,
            symbols=literal_symbols(rule for rule in config.rules if rule.enabled),
        )
    return counted(config, day)


def lines(found: Found) -> Iterator[str]:
    """To be read."""
    yield "online:"
    for endpoint in found.upstream:
        yield _line(f"{endpoint.channel}: {endpoint.detail}", ok=endpoint.standing is upstream.Standing.ACCEPTED)
    for name, destination in found.destinations.items():
        yield _line(f"{name}: {destination.detail}", ok=destination.ok)
    yield f"  {NOT_ASKED}"


def plain(found: Found) -> dict[str, object]:
    """For a program."""
    return {
        "ok": found.exit_code is Exit.OK,
        "upstream": [msgspec.to_builtins(endpoint) for endpoint in found.upstream],
        "destinations": [
            {"name": name, "ok": destination.ok, "detail": destination.detail}
            for name, destination in found.destinations.items()
        ],
    }


def _line(text: str, *, ok: bool) -> str:
    return f"  {'ok    ' if ok else 'failed'}  {text}"
