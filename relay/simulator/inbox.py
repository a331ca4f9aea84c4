"""A webhook receiver on loopback that writes down what arrives and answers as it is told.

    POST /any/path ──> Received (headers, body, times, answer) ──> received, wait_for, duplicates

What counts as delivered is what was answered with a 2xx; the same ``webhook-id`` delivered again on the same path is a
duplicate. It serves without routes or middleware, because it also stands at the end of load tests.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

import msgspec
from aiohttp import web

from relay.clock import Clock
from relay.simulator.changes import Changes

_SUCCESS: Final = 2  # hundreds
DEFAULT: Final = "*"  # the path whose answers hold where a path has none of its own


class Answer(msgspec.Struct, frozen=True):
    """How the inbox answers a request.

    Attributes:
        status: HTTP status.
        headers: Further headers.
        body: The answer's body.
        delay: Seconds of the clock before it answers.
        hang: Never answer.
        reset: Abort the TCP connection instead of answering.
    """

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""
    delay: float = 0.0
    hang: bool = False
    reset: bool = False

    @property
    def delivered(self) -> bool:
        """Whether the sender learns that it was taken."""
        return self.status // 100 == _SUCCESS and not (self.hang or self.reset)


class Received(msgspec.Struct, frozen=True):
    """A request that arrived.

    Attributes:
        path: Its path.
        webhook_id: Its ``webhook-id``, empty where it has none.
        headers: By lower-case name.
        body: As sent.
        at: Monotonic seconds.
        at_us: µs since the epoch.
        status: What it is answered with; 0 for nothing.
        duplicate: Its id was delivered on this path before.
    """

    path: str
    webhook_id: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    at_us: int
    status: int
    duplicate: bool


class Inbox:
    """A webhook receiver; an async context manager, or ``start`` and ``stop``, which may be repeated.

    Args:
        clock: Tells arrival times and waits out an answer's delay.
        keep: So many requests are kept whole, the oldest go; None for all. Counts and ids are kept in any case.
        port: 0 for any free one.
        on_received: Called with each request as it arrives.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        keep: int | None = None,
        port: int = 0,
        on_received: Callable[[Received], None] | None = None,
    ) -> None:
        self.received: deque[Received] = deque(maxlen=keep)
        self.arrived = 0
        self.delivered: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._clock = clock
        self._port = port
        self._on_received = on_received
        self._answers: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self._standing: dict[str, Answer] = {}
        self._changes = Changes()
        self._stopping = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def url(self, path: str = "/hook") -> str:
        """Where to send to, once started."""
        return f"http://127.0.0.1:{self._port}{path}"

    async def start(self) -> None:
        """Listen on loopback; a second ``start`` takes the same port."""
        self._stopping.clear()
        runner = web.ServerRunner(
            web.Server(self._handle, access_log=None, handler_cancellation=True), shutdown_timeout=1.0
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port, reuse_address=True).start()
        self._runner = runner
        self._port = int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening; what arrived is kept."""
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def answer(self, *answers: Answer | int, path: str = DEFAULT) -> None:
        """Answer the next requests with these, one each; after them as before. A number is a status."""
        self._answers[path].extend(Answer(given) if isinstance(given, int) else given for given in answers)

    def always(self, answer: Answer | int, path: str = DEFAULT) -> None:
        """Answer from now on with this, once what ``answer`` asked for is used up."""
        self._standing[path] = Answer(answer) if isinstance(answer, int) else answer

    @property
    def unique(self) -> int:
        """How many different ids were delivered, each path for itself."""
        return sum(len(ids) for ids in self.delivered.values())

    @property
    def duplicates(self) -> int:
        """How often an id was delivered again on the same path."""
        return sum(sum(ids.values()) - len(ids) for ids in self.delivered.values())

    def times_delivered(self, webhook_id: str, path: str) -> int:
        """How often this id was delivered on this path."""
        return self.delivered[path].get(webhook_id, 0)

    def at(self, path: str) -> list[Received]:
        """What arrived on a path, oldest first."""
        return [received for received in self.received if received.path == path]

    async def wait_for(self, count: int, timeout: float = 10.0) -> None:
        """Return once ``count`` requests have arrived in all.

        Raises:
            TimeoutError: they have not within ``timeout`` real seconds.
        """
        await self._changes.until(lambda: self.arrived >= count, timeout)

    async def wait_until(self, holds: Callable[[], bool], timeout: float = 10.0) -> None:
        """Return once ``holds()``; looked at with every arrival.

        Raises:
            TimeoutError: it did not within ``timeout`` real seconds.
        """
        await self._changes.until(holds, timeout)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        path = request.path
        answer = self._next_answer(path)
        webhook_id = request.headers.get("webhook-id", "")
        ids = self.delivered[path]
        received = Received(
            path=path,
            webhook_id=webhook_id,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
            at=self._clock.monotonic(),
            at_us=self._clock.now_us(),
            status=0 if answer.hang or answer.reset else answer.status,
            duplicate=webhook_id in ids,
        )
        self.arrived += 1
        self.received.append(received)
        if self._on_received is not None:
            self._on_received(received)
        if answer.delay:
            self._changes.notify()
            await self._clock.sleep(answer.delay)
        if webhook_id and answer.delivered:  # a sender that gave up during the delay learnt nothing
            ids[webhook_id] = ids.get(webhook_id, 0) + 1
        self._changes.notify()
        if answer.hang:
            await self._stopping.wait()
        elif answer.reset and request.transport is not None:
            request.transport.abort()
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    def _next_answer(self, path: str) -> Answer:
        for key in (path, DEFAULT):
            if self._answers[key]:
                return self._answers[key].popleft()
        return self._standing.get(path) or self._standing.get(DEFAULT) or _TAKEN


_TAKEN: Final = Answer()
