"""``relay backfill``: fetch over REST now what the socket may have missed.

a relay runs ──POST /api/backfill──> an errand, asked after until it is over
none runs    ──the store's lock──> the same rounds in this process; what they find waits in its queues

Either way the store tells its baseline: nothing that fired before is delivered, however far back somebody looks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, TypeAlias

import click

from relay.app import Relay
from relay.backfill.errands import LONGEST, Errands
from relay.cli import remote
from relay.cli.options import Span, config_option, json_option
from relay.cli.progress import Bars
from relay.cli.reach import reach_quietly
from relay.cli.remote import Reach
from relay.cli.told import told
from relay.clock import Clock, SystemClock, isoformat
from relay.config.model import Config
from relay.errors import Exit, LockedError, RelayError, StoreError
from relay.events import Channel, Instant
from relay.outbox.inspection import inspecting
from relay.rules import words
from relay.rules.wanted import channels_of
from relay.web.upstream import errand_fields
from relay.wording import agreeing, counted

Progress: TypeAlias = Callable[[int], None]

_ASK_SECONDS: Final = 0.3
_PATIENCE: Final = 30.0  # of nothing but failures
_ASKING: Final = "alerts that REST shows"
_GOES_ON: Final = "The relay goes on asking by itself; `relay status` shows how it stands."

_EXAMPLES: Final = """\b
Examples:
  relay backfill
  relay backfill --since 6h
"""


@click.command(epilog=_EXAMPLES)
@click.option("--since", type=Span(most=LONGEST), help="Look so far back, whatever was fetched before.")
@config_option
@json_option
def command(*, since: float | None, config: Path | None, as_json: bool) -> int:
    """Ask REST now for what the socket may have missed, and queue what is new.

    Every subscribed channel has its round; what is known already is recognised and not sent again. Nothing that fired
    before this store's baseline is delivered. Where no relay runs, what is new waits in the store for the next run.
    Exit code 1 where a channel could not be asked.
    """
    with told(as_json=as_json):
        loaded = reach_quietly(config)
        with Bars(quiet=as_json) as bars:
            came = asyncio.run(_backfill(loaded, since, SystemClock(), lambda got: bars.show(_ASKING, got, None)))
    if as_json:
        click.echo(json.dumps(came, ensure_ascii=False))
    else:
        for line in _lines(came):
            click.echo(line)
    return Exit.OK if came["ok"] else Exit.FAILED


async def _backfill(config: Reach, since: float | None, clock: Clock, progress: Progress) -> Mapping[str, Any]:
    begun = await remote.ask(config, "/api/backfill", {} if since is None else {"since": f"{since:f}s"})
    if begun is not None:
        came = {**await _followed(config, begun, clock, progress), "relay_runs": True, "store_is_new": False}
    else:
        came = {**await _by_itself(remote.whole(config), since, clock, progress), "relay_runs": False}
    baseline_us = await asyncio.to_thread(_baseline_us, config) if isinstance(config, Config) else None
    return {**came, "baseline": None if baseline_us is None else isoformat(baseline_us)}


def _baseline_us(config: Config) -> int | None:
    """The least of the channels' baselines; None where the store can't be read here, though a relay runs."""
    try:
        with inspecting(config.store_path) as store:
            states = [store.channel(channel) for channel in channels_of(config.rules)]
            return min((one.baseline.before_us for one in states if one.baseline), default=None)
    except StoreError:
        return None


async def _followed(config: Reach, begun: Mapping[str, Any], clock: Clock, progress: Progress) -> Mapping[str, Any]:
    """Ask after an errand until it is over.

    Raises:
        RelayError: The relay ended meanwhile, or REST has failed for long; the rounds go on where it runs.
    """
    patience = _Patience(clock)
    errand: Mapping[str, Any] | None = begun
    while errand is not None and errand["running"]:
        await clock.sleep(_ASK_SECONDS)
        errand = await remote.fetch(config, f"/api/backfill/{begun['number']}")
        status: Mapping[str, Any] = await remote.fetch(config, "/api/status") or {"backfill": {"detail": ""}}
        progress(status["backfill"].get("fetched", 0))  # a relay of an earlier version does not count
        patience.look(status["backfill"]["detail"], hint=_GOES_ON)
    if errand is None:
        raise RelayError("the relay ended meanwhile", hint="Ask again: what was stored is recognised.")
    return errand


async def _by_itself(config: Config, seconds: float | None, clock: Clock, progress: Progress) -> Mapping[str, Any]:
    async with AsyncExitStack() as stack:
        relay = Relay(config, env={}, clock=clock, allow_real=True)  # nothing is sent: what is found waits
        try:
            await relay.open(stack, serve=False)
        except LockedError as error:
            raise remote.unreachable() from error
        stack.push_async_callback(relay.backfiller.close)
        errands = Errands(relay.backfiller, clock)
        work = asyncio.ensure_future(errands.run(since=seconds))
        patience = _Patience(clock)
        while not work.done():
            await asyncio.wait([work], timeout=_ASK_SECONDS)
            progress(sum(status.fetched for status in relay.backfiller.status.values()))
            troubles = [status.last_error for status in relay.backfiller.status.values() if status.last_error]
            patience.look("" if work.done() else "; ".join(troubles), hint="What was stored is recognised later.")
        return {**errand_fields(work.result()), "store_is_new": relay.store_is_new}


class _Patience:
    """How long a person waits for a REST that fails."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: float | None = None

    def look(self, trouble: str, *, hint: str) -> None:
        """Note how it stands now.

        Raises:
            RelayError: It has failed for too long.
        """
        if not trouble:
            self._since = None
            return
        now = self._clock.monotonic()
        if self._since is None:
            self._since = now
        if now - self._since >= _PATIENCE:
            raise RelayError(f"REST fails: {trouble}", hint=hint)


def _lines(came: Mapping[str, Any]) -> Iterator[str]:
    if came["error"]:
        yield f"The backfill was not finished: {came['error']}."
    for one in came["channels"]:
        what = words.CHANNEL_WORDS[Channel(one["channel"])]
        if one["result"] != "ok":
            yield f"{what}: {one['result']}: {one['error']}"
            continue
        holes = f"; {counted(one['holes'], 'range')} could not be seen whole" if one["holes"] else ""
        yield f"{what}: REST shows {one['found']:,}, {one['recovered']:,} of them new{holes}"
    yield from _beside(came)


def _beside(came: Mapping[str, Any]) -> Iterator[str]:
    """What the numbers don't tell."""
    since, baseline = _instant(came["since"]), _instant(came["baseline"])
    if baseline is not None and (came["store_is_new"] or (since is not None and since.us < baseline.us)):
        whose = "This store is new, and its" if came["store_is_new"] else "This store's"
        yield f"{whose} baseline is {came['baseline']}: nothing that fired before is delivered."
    if came["relay_runs"]:
        return
    new = sum(one["recovered"] for one in came["channels"])
    waits = f"the {new:,} new {agreeing(new, 'waits', 'wait')} in the store" if new else "nothing is fetched or sent"
    yield f"No relay runs: {waits} until the next `relay run`."


def _instant(told: str | None) -> Instant | None:
    return None if told is None else Instant.parse(told)
