"""``relay install``: the relay as a system service, from the config that is there to the word that it is up.

options ──who may, where──> relay.cli.service: planned ──> shown | put ──> started, waited for, told
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Final

import click

from relay.cli import service
from relay.cli.options import config_option
from relay.cli.quiet import log_quietly
from relay.config.found import find_config
from relay.durations import parse_duration
from relay.errors import Exit, RelayError, UsageError
from relay.install import apply, fit, running
from relay.install.systemctl import Systemctl, systemctl

_EXAMPLES: Final = """\b
Examples:
  relay install --dry-run -c config.yaml
  sudo /opt/relay/bin/relay install -c config.yaml
  sudo /opt/relay/bin/relay install --remove
"""
_HERE: Final = Path("/")


@click.command(epilog=_EXAMPLES)
@click.option("--dry-run", is_flag=True, help="Touch nothing; show each file and command, with secrets masked.")
@click.option("--force", is_flag=True, help="Write over what others have put there, without asking.")
@click.option("--remove", is_flag=True, help="Stop it and take the unit away; config and store stay.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default=_HERE,
    metavar="DIR",
    help="Write below this folder, as for an image.",
)
@click.option("--start/--no-start", default=None, help="Start it, or only write; with --root it is only written.")
@click.option("--wait", default="60s", show_default=True, metavar="DURATION", help="How long it may take to be ready.")
@config_option
def command(
    *, config: Path | None, dry_run: bool, force: bool, remove: bool, root: Path, start: bool | None, wait: str
) -> int:
    """Have systemd run the relay: now, and whenever the machine starts.

    Hands the config over to /etc/relay, each secret in a file that only root can read, writes the unit, starts it and
    waits until it is ready. Run it again after a change or an upgrade: what is so already is not touched.
    """
    root, patience = root.absolute(), _seconds(wait)
    if root == _HERE and not dry_run and os.geteuid() != 0:
        raise UsageError(
            "to install a service takes root", hint=f"Say: sudo {shlex.join([*running.command(), *sys.argv[1:]])}"
        )
    starts = root == _HERE if start is None else start
    manager = _manager(root, needed=not dry_run) if starts else None
    if remove:
        for line in service.remove(root, manager, dry_run=dry_run):
            click.echo(line)
        return Exit.OK
    unfit = _unfit() if root == _HERE else None
    if unfit is not None and not dry_run:
        raise unfit
    made = service.planned(find_config(config, os.environ).absolute(), root, os.environ)
    log_quietly(made.config)
    if dry_run:
        click.echo("\n".join(service.foretold(made, manager)))
        if unfit is not None:
            click.echo(f"note: without --dry-run it would be refused: {unfit}\n  {unfit.hint}")
        return Exit.OK
    _may_write(made, force=force)
    service.put(made)
    if manager is not None:
        return service.rise(made, manager, patience=patience)
    click.echo("Written; nothing was started." if made.changed else "Nothing to change.")
    return Exit.OK


def _seconds(wait: str) -> float:
    try:
        return parse_duration(wait)
    except ValueError as fault:
        raise click.BadParameter(str(fault), param_hint="--wait") from None


def _unfit() -> RelayError | None:
    """Why this relay can't be a service; None where it can."""
    try:
        fit.check_relay(running.used(), [word for word in sys.argv[1:] if word not in {"install", "--dry-run"}])
    except RelayError as error:
        return error
    return None


def _manager(root: Path, *, needed: bool) -> Systemctl | None:
    """The service manager.

    Raises:
        RelayError: There is none, and it is needed.
    """
    found = systemctl(booted=root == _HERE)
    if found is None and needed:
        raise RelayError(
            "this machine is not run by systemd",
            hint="docs/docker.md says how Docker runs it; anything else that keeps `relay run` running does as well.",
        )
    return found


def _may_write(made: service.Planned, *, force: bool) -> None:
    """Ask before anything is written over that somebody may have made.

    Raises:
        UsageError: They said no, or nobody is there to ask.
    """
    there = made.overwritten
    if not there or force:
        return
    names = ", ".join(str(apply.inside(made.root, file.path)) for file in there)
    click.echo("\n".join(apply.shown(made.root, there)))
    if sys.stdin.isatty() and click.confirm("Write these over?", default=False):
        return
    raise UsageError(
        f"there already, and saying something else: {names}; nothing was written",
        hint="Say --force to write over, or -c /etc/relay/config.yaml to go on with what is there.",
    )
