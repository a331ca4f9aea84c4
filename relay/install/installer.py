"""One installation: what a config becomes is planned, put in place, started, waited for, and told.

config ──planned──> Planned: files, and those that differ ──undertaking──> what is foretold, and what is done:
put ──> steps ──until_ready──> up ──announced──> the chat hears it
└──> how it ended
what is there ──removal──> steps and files ──carry_out──> gone, one by one; the first that fails ends it
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from relay.clock import Clock
from relay.config import environment
from relay.config.found import read_config
from relay.config.load import load
from relay.config.model import Config
from relay.config.secrets import hide_secrets
from relay.deliveries import Outcome
from relay.document.faults import InvalidConfigError
from relay.document.reading import read_text, why
from relay.errors import ConfigError, RelayError
from relay.install import announcement, apply, fit, plan, running, wrapper
from relay.install.handover import handover
from relay.install.plan import DROP_IN, ENVIRONMENT, FOLDER, UNIT_PLACE, Standing, Step, Undertaking
from relay.install.startup import AskReady, Started, until_ready
from relay.install.systemctl import NotDoneError, Systemctl
from relay.placing import File
from relay.units import UNIT, unit_text

_LARGEST: Final = 1 << 20  # bytes of a file beside the config
_UNSET: Final = "environment variable"


@dataclass(frozen=True, slots=True)
class Planned:
    """What a config becomes.

    Attributes:
        config: As it is now.
        root: Where files go.
        files: All of them.
        changed: Those that are not so already.
        before: The drop-in as it was.
        wraps: The command is on the PATH by a wrapper.
        displaced: Where another's `relay` lies, so that this one is not on the PATH; None where none does.
    """

    config: Config
    root: Path
    files: tuple[File, ...]
    changed: tuple[File, ...]
    before: str
    wraps: bool
    displaced: Path | None = None

    @property
    def overwritten(self) -> list[File]:
        """Files that somebody may have made, which would be written over: below /etc/relay, and another's unit."""
        ours = bool(plan.build_of(self.before))
        return [
            file
            for file in self.changed
            if (FOLDER in file.path.parents or not (ours or file.path == wrapper.PLACE))
            and apply.state(self.root, file) is apply.FileState.CHANGED
            and apply.there(self.root, file.path) != file.text
        ]

    def undertaking(self, unit: Standing | None) -> Undertaking:
        """What is to be done; ``unit`` is how the service stands, None where it is only written."""
        late = unit is not None and self.late(unit)
        return plan.undertaking(self.changed, unit, before=self.before, build=running.build(), late=late)

    def late(self, unit: Standing) -> bool:
        """Whether something that the service reads came into its place after its process had started."""
        if unit.since_us is None:
            return False
        return apply.touched_us(self.root, plan.read_by_service(self.files)) > unit.since_us


@dataclass(frozen=True, slots=True)
class Announced:
    """Who was to hear that the relay is up, and how that went.

    Attributes:
        name: A destination; None where there is no chat and nobody is named.
        outcome: Of telling it.
    """

    name: str | None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Installed:
    """What became of an installation.

    Attributes:
        started: How the relay came up.
        announced: Who heard of it; None where nobody was to.
    """

    started: Started
    announced: Announced | None = None


class Audience(Protocol):
    """Whoever sits before it."""

    def asks(self, step: Step) -> None:
        """The service manager is about to be asked for a step."""
        ...

    def was_refused(self, said: str) -> None:
        """It did not start the service at once, and said so."""
        ...


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
    place = apply.inside(root, wrapper.PLACE)
    itself = Path(running.command()[0]) == wrapper.PLACE
    wraps = not itself and wrapper.is_free(place)
    files = plan.files(handed, command=running.command(), unit=unit_text(UNIT), build=running.build(), wraps=wraps)
    displaced = None if wraps or itself else place
    changed = tuple(apply.changed(root, files))
    return Planned(config, root, files, changed, apply.there(root, DROP_IN), wraps, displaced)


async def start(
    made: Planned,
    undertaking: Undertaking,
    manager: Systemctl,
    clock: Clock,
    *,
    readyz: AskReady | None,
    patience: float,
    audience: Audience,
) -> Installed:
    """Have the service manager start what is written, wait until it is ready, and tell the chat where it is to know.

    Args:
        made: What is written.
        undertaking: What of it is to be done.
        manager: The service manager.
        clock: Measures the patience.
        readyz: Asks the relay; None where it answers nobody.
        patience: Seconds that it may take to be ready.
        audience: Hears what goes on.

    Raises:
        RelayError: A step that comes before the start was not done.
    """
    for step in undertaking.steps:
        audience.asks(step)
        try:
            await asyncio.to_thread(manager.do, step)
        except NotDoneError as error:
            # Whether it came up is asked next, and its own log says better than systemctl why it did not; but where
            # the process is still the one from before, nothing of it is true of what was installed.
            if step not in {Step.START, Step.RESTART} or await asyncio.to_thread(_goes_on, made, manager):
                raise
            audience.was_refused(error.said)
    started = await until_ready(readyz, manager, clock, patience=patience)
    if not (started.ready and undertaking.tells):
        return Installed(started)
    name = announcement.whom(made.config)
    if name is None:
        return Installed(started, Announced(None))
    return Installed(started, Announced(name, await announcement.told(made.config, name, clock)))


def removal(root: Path, manager: Systemctl | None) -> list[Step | Path]:
    """What takes the service away, in order: what is asked of the service manager, and files, as the service sees them.

    Args:
        root: Where it was installed.
        manager: The service manager; None where it is not to be asked.
    """
    there = {path for path in (UNIT_PLACE, DROP_IN) if apply.inside(root, path).exists()}
    if wrapper.is_ours(apply.inside(root, wrapper.PLACE)):
        there.add(wrapper.PLACE)
    return plan.removal(there, None if manager is None else manager.standing)


def carry_out(step: Step | Path, root: Path, manager: Systemctl | None) -> None:
    """Do one step of a removal.

    Raises:
        RelayError: It can't be done; what comes after it is not to be done then.
    """
    if isinstance(step, Step):
        assert manager is not None
        manager.do(step)
        return
    place = apply.inside(root, step)
    try:
        place.unlink()
        if step == DROP_IN and not any(place.parent.iterdir()):
            place.parent.rmdir()
    except OSError as error:
        raise RelayError(f"{place} can't be removed: {why(error)}") from None


def _goes_on(made: Planned, manager: Systemctl) -> bool:
    """Whether the process that runs is one from before what was installed."""
    standing = manager.standing
    return standing.active and made.late(standing)


def _read(place: Path) -> str:
    try:
        return read_text(place, limit=_LARGEST)
    except (OSError, ValueError) as error:
        raise ConfigError(f"the file {place} can't be read: {why(error)}") from None
