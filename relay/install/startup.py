"""After the start: whether the service comes up, and what it means where it does not.

readyz, is-active ──until_ready──> Started: ready, or what keeps it, or that it ended
exit code ──meaning──> a sentence that says what to do
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from relay.clock import Clock
from relay.errors import Exit, RelayError
from relay.install.systemctl import Ended

_POLL: Final = 0.25
_ENDING: Final = "deactivating"

_MEANING: Final[Mapping[int, str]] = {
    Exit.FAILED: "it ended by itself; the last lines of its log say why",
    Exit.USAGE: "its command line is wrong: is another relay than this one installed there?",
    Exit.EVICTED: "another relay of this account took the connection over; stop that one, then: systemctl start relay",
    Exit.STORE: "its store can't be used; docs/store.md says what helps",
    Exit.LOCKED: "another relay holds its store or its port; stop that one, then: systemctl start relay",
    Exit.REJECTED: "the upstream refused the key; put one that is accepted where api_key_file names it, then: "
    "systemctl restart relay",
    Exit.CONFIG: "the service can't use its config; the log names each fault",
    203: "systemd could not start the command; is it there, and may others than root run it?",
    226: "systemd could not set up what the unit asks for; is the kernel or the container too restricted?",
    243: "systemd could not read a credential; is each file that 10-credentials.conf names there?",
}
"""By what the process ended with: the relay's own codes, and those of systemd.exec(5), "Process exit codes"."""


AskReady: TypeAlias = Callable[[], Awaitable[Mapping[str, object] | None]]
"""What ``/readyz`` says; None where nobody answers yet."""


class Unit(Protocol):
    """The service, as systemd tells of it."""

    @property
    def active(self) -> bool:
        """Whether it runs."""
        ...

    def ended(self) -> Ended:
        """How it stands, where it does not."""
        ...


@dataclass(frozen=True, slots=True)
class Started:
    """How it came up.

    Attributes:
        ready: Alerts can flow, or as far as can be told it runs.
        reasons: What keeps it from being ready, a sentence each.
        ended: It does not run, and how that stands; None where it does.
    """

    ready: bool
    reasons: tuple[str, ...] = ()
    ended: Ended | None = None


def meaning(code: int | None) -> str:
    """What an exit code means, and what to do; ``code`` is None where it never ran."""
    if code is None:
        return "it was not started: systemctl status relay says why"
    return _MEANING.get(code, "the last lines of its log say why")


async def until_ready(readyz: AskReady | None, unit: Unit, clock: Clock, *, patience: float) -> Started:
    """Wait until the service is ready.

    Args:
        readyz: Asks the relay. Without one only systemd is asked.
        unit: The service.
        clock: Measures the patience.
        patience: Seconds after which it is told what it waits for.
    """
    deadline = clock.monotonic() + patience
    while True:
        late = clock.monotonic() >= deadline
        if await asyncio.to_thread(lambda: unit.active):
            started = await _look(readyz)
            if started.ready or late:
                return started
        else:
            ended = await asyncio.to_thread(unit.ended)
            if late or ended.state != _ENDING:  # how it ends is not known before it has
                return Started(ready=False, ended=ended)
        await clock.sleep(_POLL)


async def _look(readyz: AskReady | None) -> Started:
    """Whether a service that runs is ready."""
    if readyz is None:
        return Started(ready=True)
    try:
        told = await readyz()
    except RelayError as error:  # something else answers there, or what answers is about to go
        told = {"reasons": [str(error)]}
    return Started(ready=told is not None and told.get("ready") is True, reasons=_reasons(told))


def _reasons(told: Mapping[str, object] | None) -> tuple[str, ...]:
    if told is not None and told.get("ready") is True:
        return ()
    reasons = None if told is None else told.get("reasons")
    if isinstance(reasons, list) and reasons:
        return tuple(map(str, reasons))
    return ("it runs, and does not answer on http.listen yet",)
