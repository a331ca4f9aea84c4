"""``relay pause NAME``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import click

from relay.cli import remote
from relay.cli.options import config_option, destination_argument
from relay.cli.reach import reach_quietly
from relay.cli.remote import Reach
from relay.clock import SystemClock
from relay.outbox.base import DestinationState, Switch

_EXAMPLES: Final = """\b
Examples:
  relay pause swing
"""


@click.command(epilog=_EXAMPLES)
@destination_argument
@config_option
def command(*, name: str, config: Path | None) -> None:
    """Hold a destination's deliveries in its queue until `relay resume`."""
    loaded = reach_quietly(config)
    remote.require_destination(loaded, name)
    asyncio.run(_pause(loaded, name))
    click.echo(f"{name} is paused; what comes is queued.")


async def _pause(config: Reach, name: str) -> None:
    if await remote.ask(config, remote.path_of(name, "pause")) is not None:
        return
    async with remote.store(config) as outbox:
        if (await outbox.destination(name)).switch is Switch.ON:
            state = DestinationState(
                Switch.PAUSED,
                "paused by an operator",
                SystemClock().now_us(),
                remote.whole(config).destinations[name].fingerprint(),
            )
            await outbox.switch(name, state)
