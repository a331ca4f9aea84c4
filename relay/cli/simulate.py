"""``relay simulate``: an upstream on loopback to try a config against."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import date, datetime
from typing import Final

import click

from relay.clock import SystemClock
from relay.errors import UsageError
from relay.logs import configure
from relay.simulator.bars import load_bars
from relay.simulator.menu import NAMES, Scheduled, parse_fault
from relay.simulator.settings import Age, ApiKey, Begin, Refusal, ReplaySettings, SimulatorSettings, WireStyle
from relay.simulator.upstream import Simulator

_DAY: Final = click.DateTime(formats=["%Y-%m-%d"])


_HIGHEST_PORT: Final = 65535
DEFAULT_KEY: Final = "sim-key"


def _faults(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Scheduled, ...]:
    try:
        return tuple(map(parse_fault, values))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _address(_ctx: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > _HIGHEST_PORT:
        raise click.BadParameter(f"{value} is not HOST:PORT, like 127.0.0.1:8765")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _date(value: datetime | None) -> date | None:
    return None if value is None else value.date()


_EXAMPLES: Final = f"""\b
Examples:
  relay simulate
  relay simulate --speed 5 --fault drop@30s --fault rest-500@10s:5s

Faults: {", ".join(NAMES)}.
"""


@click.command("simulate", context_settings={"show_default": True}, epilog=_EXAMPLES)
@click.option(
    "--listen",
    callback=_address,
    default="127.0.0.1:8765",
    help="A loopback address; port 0 is any free one.",
)
@click.option("--key", default=DEFAULT_KEY, help="The API key it accepts.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=0.5,  # some alerts a second, as on a busy day: at 20, more come in two minutes than an answer may hold
    help="Trading days a second; 0 is as fast as you read.",
)
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="At most so many alerts a second.")
@click.option("--from", "first", type=_DAY, help="First day replayed. Default: 2000-03-01.")
@click.option("--to", "last", type=_DAY, help="Last day replayed. Default: 2013-03-01.")
@click.option("--symbols", help="Stocks, separated by commas. Default: AAPL,FB,GOOG,IBM,MSFT.")
@click.option("--seed", type=int, default=0, help="Decides what the bars leave open.")
@click.option("--at-once", is_flag=True, help="Begin now, not with the first subscription.")
@click.option(
    "--rest-order",
    type=click.Choice([choice.value for choice in Age]),
    default=Age.NEWEST.value,
    help="Which item of an answer comes first.",
)
@click.option(
    "--rest-keep",
    type=click.Choice([choice.value for choice in Age]),
    default=Age.NEWEST.value,
    help="Which items a truncated answer keeps.",
)
@click.option("--clamp", type=click.IntRange(min=1), default=200, help="The greatest limit honoured.")
@click.option(
    "--window", type=click.FloatRange(min=0), default=60.0, help="Minutes looked back where none are asked for."
)
@click.option("--rest-rate", type=click.FloatRange(min=0, min_open=True), help="Calls a second; above it 429.")
@click.option(
    "--refusal",
    type=click.Choice([choice.value for choice in Refusal]),
    default=Refusal.HTTP.value,
    help="How a wrong key is turned away.",
)
@click.option("--socket-ids/--no-socket-ids", default=True, help="Whether alerts on the socket carry their id.")
@click.option(
    "--fault",
    "faults",
    callback=_faults,
    multiple=True,
    help="NAME[=VALUE][@AT[:FOR]], like drop@5s or rest-500@10s:5s.",
)
def command(
    *,
    listen: tuple[str, int],
    key: str,
    speed: float,
    rate: float | None,
    first: datetime | None,
    last: datetime | None,
    symbols: str | None,
    seed: int,
    at_once: bool,
    rest_order: str,
    rest_keep: str,
    clamp: int,
    window: float,
    rest_rate: float | None,
    refusal: str,
    socket_ids: bool,
    faults: tuple[Scheduled, ...],
) -> None:
    """An upstream on loopback that replays real market history, with faults on demand."""
    configure()
    host, port = listen
    part = ReplaySettings(
        first=_date(first),
        last=_date(last),
        symbols=None if symbols is None else _symbols(symbols),
        speed=speed or None,
        rate=rate,
        begin=Begin.AT_ONCE if at_once else Begin.SUBSCRIBED,
    )
    settings = SimulatorSettings(
        host=host,
        port=port,
        keys={key: ApiKey()},
        seed=seed,
        refusal=Refusal(refusal),
        order=Age(rest_order),
        keep=Age(rest_keep),
        clamp=clamp,
        default_window=window,
        rest_rate=rest_rate,
        socket=WireStyle(ids=socket_ids, micros=True),
        replay=part,
    )
    asyncio.run(_simulate(settings, key, faults))


def _symbols(listed: str) -> frozenset[str]:
    names = frozenset(name.strip().upper() for name in listed.split(",") if name.strip())
    if unknown := sorted(names - load_bars().keys()):
        raise UsageError(f"no bars of {', '.join(unknown)}", hint=f"There are {', '.join(sorted(load_bars()))}.")
    return names


async def _simulate(settings: SimulatorSettings, key: str, faults: tuple[Scheduled, ...]) -> None:
    enough = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, enough.set)
    simulator = Simulator(settings, SystemClock())
    if simulator.market is not None and not simulator.market.days:
        raise UsageError("there is no trading day between --from and --to", hint="The bars are of 2000 to 2013.")
    await simulator.start(faults)
    try:
        _announce(simulator, key)
        over = asyncio.ensure_future(simulator.done.wait())
        stopped = asyncio.ensure_future(enough.wait())
        await asyncio.wait((over, stopped), return_when=asyncio.FIRST_COMPLETED)
        if over.done():
            click.echo(f"the replay is over: {len(simulator.fired)} alerts fired; still serving them, Ctrl-C ends")
            sys.stdout.flush()
        await stopped
        over.cancel()
    finally:
        await simulator.stop()


def _announce(simulator: Simulator, key: str) -> None:
    """One line for a program that waits for it, then what a person puts into a config."""
    shown = key if key == DEFAULT_KEY else "${STRATALERTS_API_KEY}"
    click.echo(f"ready websocket_url={simulator.websocket_url} rest_url={simulator.rest_url}")
    click.echo(
        f"""
stratalerts:
  api_key: {shown}
  websocket_url: {simulator.websocket_url}
  rest_url: {simulator.rest_url}

Faults while it runs: curl -X POST {simulator.control_url}/drop
Ids begin anew with each start: a relay that keeps its store knows them from the last one, and sends nothing for them
again. Let it begin with a new one, too (storage.url)."""
    )
    sys.stdout.flush()
