"""``relay check``: is the config right, and does it say what was meant?

    config ──load──> faults, each with its line: exit code 78
       └──> rules in sentences; notes; templates tried with a sample
              ├── --diff ──> what a reload would change
              └── --online, --volume ──> what the upstream and every destination say

A note is no fault, and may still not be what was meant: it changes no exit code.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from relay.cli import online as asking
from relay.cli import volume as volumes
from relay.cli.compare import compare
from relay.cli.folded import tell
from relay.cli.options import config_option, json_option
from relay.cli.quiet import log_quietly
from relay.cli.told import told
from relay.cli.trial import failing
from relay.config import diff
from relay.config.doubts import doubts_of, doubts_of_token, however_late, in_the_clear, unused
from relay.config.found import find_config
from relay.config.load import load
from relay.config.mentions import unheard
from relay.config.model import Config
from relay.destinations.doubts import doubts, unsigned
from relay.destinations.factory import refuse_real
from relay.destinations.terms import terms
from relay.errors import Exit
from relay.loopback import is_loopback_url
from relay.rules.plain import sentence

_EXAMPLES: Final = """\b
Examples:
  relay check
  relay check --online --volume
  relay check --diff running
"""


@click.command(epilog=_EXAMPLES)
@config_option
@click.option("--online", is_flag=True, help="Ask the upstream and every destination, too, without posting.")
@click.option("--volume", is_flag=True, help="Tell what each rule would have sent in the last day; asks --online, too.")
@click.option(
    "--diff",
    "running",
    metavar="RUNNING",
    help="Tell what a reload would change: a file, http://host:port, or running.",
)
@json_option
def command(config: Path | None, *, online: bool, volume: bool, running: str | None, as_json: bool) -> int:
    """Validate the config and say each rule in a plain sentence.

    Nothing is sent and nothing is opened; files that the config names are read, and templates are tried with a sample
    alert. With --online it is asked over HTTP whether the key is accepted and each destination is there: exit code 77
    where the key is rejected, 1 where anything else is not well. With --volume the alerts of the last day are fetched
    and counted by rule and destination; nothing of them is kept. With --diff it is compared with the config that runs:
    exit code 1 where that can't be asked.
    """
    with told(as_json=as_json):
        checked = load(find_config(config, os.environ), env=os.environ)
        changes = None if running is None else asyncio.run(compare(checked, running))
    noted = [*notes(checked), *asyncio.run(failing(checked))]
    if not as_json:
        tell([*_lines(checked, noted), *_compared(changes)])
    if online or volume:
        return asyncio.run(_look(checked, noted, changes, volume=volume, as_json=as_json))
    if as_json:
        click.echo(_json(checked, noted, changes))
    return Exit.OK


async def _look(
    config: Config, noted: Sequence[str], changes: diff.Changes | None, *, volume: bool, as_json: bool
) -> Exit:
    log_quietly(config)
    found = await asking.look(config)
    # Told before the loop closes, which waits for whatever name server has not answered yet.
    if not as_json:
        tell(asking.lines(found))
    counted = await asking.measure(config, found) if volume else None
    if as_json:
        click.echo(_json(config, noted, changes, found, counted))
    elif counted is not None:
        tell(volumes.lines(counted))
    return found.exit_code


def _lines(config: Config, noted: Sequence[str]) -> Iterator[str]:
    yield "destinations:"
    for name, destination in config.destinations.items():
        told_of = ["told of the relay's own troubles"] if name == config.alerts_to else []
        yield f"  {name}: {', '.join([destination.type, *terms(destination), *told_of])}"
    yield "rules:"
    for rule in config.rules:
        yield f"  {sentence(rule)}"
    for note in noted:
        yield f"note: {note}"
    yield f"ok: {config.path}"


def _compared(changes: diff.Changes | None) -> Iterator[str]:
    if changes is not None:
        yield "a reload:"
        yield from (f"  {line}" for line in diff.lines(changes))


def _json(
    config: Config,
    noted: Sequence[str],
    changes: diff.Changes | None = None,
    found: asking.Found | None = None,
    counted: volumes.Volume | None = None,
) -> str:
    shown: dict[str, object] = {
        "ok": True,
        "file": str(config.path),
        "destinations": [
            {"name": name, "type": destination.type, "terms": list(terms(destination))}
            for name, destination in config.destinations.items()
        ],
        "rules": [
            {"name": rule.name, "enabled": rule.enabled, "to": rule.to, "sentence": sentence(rule)}
            for rule in config.rules
        ],
        "notes": list(noted),
    }
    if changes is not None:
        shown["changes"] = diff.plain(changes)
    if found is not None:
        shown["online"] = asking.plain(found)
    if counted is not None:
        shown["volume"] = volumes.plain(counted)
    return json.dumps(shown, ensure_ascii=False)


def notes(config: Config) -> Iterator[str]:
    """What is no fault and may still not be what was meant."""
    yield from in_the_clear(config)
    enabled = [rule for rule in config.rules if rule.enabled]
    if not enabled:
        yield "every rule is disabled: nothing will be delivered"
        return
    yield from unused(config)
    for name, destination in config.destinations.items():
        yield from doubts(name, destination)
    yield from unsigned(config.destinations)
    yield from however_late(config)
    yield from doubts_of_token(config.http.token)
    yield from unheard(config)
    for rule in enabled:
        yield from doubts_of(rule)
    simulated = is_loopback_url(config.stratalerts.websocket_url)
    real = refuse_real(config.destinations, simulated=simulated, allow_real=False)
    if real:
        yield f"the upstream is a simulator: `relay run` sends to {', '.join(real)} only with --allow-real"
