"""``relay state SYMBOL``: what the upstream knows of a symbol beside its alerts."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from relay.cli import endpoints
from relay.cli.options import config_option, json_option
from relay.cli.quiet import load_quietly
from relay.cli.snapshot import drawn, plain
from relay.cli.told import told
from relay.config.model import Config
from relay.errors import Exit, RejectedError, UpstreamError
from relay.states import Snapshot
from relay.upstream.errors import RestRefusedError
from relay.upstream.get import NOT_THE_API
from relay.upstream.lookup import TIMEOUT
from relay.upstream.patiently import patiently
from relay.upstream.probe import Standing, standing_of

_EXAMPLES: Final = """\b
Examples:
  relay state AAPL
  relay state BTC-USD --json
"""


@click.command(epilog=_EXAMPLES)
@click.argument("symbol", metavar="SYMBOL")
@config_option
@json_option
def command(*, symbol: str, config: Path | None, as_json: bool) -> int:
    """Show what the upstream knows of a symbol: price, continuity of each timeframe, active setups.

    It is asked over REST with the config's key, which needs the scope states:read. A future is found as ES=F and as
    ES1!. With --json it is the upstream's own object. Exit code 1 where the symbol is not known, 77 where the key is
    rejected.
    """
    with told(as_json=as_json):
        loaded = load_quietly(config)
        found = asyncio.run(_found(loaded, symbol))
    if as_json:
        click.echo(plain(found))
    else:
        console = Console(file=sys.stdout, highlight=False)
        console.print(drawn(found, encoding=console.encoding))
    return Exit.OK


async def _found(config: Config, symbol: str) -> Snapshot:
    """Asked once, and again where the upstream says that it is asked too often.

    Raises:
        RejectedError: The upstream refuses the key, and not only for a scope.
        UpstreamError: It brought nothing for another reason.
    """
    async with endpoints.states(config) as lookup:
        try:
            return await patiently(lambda: lookup.snapshot(symbol), patience=TIMEOUT)
        except RestRefusedError as error:
            raise _refused(error) from error


def _refused(error: RestRefusedError) -> UpstreamError:
    match standing_of(error):
        case Standing.REJECTED:
            return RejectedError(str(error), hint=error.hint)
        case Standing.MISSING_SCOPE:
            return UpstreamError(f"the key lacks the scope {error.scope}", hint=error.hint)
        case _:
            return UpstreamError(str(error), hint=NOT_THE_API)
