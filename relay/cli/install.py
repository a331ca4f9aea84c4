"""``relay install``: the relay as a system service, from the config that is there to the word that it is up.

options ──who may, where──> relay.install.installer: planned ──> foretold | asked about, put ──> started, told
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import click

from relay import units
from relay.cli import remote, service
from relay.cli.options import CONFIG_BEFORE_VERB, Span, config_option
from relay.cli.quiet import log_quietly
from relay.clock import SystemClock
from relay.config.found import find_config
from relay.errors import Exit, RelayError, UsageError
from relay.install import apply, fit, installer, plan, running
from relay.install.installer import Planned
from relay.install.plan import Standing, Step, Undertaking
from relay.install.systemctl import Systemctl, systemctl
from relay.wording import agreeing

_EXAMPLES: Final = """\b
Examples:
  relay install --dry-run -c config.yaml
  sudo /opt/relay/bin/relay install -c config.yaml
  sudo relay install --remove
"""
_HERE: Final = Path("/")
_WORDS: Final = "relay.install.words"


class _Repeatable(click.Command):
    """A command that can say which words it was called with."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words: click takes them off the list as it reads them."""
        ctx.meta[_WORDS] = tuple(args)
        return super().parse_args(ctx, args)


@click.command(cls=_Repeatable, epilog=_EXAMPLES)
@click.option("--dry-run", is_flag=True, help="Touch nothing; show each file and command, with secrets masked.")
@click.option("--force", is_flag=True, help="Write over files that are there, without asking.")
@click.option("--remove", is_flag=True, help="Stop it and take the unit away; config and store stay.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default=_HERE,
    metavar="DIR",
    help="Write below this folder, as for an image.",
)
@click.option("--start/--no-start", default=None, help="Start it, or only write; with --root it is only written.")
@click.option(
    "--wait",
    type=Span(),
    default="60s",
    show_default=True,
    metavar="DURATION",
    help="How long it may take to be ready.",
)
@config_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    config: Path | None,
    dry_run: bool,
    force: bool,
    remove: bool,
    root: Path,
    start: bool | None,
    wait: float,
) -> int:
    """Have systemd run the relay: now, and whenever the machine starts.

    Hands the config over to /etc/relay, each secret in a file that only root can read, writes the unit and a `relay` on
    the PATH, starts it and waits until it is ready. Run it again after a change or an upgrade: what is so already is
    not touched.
    """
    root = root.absolute()
    if root == _HERE and not dry_run and os.geteuid() != 0:
        again = shlex.join([*running.command(), "install", *_words(ctx)])
        raise UsageError("to install a service takes root", hint=f"Say: sudo {again}")
    starts = root == _HERE if start is None else start
    manager = systemctl(booted=root == _HERE) if starts else None
    without = _no_systemd() if starts and manager is None else None
    if without is not None and not dry_run:
        raise without
    if remove:
        _remove(root, manager, dry_run=dry_run)
        return _foretold(without)
    unfit = _unfit(_words(ctx))
    if unfit is not None and root == _HERE and not dry_run:
        raise unfit
    made = installer.planned(find_config(config, os.environ).absolute(), root, os.environ)
    log_quietly(made.config)
    if dry_run:
        stands = plan.NOWHERE if without is not None else _standing(manager)
        _warn(unfit, root)
        click.echo("\n".join(service.foretold(made, made.undertaking(stands))))
        return _foretold(without or (unfit if root == _HERE else None))
    if not _may_write(made, force=force):
        return Exit.OK
    undertaking = made.undertaking(_standing(manager))
    if undertaking.files:
        _warn(unfit, root)
    apply.put(root, undertaking.files)
    for line in service.written(made):
        click.echo(line)
    if manager is None:
        click.echo("Written; nothing was started." if undertaking.files else "Nothing to change.")
        return Exit.OK
    return _start(made, undertaking, manager, wait)


