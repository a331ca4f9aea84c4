"""One run of `relay install`: what is planned is shown, put in place, started, waited for, and told.

config ──planned──> Planned: files, and those that differ ──put──> steps ──until_ready──> up, and the word of it
                                                                             └──────────> why not, and its log
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from relay.cli import remote
from relay.clock import SystemClock
from relay.config.found import read_config
from relay.config.load import load
from relay.config.model import Config
from relay.config.secrets import hide_secrets
from relay.deliveries import Verdict
from relay.document.faults import InvalidConfigError
from relay.document.reading import read_text, why
from relay.errors import ConfigError, Exit, RelayError
from relay.install import announcement, apply, environment, fit, plan, running
from relay.install.handover import handover
from relay.install.plan import CONFIG, DROP_IN, ENVIRONMENT, FOLDER, STATE_FOLDER, UNIT_PLACE
from relay.install.startup import Started, meaning, until_ready
from relay.install.systemctl import Ended, Systemctl
from relay.placing import File
from relay.redaction import redact
from relay.units import UNIT as UNIT_NAME
from relay.units import unit_text

_LARGEST: Final = 1 << 20  # bytes of a file beside the config
_UNSET: Final = "environment variable"


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be done.

    Attributes:
        config: As it is now.
        root: Where files go.
        files: All of them.
        changed: Those that are not so already.
        before: The drop-in as it was.
    """

    config: Config
    root: Path
    files: tuple[File, ...]
    changed: tuple[File, ...]
    before: str

    @property
    def overwritten(self) -> list[File]:
        """Files that somebody may have made, which would be written over: below /etc/relay, and another's unit."""
        ours = bool(plan.build_of(self.before))
        return [
            file
            for file in self.changed
            if (file.path.parent == FOLDER or FOLDER in file.path.parents or not ours)
            and apply.state(self.root, file) is apply.FileState.CHANGED
            and apply.there(self.root, file.path) != file.text
        ]


def planned(source: Path, root: Path, env: Mapping[str, str]) -> Planned:
    """What a config would become.

    Raises:
        ConfigError: It can't be used, or not by a service.
    """
    known = {**environment.read(apply.there(root, ENVIRONMENT)), **env}
    try:
        config = load(source, env=known)
    except InvalidConfigError as error:
        if _UNSET not in str(error):
            raise
        raise ConfigError(
            str(error), hint="sudo hands no variables over by itself: sudo --preserve-env=NAME …, for each of them."
        ) from None
    hide_secrets(config)
    fit.check_config(config)
    handed = handover(
        read_config(source),
        known,
        secret=lambda name: _read(source.parent / name),
        beside=lambda name: _read(source.parent / name),
    )
    if root == Path("/"):
        fit.check_files(handed.elsewhere)
    files = plan.files(handed, command=running.command(), unit=unit_text(UNIT_NAME), build=running.build())
    return Planned(config, root, files, tuple(apply.changed(root, files)), apply.there(root, DROP_IN))


def _read(place: Path) -> str:
    try:
        return read_text(place, limit=_LARGEST)
    except (OSError, ValueError) as error:
        raise ConfigError(f"the file {place} can't be read: {why(error)}") from None


def foretold(made: Planned, manager: Systemctl | None) -> Iterator[str]:
    """What would be written and done."""
    yield from apply.shown(made.root, made.files)
    active = manager is not None and manager.active
    enabled = manager is not None and manager.enabled
    steps = plan.steps({file.path for file in made.changed}, enabled=enabled, active=active)
    yield from (f"$ systemctl {' '.join(step.value)}" for step in steps)
    name = announcement.whom(made.config)
    if name is not None and plan.tells(active=active, before=made.before, build=running.build()):
        yield f"Then {name} is told that the relay is up."
    yield "Nothing was written or started." if made.changed or steps else "There is nothing to change."


def put(made: Planned) -> None:
    """Write what differs, and say so."""
    apply.put(made.root, made.changed)
    for file in made.changed:
        secret = " (secret: only root can read it)" if file.secret else ""
        click.echo(f"wrote {apply.inside(made.root, file.path)}{secret}")


