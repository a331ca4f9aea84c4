"""``relay status``: how the relay stands, and what became of every delivery.

    --ready ──knock──> what the relay answers ──┐
    no answer, or anything else ──standing──────┴──> lines and a table | JSON, and the exit code

`--ready` is what health checks run every few seconds: where a relay answers, nothing is loaded that takes long.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import click

from relay.cli import knock
from relay.cli.options import Span, config_option, json_option
from relay.cli.told import told
from relay.errors import Exit, UsageError

_EVERY: Final = Span(least=0.2, most=3_600.0)  # between two looks of --watch
_EXAMPLES: Final = """\b
Examples:
  relay status
  relay status --watch
  relay status --ready && echo alerts flow
  relay status --check || echo something is wrong
"""


@click.command(epilog=_EXAMPLES)
@click.option("--ready", is_flag=True, help="Say only whether alerts can flow: exit code 0 or 1.")
@click.option("--check", is_flag=True, help="Say only what is not well, for cron: silence and 0 where all is, else 1.")
@click.option(
    "--watch",
    "every",
    type=_EVERY,
    is_flag=False,
    flag_value="2s",
    metavar="[DURATION]",
    help="Draw it again every 2s, or as often as you say, until Ctrl-C.",
)
@config_option
@json_option
def command(*, ready: bool, check: bool, every: float | None, config: Path | None, as_json: bool) -> int:
    """Show the connection, every destination's lane, and the ledger: what became of every delivery.

    Where no relay runs, or none answers over HTTP, it is the store that is shown, and the exit code is 1.
    """
    with told(as_json=as_json):
        if ready and check:
            raise UsageError("--ready and --check are two questions", hint="--check asks for more: take that.")
        if every is not None:
            if ready or check:
                raise UsageError("--watch shows all of it", hint="Leave the other option out.")
            return int(_in_full().watch(config, every, as_json=as_json))
        if ready:
            found = knock.readiness(config, os.environ)
            return _tell_ready(_in_full().readiness(config) if found is None else found, as_json=as_json)
        ask = _in_full().check if check else _in_full().show
        return int(ask(config, as_json=as_json))


def _in_full() -> ModuleType:
    """The module that knows configs, stores and tables; loaded only where it is needed, as the verbs are."""
    return importlib.import_module("relay.cli.standing")


def _tell_ready(found: Mapping[str, Any], *, as_json: bool) -> int:
    ready, reasons, degraded = bool(found["ready"]), list(found["reasons"]), list(found["degraded"])
    if as_json:
        click.echo(json.dumps({"ready": ready, "reasons": reasons, "degraded": degraded}, ensure_ascii=False))
    else:
        for line in ["ready"] if ready else [f"not ready: {reason}" for reason in reasons]:
            click.echo(line)
        for line in degraded:
            click.echo(f"degraded: {line}")
    return Exit.OK if ready else Exit.FAILED
