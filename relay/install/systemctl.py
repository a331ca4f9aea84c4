"""The service manager, asked by its own commands.

Step ──do──> done | NotDoneError, with what it said
     standing, ended ──> how the service stands        log ──readable──> its last lines, for a person
"""

from __future__ import annotations

import json
import shutil
import subprocess  # of systemd's own commands, without a shell  # nosec B404
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from relay.errors import RelayError
from relay.install.plan import SERVICE, Standing, Step
from relay.redaction import redact

_BOOTED: Final = Path("/run/systemd/system")  # sd_booted(3)
_PATIENCE: Final = 330.0  # seconds; a start may take the 5 minutes of TimeoutStartSec
_LOG_LINES: Final = 15
_ACTIVE: Final = frozenset({"active", "reloading"})  # as `systemctl is-active` takes them
_EPOCH: Final = datetime.fromtimestamp(0, tz=UTC)


class Ended(NamedTuple):
    """How a service that does not run stands.

    Attributes:
        state: Like ``failed``.
        code: What its process ended with; None where it never ran.
    """

    state: str
    code: int | None


class NotDoneError(RelayError):
    """systemd did not do what it was asked.

    Attributes:
        said: Its own words.
    """

    def __init__(self, step: Step, said: str) -> None:
        super().__init__(f"`{step.command}` did not work: {said}", hint="Mend that, and run this again.")
        self.said = said


class Systemctl:
    """Speaks to systemd.

    Args:
        program: The command.
        journal: The one that shows logs; None where there is none.
    """

    def __init__(self, program: str, journal: str | None = None) -> None:
        self._program = program
        self._journal = journal

    def do(self, step: Step) -> None:
        """Ask for one step.

        Raises:
            NotDoneError: It was not done.
            RelayError: The command itself does not work.
        """
        done = self._run(self._program, *step.value)
        if done.returncode != 0:
            raise NotDoneError(step, redact(" ".join(done.stderr.split()) or f"exit code {done.returncode}"))

    @property
    def standing(self) -> Standing:
        """How the service stands."""
        told = self._show("ActiveState", "NeedDaemonReload", "ExecMainStartTimestamp")
        return Standing(
            active=told["ActiveState"] in _ACTIVE if "ActiveState" in told else self.active,
            enabled=self.enabled,
            unread=told.get("NeedDaemonReload") == "yes",
            since_us=instant_us(told.get("ExecMainStartTimestamp", "")),
        )

    @property
    def active(self) -> bool:
        """Whether it runs."""
        return self._run(self._program, "is-active", "--quiet", SERVICE).returncode == 0

    @property
    def enabled(self) -> bool:
        """Whether it starts with the machine."""
        return self._run(self._program, "is-enabled", "--quiet", SERVICE).returncode == 0

    def ended(self) -> Ended:
        """How it stands, where it does not run."""
        told = self._show("ActiveState", "ExecMainStatus", "ExecMainPID")
        status = told.get("ExecMainStatus", "")
        ran = told.get("ExecMainPID", "0") != "0"
        return Ended(told.get("ActiveState", "unknown"), int(status) if ran and status.isdecimal() else None)

    def log(self) -> list[str]:
        """Its last lines, for a person; none where the journal can't be read."""
        if self._journal is None:
            return []
        shown = self._run(self._journal, "--unit", SERVICE, "--lines", str(_LOG_LINES), "--no-pager", "--output", "cat")
        return [redact(readable(line)) for line in shown.stdout.splitlines()]

    def _show(self, *properties: str) -> dict[str, str]:
        """Properties of it by name, times in µs and UTC; none where it does not tell them."""
        shown = self._run(self._program, "show", SERVICE, f"--property={','.join(properties)}", "--timestamp=us+utc")
        return dict(line.partition("=")[::2] for line in shown.stdout.splitlines())

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(  # noqa: S603  because it is systemd's command with words of our own  # nosec B603
                command, capture_output=True, text=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RelayError(f"`{' '.join(command)}` did not work: {type(error).__name__}") from None


def systemctl(*, booted: bool) -> Systemctl | None:
    """The service manager's command; None where there is none.

    Args:
        booted: Want one that runs this machine, not just its command.
    """
    program = shutil.which("systemctl")
    if program is None or (booted and not _BOOTED.is_dir()):
        return None
    return Systemctl(program, shutil.which("journalctl"))


def instant_us(told: str) -> int | None:
    """``Sun 2026-11-22 16:28:27.104512 UTC`` in µs since 1970; None where it is no such time."""
    try:
        instant = datetime.fromisoformat(told.partition(" ")[2].replace(" UTC", "+00:00"))
        return (instant - _EPOCH) // timedelta(microseconds=1)
    except (TypeError, ValueError):  # without a zone it can't be compared
        return None


def readable(line: str) -> str:
    """A line of the log for a person: of JSON the event first, then what is said with it."""
    try:
        told = json.loads(line)
    except ValueError:
        return line
    if not isinstance(told, dict) or "event" not in told:
        return line
    said = {key: value for key, value in told.items() if key not in {"event", "level", "timestamp"} and value != ""}
    return " ".join([f"{told.get('level', 'info')}: {told['event']}", *(f"{key}={said[key]}" for key in said)])