def rise(made: Planned, manager: Systemctl, *, patience: float) -> Exit:
    """Start what is written, wait for it so many seconds, and tell of it."""
    active = manager.active
    steps = plan.steps({file.path for file in made.changed}, enabled=manager.enabled, active=active)
    if not steps:
        click.echo("Nothing to change: the relay is installed so already, and runs.")
        return Exit.OK
    for step in steps:
        click.echo(f"$ systemctl {' '.join(step.value)}")
        trouble = manager.do(step)
        if trouble:
            click.echo(f"  {redact(trouble)}", err=True)
            if step in {plan.Step.RELOAD, plan.Step.ENABLE}:
                raise RelayError("systemd did not do what it was asked", hint="Mend that, and run this again.")
    risen = asyncio.run(_risen(made.config, manager, patience))
    if risen.ended is not None:
        _tell_ended(risen.ended, manager)
        return Exit.FAILED
    if risen.ready and plan.tells(active=active, before=made.before, build=running.build()):
        asyncio.run(_tell(made.config))
    for line in _afterwards(made.config, risen):
        click.echo(line)
    return Exit.OK if risen.ready else Exit.FAILED


def remove(root: Path, manager: Systemctl | None, *, dry_run: bool) -> Iterator[str]:
    """Stop the service and take its unit away; config and store stay."""
    places = [place for place in (apply.inside(root, UNIT_PLACE), apply.inside(root, DROP_IN)) if place.exists()]
    if manager is not None:
        yield f"$ systemctl disable --now {plan.SERVICE}"
        if not dry_run:
            manager.disable()
    for place in places:
        yield f"rm {place}"
        if not dry_run:
            place.unlink()
    folder = apply.inside(root, DROP_IN).parent
    if not dry_run and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    if manager is not None:
        yield "$ systemctl daemon-reload"
        if not dry_run:
            manager.do(plan.Step.RELOAD)
    yield f"{FOLDER} and {STATE_FOLDER} stay: the config, its secrets, and the store. Who wants them no more: rm -r"


async def _risen(config: Config, manager: Systemctl, patience: float) -> Started:
    async def readyz() -> Mapping[str, object] | None:
        return await remote.fetch(config, "/readyz", takes={503})

    asked = None if config.http.address is None else readyz
    return await until_ready(asked, manager, SystemClock(), patience=patience)


async def _tell(config: Config) -> None:
    name = announcement.whom(config)
    if name is None:
        click.echo("No chat hears that it is up: there is none, and alerts_to names nobody.")
        return
    outcome = await announcement.told(config, name, SystemClock())
    if outcome.verdict is Verdict.DELIVERED:
        click.echo(f"{name} was told: Relay is up")
    else:
        click.echo(f"{name} could not be told that it is up: {outcome.code} {outcome.detail}".rstrip())


def _tell_ended(ended: Ended, manager: Systemctl) -> None:
    said = "" if ended.code is None else f", exit code {ended.code}"
    click.echo(f"The relay did not come up ({ended.state}{said}): {meaning(ended.code)}", err=True)
    for line in manager.log():
        click.echo(f"  {redact(_readable(line))}", err=True)
    click.echo("Mend it, and run this again.", err=True)


def _readable(line: str) -> str:
    """A line of the log for a person: of JSON the event first, then what is said with it."""
    try:
        told = json.loads(line)
    except ValueError:
        return line
    if not isinstance(told, dict) or "event" not in told:
        return line
    said = {key: value for key, value in told.items() if key not in {"event", "level", "timestamp"} and value != ""}
    return " ".join([f"{told.get('level', 'info')}: {told['event']}", *(f"{key}={said[key]}" for key in said)])


def _afterwards(config: Config, risen: Started) -> Iterator[str]:
    if risen.ready:
        yield "The relay is up, and starts with the machine."
    else:
        yield "The relay runs, starts with the machine, and goes on trying; it is not ready yet:"
        yield from (f"  {redact(reason)}" for reason in risen.reasons)
    command = " ".join(running.command())
    if config.http.address is not None:
        yield f"  page       http://{config.http.listen}"
    yield f"  status     sudo {command} status -c {CONFIG}"
    yield f"  logs       journalctl -u {plan.SERVICE} -f"
    yield f"  change it  edit {CONFIG}, then: systemctl reload {plan.SERVICE}"
    yield f"  stop       systemctl stop {plan.SERVICE}"
    pip = Path(running.command()[0]).with_name("pip")
    yield f"  upgrade    sudo {pip} install --upgrade …, then: sudo {command} install -c {CONFIG}"
    yield f"  uninstall  sudo {command} install --remove"
