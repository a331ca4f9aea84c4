"""What `relay install` writes and asks of systemd, decided before anything is touched. Pure.

    Handover, command, version ──files──> unit, drop-in, config, credentials, environment, wrapper: each with its mode
    what differs, how the service stands ──undertaking──> files; daemon-reload, enable, start | restart | nothing;
      and whether it has read what is there                whether the chat hears that the relay is up
    what is there, how it stands         ──removal──> disable, the files that go, daemon-reload

What holds always: what others may read holds no secret; a second run over what the first has left does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from relay.config import environment, surroundings
from relay.install import wrapper
from relay.install.handover import Handover
from relay.placing import CLOSED, OPEN, PROGRAM, File, Shown
from relay.units import CONFIG, STATE

SERVICE: Final = "relay"
FOLDER: Final = CONFIG.parent
ENVIRONMENT: Final = FOLDER / surroundings.ENVIRONMENT
UNIT_PLACE: Final = Path("/etc/systemd/system/relay.service")
DROP_IN: Final = Path("/etc/systemd/system/relay.service.d/10-credentials.conf")

_ROOT: Final = 0
_EXEC_START: Final = re.compile(r"^ExecStart=.*$", re.MULTILINE)
_STAMP: Final = re.compile(r"^# Written by `relay install` of stratalerts-relay (\S+)\.$", re.MULTILINE)
_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9_@%+=:,./-]+", re.ASCII)


class Step(Enum):
    """What is asked of the service manager; the words of `systemctl`."""

    RELOAD = ("daemon-reload",)
    ENABLE = ("enable", SERVICE)
    START = ("enable", "--now", SERVICE)
    RESTART = ("restart", SERVICE)
    STOP = ("stop", SERVICE)
    DISABLE = ("disable", "--now", SERVICE)

    @property
    def command(self) -> str:
        """As a person would type it."""
        return f"systemctl {' '.join(self.value)}"


@dataclass(frozen=True, slots=True)
class Standing:
    """How the service stands.

    Attributes:
        active: It runs.
        enabled: It starts with the machine.
        unread: The service manager has not read its unit as it is now.
        since_us: When its process started, in µs since 1970; None where none ever did, or that is not told.
    """

    active: bool
    enabled: bool
    unread: bool = False
    since_us: int | None = None


NOWHERE: Final = Standing(active=False, enabled=False)
"""Where nothing was installed yet."""


@dataclass(frozen=True, slots=True)
class Undertaking:
    """What is to be done.

    Attributes:
        files: To be written, in this order.
        steps: To be asked of the service manager then, in this order.
        tells: The chat hears that the relay is up: it was not, or it was another one.
    """

    files: tuple[File, ...]
    steps: tuple[Step, ...]
    tells: bool


def files(handed: Handover, *, command: Sequence[str], unit: str, build: str, wraps: bool) -> tuple[File, ...]:
    """Every file, by its path as the service sees it, in the order in which they are put in place; all are root's.

    Args:
        handed: The config and what goes with it.
        command: What starts the relay.
        unit: The unit as it is shipped.
        build: Which relay it is.
        wraps: A wrapper puts it on the PATH.
    """
    secrets = [
        _closed(FOLDER / name, f"{value.reveal()}\n", Shown.SECRET) for name, value in handed.credentials.items()
    ]
    if handed.variables:
        revealed = {name: value.reveal() for name, value in handed.variables.items()}
        secrets.append(_closed(ENVIRONMENT, environment.written(revealed), Shown.VARIABLES))
    return (
        *secrets,
        *(_open(FOLDER / name, text) for name, text in handed.beside.items()),
        _open(CONFIG, handed.text, Shown.CONFIG),
        _open(UNIT_PLACE, unit_with(unit, command)),
        _open(DROP_IN, "".join(f"{line}\n" for line in _drop_in(handed, build))),
        *([_wrapper(command)] if wraps else []),
    )


def unit_with(unit: str, command: Sequence[str]) -> str:
    """The unit, started by ``command``."""
    start = " ".join(map(_word, (*command, "-c", str(CONFIG), "run")))
    return _EXEC_START.sub(lambda _: f"ExecStart={start}", unit)


def build_of(drop_in: str) -> str:
    """Which relay wrote a drop-in; empty where none did."""
    found = _STAMP.search(drop_in)
    return found[1] if found else ""


def undertaking(
    changed: Sequence[File], unit: Standing | None, *, before: str, build: str, late: bool = False
) -> Undertaking:
    """What is to be done, be it foretold or done: what an earlier run has written and not brought to its end, too.

    Args:
        changed: The files that are not as they should be.
        unit: How the service stands; None where it is only written.
        before: The drop-in as it was; empty where there was none.
        build: Which relay it is now.
        late: Something that the service reads came into its place after its process had started.
    """
    asked = () if unit is None else tuple(_asked({file.path for file in read_by_service(changed)}, unit, late=late))
    another = unit is not None and (not unit.active or build_of(before) != build)
    return Undertaking(tuple(changed), asked, tells=bool(asked) and another)


def removal(there: Collection[Path], unit: Standing | None) -> list[Step | Path]:
    """What takes the service away, in order: it has stopped before its unit goes. Config and store stay.

    Args:
        there: The files of it that are there.
        unit: How the service stands; None where it is not to be touched.
    """
    gone = [path for path in (UNIT_PLACE, DROP_IN) if path in there]
    last = [path for path in (wrapper.PLACE,) if path in there]
    if unit is None:
        return [*gone, *last]
    ends: list[Step] = []
    if UNIT_PLACE in there or unit.enabled:
        ends = [Step.DISABLE]
    elif unit.active:  # somebody has removed its unit, and systemctl disables no unit that it can't find
        ends = [Step.STOP]
    return [*ends, *gone, *([Step.RELOAD] if gone else []), *last]


def read_by_service(files: Iterable[File]) -> list[File]:
    """Those that make another service: it does not go through the wrapper."""
    return [file for file in files if file.path != wrapper.PLACE]


def _asked(changed: Collection[Path], unit: Standing, *, late: bool) -> Iterator[Step]:
    """What to ask of the service manager, so that the service runs, starts with the machine, and has what is there."""
    if unit.unread or {UNIT_PLACE, DROP_IN} & set(changed):
        yield Step.RELOAD
    if not unit.active:
        yield Step.START
        return
    if not unit.enabled:
        yield Step.ENABLE
    if late or unit.unread or changed:
        yield Step.RESTART


def _closed(path: Path, text: str, shown: Shown) -> File:
    return File(path, text, CLOSED, _ROOT, shown)


def _open(path: Path, text: str, shown: Shown = Shown.PLAIN) -> File:
    return File(path, text, OPEN, _ROOT, shown)


def _wrapper(command: Sequence[str]) -> File:
    return File(wrapper.PLACE, wrapper.text_of(command, config=CONFIG, state=STATE), PROGRAM, _ROOT)


def _drop_in(handed: Handover, build: str) -> Iterator[str]:
    yield f"# Written by `relay install` of stratalerts-relay {build}."
    yield "# The next one writes it anew; lines of your own go elsewhere: systemctl edit relay"
    yield "[Service]"
    yield "LoadCredential="
    for name in handed.credentials:
        yield f"LoadCredential={name}:{FOLDER / name}"
    if handed.variables:
        yield f"EnvironmentFile={ENVIRONMENT}"


def _word(word: str) -> str:
    """A word as ``ExecStart`` reads it (systemd.service(5), "Command lines")."""
    escaped = word.replace("%", "%%").replace("$", "$$")
    if _PLAIN_WORD.fullmatch(escaped):
        return escaped
    return '"' + escaped.replace("\\", "\\\\").replace('"', '\\"') + '"'
