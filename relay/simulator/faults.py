"""Whatever can go wrong upstream, on demand.

a test, the control endpoint, a schedule ──> Faults ──┬── what happens to open connections, at once
                                                      ├── mangle      asked by the feed about every data frame
                                                      ├── refusal     asked by the upgrade
                                                      └── rest_fault  asked by every REST call
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol

import msgspec
from aiohttp import WSMsgType

from relay.clock import Clock
from relay.simulator.access import CLOSE_EVICTED

GARBAGE: Final[dict[str, tuple[bytes, WSMsgType]]] = {
    "not-json": (b"<html>bad gateway</html>", WSMsgType.TEXT),
    "empty": (b"", WSMsgType.TEXT),
    "array": (b'["type","alert.in_force"]', WSMsgType.TEXT),
    "number": (b"42", WSMsgType.TEXT),
    "binary": (bytes(range(256)), WSMsgType.BINARY),
    "bad-utf8": (b'{"type":"\xff\xfe"}', WSMsgType.TEXT),
    "deep": (b"[" * 50_000, WSMsgType.TEXT),
    "wrong-types": (b'{"type":7,"ts":[],"seq":{},"data":"no"}', WSMsgType.TEXT),
    "null-data": (b'{"type":"alert.in_force","ts":null,"seq":null,"data":null}', WSMsgType.TEXT),
    "wrong-fields": (b'{"type":"alert.in_force","data":{"id":{},"symbol":[],"price":"dear"}}', WSMsgType.TEXT),
    "oversized": (b'{"type":"quote","data":{"symbol":"' + b"A" * (5 << 20) + b'"}}', WSMsgType.TEXT),
}

REST_FAULTS: Final = ("401", "403", "429", "500", "502", "503", "html", "json", "items", "slow", "hang", "reset")
REFUSALS: Final = ("401", "403", "500", "502", "503")

Frame = tuple[bytes, WSMsgType]


class Target(Protocol):
    """A live connection, as faults see it."""

    def drop(self) -> None:
        """Abort the TCP connection."""
        ...

    def end(self, code: int, reason: str) -> None:
        """Close it with a close frame."""
        ...

    def silence(self, *, on: bool) -> None:
        """Keep it open, and neither read nor write."""
        ...

    def put(self, frame: Frame) -> None:
        """Send a frame as it is."""
        ...


class RestFault(msgspec.Struct):
    """One trouble with REST: ``times`` answers long or until a monotonic time, whichever ends first."""

    kind: str
    path: str
    times: int | None
    until: float | None
    value: float


class RefuseUpgrade(msgspec.Struct):
    """A refused upgrade; ``vendor`` says whether it has the vendor's error body or a proxy's page."""

    status: int
    vendor: bool
    times: int | None
    until: float | None


class Faults:
    """The faults in force. All methods are to be called on the event loop."""

    def __init__(
        self, clock: Clock, targets: Callable[[], Iterable[Target]], later: Callable[[float, Callable[[], None]], None]
    ) -> None:
        self._clock = clock
        self._targets = targets
        self._later = later
        self._rest: list[RestFault] = []
        self._refuse: RefuseUpgrade | None = None
        self._swallow = self._repeat = self._reorder = 0

    def drop(self) -> None:
        """Abort the TCP of every connection."""
        for target in self._targets():
            target.drop()

    def evict(self) -> None:
        """Close as if another client of the account had connected."""
        self.close(CLOSE_EVICTED, "evicted by a newer connection")

    def close(self, code: int = 1012, reason: str = "") -> None:
        """Close every connection with a close frame."""
        for target in self._targets():
            target.end(code, reason)

    def silence(self, seconds: float | None = None) -> None:
        """Make the open connections half-open: no frames, no pongs; what is sent meanwhile is lost. None: for ever."""
        silent = list(self._targets())
        for target in silent:
            target.silence(on=True)

        def speak() -> None:
            for target in silent:
                target.silence(on=False)

        if seconds is not None:
            self._later(seconds, speak)

    def garbage(self, kind: str) -> None:
        """Send one frame of ``GARBAGE`` to every connection.

        Raises:
            KeyError: there is no such kind.
        """
        for target in self._targets():
            target.put(GARBAGE[kind])

    def swallow(self, frames: int = 1) -> None:
        """Count the next data frames in ``seq`` and don't send them."""
        self._swallow = frames

    def repeat(self, frames: int = 1) -> None:
        """Send each of the next data frames twice."""
        self._repeat = frames

    def reorder(self, frames: int = 2) -> None:
        """Send the next data frames in reverse, once there are so many."""
        self._reorder = frames

    def refuse(
        self, status: int = 503, *, vendor: bool = False, times: int | None = None, seconds: float | None = None
    ) -> None:
        """Refuse upgrades; for ever where neither ``times`` nor ``seconds`` is given."""
        self._refuse = RefuseUpgrade(status, vendor, times, self._until(seconds))

    def rest(
        self, kind: str, *, path: str = "", times: int | None = None, seconds: float | None = None, value: float = 0.0
    ) -> None:
        """Spoil REST answers; for ever where neither ``times`` nor ``seconds`` is given.

        Args:
            kind: One of ``REST_FAULTS``: a status with the vendor's body; ``html``, ``json`` (cut short) or ``items``
                (missing) with status 200; ``slow`` answers; ``hang``; ``reset`` of the TCP connection.
            path: Only where the URL's path contains this.
            times: So many answers.
            seconds: So long.
            value: Seconds to be slow, or of ``Retry-After``.

        Raises:
            ValueError: there is no such kind.
        """
        if kind not in REST_FAULTS:
            raise ValueError(f"no such fault of REST: {kind}; there are {', '.join(REST_FAULTS)}")
        self._rest.append(RestFault(kind, path, times, self._until(seconds), value))

    def clear(self) -> None:
        """All is well again, for whatever comes."""
        self._rest.clear()
        self._refuse = None
        self._swallow = self._repeat = self._reorder = 0

    def mangle(self, frame: Frame, held: list[Frame]) -> list[Frame]:
        """What is sent in place of a data frame; ``held`` is the connection's own memory of frames to come later."""
        if self._swallow:
            self._swallow -= 1
            return []
        if self._repeat:
            self._repeat -= 1
            return [frame, frame]
        if self._reorder:
            self._reorder -= 1
            held.append(frame)
            if self._reorder:
                return []
            frames = held[::-1]
            held.clear()
            return frames
        return [frame]

    @property
    def mangles(self) -> bool:
        """Whether ``mangle`` has anything to do."""
        return bool(self._swallow or self._repeat or self._reorder)

    def refusal(self) -> RefuseUpgrade | None:
        """How this upgrade is refused; None to let it in."""
        fault = self._refuse
        if fault is None or not self._lasts(fault):
            self._refuse = None
            return None
        return fault

    def rest_fault(self, path: str) -> RestFault | None:
        """What befalls this call; None for nothing."""
        for fault in list(self._rest):
            if fault.path not in path:
                continue
            if self._lasts(fault):
                return fault
            self._rest.remove(fault)
        return None

    def _until(self, seconds: float | None) -> float | None:
        return None if seconds is None else self._clock.monotonic() + seconds

    def _lasts(self, fault: RestFault | RefuseUpgrade) -> bool:
        """Whether it is still in force; counts one use."""
        if fault.until is not None and self._clock.monotonic() >= fault.until:
            return False
        if fault.times is not None:
            fault.times -= 1
            return fault.times >= 0
        return True
