"""``relay send NAME``: one marked test message, and what the destination says to it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console

from relay.cli import remote, samples
from relay.cli.given import FORMS, given
from relay.cli.options import config_option, destination_argument, json_option
from relay.cli.preview import preview
from relay.cli.quiet import log_quietly
from relay.cli.told import told
from relay.cli.trial import message_of, sampled
from relay.clock import SystemClock
from relay.config.found import find_config
from relay.config.load import load
from relay.config.model import Config
from relay.deliveries import Message, Outcome, Verdict
from relay.destinations.base import Previewable
from relay.destinations.factory import Factory, refuse_real
from relay.destinations.http import HttpClient
from relay.destinations.redact import printable
from relay.destinations.webhook.webhook import Webhook
from relay.durations import format_duration
from relay.errors import ConfigError, Exit
from relay.events import Channel, Event
from relay.loopback import is_loopback_url
from relay.rules.match import compile_rules
from relay.rules.merge import merge

_WORDS: Final = {
    Verdict.DELIVERED: "delivered",
    Verdict.RETRY: "not delivered; the relay would try again",
    Verdict.DEAD: "refused; the relay would keep it as a dead letter",
    Verdict.SWITCH_OFF: "refused for good; the relay would switch the destination off",
}
_EXAMPLES: Final = """\b
Examples:
  relay send swing
  relay send swing --event alerts.in_force:98421 --dry-run
  echo '{"type": "alert.in_force", "data": {"symbol": "AAPL", "timeframe": "D"}}' | relay send swing --event -
"""
_ANSWER_SHOWN: Final = 500
_UNSHOWABLE: Final = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@click.command(epilog=_EXAMPLES)
@destination_argument
@click.option("--event", "event", metavar="FILE|-|EVENT_ID", help=f"Send this event, marked as a test: {FORMS}.")
@click.option("--dry-run", is_flag=True, help="Send nothing; show what would be sent.")
@click.option("--allow-real", is_flag=True, help="Send to another machine though the upstream is a simulator.")
@config_option
@json_option
def command(
    *, name: str, event: str | None, dry_run: bool, allow_real: bool, config: Path | None, as_json: bool
) -> int:
    """Send one marked test message to a destination, and show its answer.

    It goes straight to the destination, past the queue and whether the relay runs or not. It holds no alert; where the
    destination has a template, a sample of those that its rules send there. Exit code 0: delivered.
    """
    with told(as_json=as_json):
        loaded = load(find_config(config, os.environ), env=os.environ)
        remote.require_destination(loaded, name)
        _prepare(loaded, name, dry_run=dry_run, allow_real=allow_real)
        return asyncio.run(_send(loaded, name, event, dry_run=dry_run, as_json=as_json))


def _prepare(loaded: Config, name: str, *, dry_run: bool, allow_real: bool) -> None:
    """Keep secrets out of what is said, and invented alerts away from real destinations."""
    log_quietly(loaded, "warning")
    simulated = is_loopback_url(loaded.stratalerts.websocket_url)
    chosen = {name: loaded.destinations[name]}
    if not dry_run and refuse_real(chosen, simulated=simulated, allow_real=allow_real):
        raise ConfigError(
            f"the upstream is a simulator, and {name} is real",
            hint="Point it at this machine, or say --allow-real to send to it all the same.",
        )


async def _send(config: Config, name: str, event: str | None, *, dry_run: bool, as_json: bool) -> int:
    clock = SystemClock()
    message = await _message(config, name, event, clock.now_us())
    client = HttpClient()
    try:
        destination = Factory(client, clock).build(name, config.destinations[name])
        if dry_run:
            show = _plan_json if as_json else _show_plan
            show(destination, config.destinations[name].type, message)
            return Exit.OK
        outcome = await destination.send([message])
    finally:
        await client.close()
    if as_json:
        ok = outcome.verdict is Verdict.DELIVERED
        said = {"ok": ok, "destination": name, "delivered": ok, **msgspec.to_builtins(outcome)}
        click.echo(json.dumps(said, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(name, outcome)))
    return Exit.OK if outcome.verdict is Verdict.DELIVERED else Exit.FAILED


async def _message(config: Config, name: str, event: str | None, now_us: int) -> Message:
    """The test message: with the event that was asked for, else a sample where a template needs one, else empty."""
    if event is not None:
        chosen = await given(config, event)
        rules = merge(compile_rules(config.rules).match(chosen.event), chosen.event).get(name, ())
        return message_of(
            config,
            name,
            chosen.event,
            now_us=now_us,
            rules=rules,
            key=chosen.key,
            received_at_us=chosen.received_at_us,
        )
    if config.destinations[name].template is None:
        return message_of(config, name, Event(Channel.IN_FORCE), now_us=now_us)
    channel, leading = next(iter(sampled(config, name).items()))
    return message_of(config, name, samples.event(channel, now_us), now_us=now_us, rules=leading)


def _lines(name: str, outcome: Outcome) -> Iterator[str]:
    yield f"{name}: {_WORDS[outcome.verdict]}"
    yield f"  code    {outcome.code}"
    if outcome.detail:
        yield f"  detail  {outcome.detail}"
    if outcome.retry_after is not None:
        yield f"  wait    it asks for {format_duration(outcome.retry_after)} of nothing"
    if answer := " ".join(outcome.answer.split()):
        yield f"  answer  {answer[:_ANSWER_SHOWN]}{'…' if len(answer) > _ANSWER_SHOWN else ''}"


def _show_plan(destination: Previewable, kind: str, message: Message) -> None:
    body = destination.render([message])
    headers = _headers(destination, message)
    if headers:
        click.echo("\n".join(f"{header}: {value}" for header, value in headers.items()))
        click.echo()
    click.echo(_pretty(body))
    if drawn := preview(kind, body):
        click.echo()
        Console(file=sys.stdout, highlight=False).print(drawn)


def _plan_json(destination: Previewable, kind: str, message: Message) -> None:
    body = destination.render([message])
    plan = {
        "ok": True,
        "destination": destination.name,
        "type": kind,
        "headers": _headers(destination, message),
        "body": msgspec.Raw(body) if _is_json(body) else body.decode(errors="replace"),
    }
    click.echo(msgspec.json.encode(plan))


def _headers(destination: Previewable, message: Message) -> dict[str, str]:
    return destination.shown_headers([message]) if isinstance(destination, Webhook) else {}


def _pretty(body: bytes) -> str:
    """``body`` to be read: the same JSON with line breaks; what a terminal would obey as an escape of JSON."""
    if not _is_json(body):
        return printable(body.decode(errors="replace"))
    text = msgspec.json.format(body, indent=2).decode()
    return _UNSHOWABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
        body.decode()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True