def _start(made: Planned, undertaking: Undertaking, manager: Systemctl, patience: float) -> Exit:
    """Have it started, and say how it came up."""
    if not undertaking.steps:
        less = "else " if undertaking.files else ""
        click.echo(f"Nothing {less}to change: the relay is installed so already, and runs.")
        return Exit.OK

    async def readyz() -> Mapping[str, object] | None:
        return await remote.fetch(made.config, "/readyz", takes={503})

    done = asyncio.run(
        installer.start(
            made,
            undertaking,
            manager,
            SystemClock(),
            readyz=None if made.config.http.address is None else readyz,
            patience=patience,
            audience=_Terminal(),
        )
    )
    if done.started.ended is not None:
        for line in service.ended(done.started.ended, manager.log()):
            click.echo(line, err=True)
        return Exit.FAILED
    if done.announced is not None:
        click.echo(service.announced(done.announced))
    for line in service.afterwards(made, done.started):
        click.echo(line)
    return Exit.OK if done.started.ready else Exit.FAILED


class _Terminal:
    """Shows what goes on."""

    def asks(self, step: Step) -> None:
        click.echo(service.typed(step))

    def was_refused(self, said: str) -> None:
        click.echo(f"  {said}", err=True)


def _remove(root: Path, manager: Systemctl | None, *, dry_run: bool) -> None:
    """Take the service away, each step told as it is done; config and store stay."""
    steps = installer.removal(root, manager)
    for step in steps:
        if isinstance(step, Step):  # which may take a while, so it is shown before
            click.echo(service.typed(step))
        if not dry_run:
            installer.carry_out(step, root, manager)
        if isinstance(step, Path):
            click.echo(f"{'would be removed:' if dry_run else 'removed'} {apply.inside(root, step)}")
    if not steps:
        click.echo("There is nothing to remove.")
    for line in service.staying(root):
        click.echo(line)
    if dry_run and steps:
        click.echo("Nothing was stopped or removed.")


def _words(ctx: click.Context) -> list[str]:
    """What this command was called with, a -c before it included."""
    before: Path | None = ctx.meta.get(CONFIG_BEFORE_VERB)
    words: tuple[str, ...] = ctx.meta[_WORDS]
    return [*([] if before is None else ["-c", str(before)]), *words]


def _no_systemd() -> RelayError:
    return RelayError(
        "this machine is not run by systemd",
        hint="docs/docker.md says how Docker runs it; anything else that keeps `relay run` running does as well.",
    )


def _standing(manager: Systemctl | None) -> Standing | None:
    return None if manager is None else manager.standing


def _foretold(refusal: RelayError | None) -> Exit:
    """Say what a dry run does not stop at, and end with it."""
    if refusal is None:
        return Exit.OK
    click.echo(f"note: without --dry-run it would be refused: {refusal}\n  {refusal.hint}")
    return refusal.exit_code


def _warn(unfit: RelayError | None, root: Path) -> None:
    """Say below a root, where nothing starts it yet, what is refused on this machine."""
    if unfit is not None and root != _HERE:
        click.echo(f"note: {unfit}; its unit starts it from there all the same")


def _unfit(words: Iterable[str]) -> RelayError | None:
    """Why this relay can't be a service; None where it can."""
    try:
        fit.check_relay(running.used(), running.interpreter(), [word for word in words if word != "--dry-run"])
    except RelayError as error:
        return error
    return None


def _may_write(made: Planned, *, force: bool) -> bool:
    """Ask before anything is written over that somebody may have made; no is an answer.

    Raises:
        UsageError: Nobody is there to ask.
    """
    there = made.overwritten
    if not there or force:
        return True
    names = ", ".join(str(apply.inside(made.root, file.path)) for file in there)
    click.echo("\n".join(apply.shown(made.root, there)))
    if sys.stdin.isatty():
        writes = click.confirm("Write these over?", default=False)
        if not writes:
            click.echo(f"kept: {names} {agreeing(len(there), 'is as it was', 'are as they were')}; nothing was written")
        return writes
    raise UsageError(
        f"there already, and saying something else: {names}; nothing was written",
        hint=f"Say --force to write over, or -c {apply.inside(made.root, units.CONFIG)} to go on with what is there.",
    )
