"""What both chats have in common: a server on loopback, faults, pages, and a record of what came.

    request ──fault?──> _answer ──Reply──> record (messages, refusals, answers) ──> wait_for, wait_until, on_posted

A chat derives from ``FakeChat`` and says three things: which webhook a path is of, what it answers to a request,
and how a channel looks.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import ClassVar, Final, Generic, Self, TypeVar

from aiohttp import web

from relay.clock import Clock
from relay.simulator.changes import Changes
from relay.simulator.chat.calls import Call, Refusal, Reply
from relay.simulator.chat.faults import Fault, Faults
from relay.simulator.chat.page import index
from relay.simulator.chat.posted import Posted, Webhook

_REFUSALS: Final = 1_000
_TOO_MANY: Final = 429
_REFRESH: Final = 2  # seconds
_CSP: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

P = TypeVar("P", bound=Posted)


class FakeChat(ABC, Generic[P]):
    """A chat on loopback; an async context manager, or ``start`` and ``stop``, which may be repeated.

    Args:
        clock: Tells arrival times, counts rate limits and waits out a fault's delay.
        port: 0 for any free one.
        keep: So many messages are kept, the oldest go; None for all.
        largest: Bytes a request's body may have.
        on_posted: Called with each message as it is taken.

    Attributes:
        brand: What the chat is called.
        messages: What was taken, oldest first.
        posted: How many were taken in all.
        arrived: How many requests came to the API in all.
        answers: How many were answered with each status; 0 for those that got none.
        refusals: The last requests that were not accepted.
        webhooks: By name.
    """

    brand: ClassVar[str]

    def __init__(
        self,
        clock: Clock,
        *,
        port: int = 0,
        keep: int | None = None,
        largest: int = 1_048_576,
        on_posted: Callable[[P], None] | None = None,
    ) -> None:
        self.messages: list[P] = []
        self.posted = 0
        self.arrived = 0
        self.answers: Counter[int] = Counter()
        self.refusals: deque[Refusal] = deque(maxlen=_REFUSALS)
        self.webhooks: dict[str, Webhook] = {}
        self._clock = clock
        self._port = port
        self._keep = keep
        self._largest = largest
        self._on_posted = on_posted
        self._faults = Faults()
        self._changes = Changes()
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen on loopback; a second ``start`` takes the same port."""
        self._stopping.clear()
        app = web.Application(client_max_size=self._largest)
        app.router.add_get("/", self._index)
        app.router.add_get("/channels/{name:.+}", self._channel)
        app.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port, reuse_address=True).start()
        self._runner = runner
        self._port = int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening; what was taken is kept."""
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def page(self) -> str:
        """URL of the list of channels, once started; ``page + "channels/NAME"`` is a channel."""
        return self._at("/")

    def url(self, name: str) -> str:
        """Where to post to, by the webhook's name."""
        return self._at(self.webhooks[name].path)

    @property
    def channels(self) -> list[str]:
        """Names of the channels, in the order they were added."""
        return list(dict.fromkeys(webhook.channel for webhook in self.webhooks.values()))

    @property
    def rate_limited(self) -> int:
        """How many requests were answered with 429."""
        return self.answers[_TOO_MANY]

    def fail_next(self, *faults: Fault | int, webhook: str | None = None) -> None:
        """Let these happen to the next requests, one each, to one webhook or to any. A number is a status."""
        self._faults.add(*faults, webhook=webhook)

    async def wait_for(self, count: int, timeout: float = 10.0) -> None:
        """Return once ``count`` messages have been taken in all.

        Raises:
            TimeoutError: they have not within ``timeout`` real seconds.
        """
        await self._changes.until(lambda: self.posted >= count, timeout)

    async def wait_until(self, holds: Callable[[], bool], timeout: float = 10.0) -> None:
        """Return once ``holds()``; looked at with every request.

        Raises:
            TimeoutError: it did not within ``timeout`` real seconds.
        """
        await self._changes.until(holds, timeout)

    @abstractmethod
    def _webhook_at(self, path: str) -> Webhook | None:
        """The webhook that ``path`` is of."""

    @abstractmethod
    def _answer(self, call: Call, webhook: Webhook | None) -> Reply:
        """Deal with a request."""

    @abstractmethod
    def _fault_reply(self, fault: Fault) -> Reply:
        """What a fault answers."""

    @abstractmethod
    def _render(self, channel: str, messages: Sequence[P], refresh: int) -> str:
        """A channel as HTML."""

    def _left(self, reply: Reply) -> None:
        """An answer was given."""

    def _take(self, message: P) -> None:
        self.messages.append(message)
        self.posted += 1
        if self._keep is not None and len(self.messages) > self._keep:
            del self.messages[0]
        if self._on_posted is not None:
            self._on_posted(message)

    def _add(self, webhook: Webhook) -> str:
        if self._port == 0:
            raise RuntimeError("a webhook's url is known once the chat has started, or with a port of its own")
        if webhook.name in self.webhooks:
            raise ValueError(f"there is a webhook {webhook.name!r} already")
        self.webhooks[webhook.name] = webhook
        return self._at(webhook.path)

    def _at(self, path: str) -> str:
        return f"http://127.0.0.1:{self._port}{path}"

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body: bytes | None = None
        with suppress(web.HTTPRequestEntityTooLarge):
            body = await request.read()
        self.arrived += 1
        at = self._clock.monotonic()
        webhook = self._webhook_at(request.path)
        name = None if webhook is None else webhook.name
        fault = self._faults.take(name)
        call = Call(request.method, request.path, request.query, request.headers, body)
        reply = self._answer(call, webhook) if fault is None or fault.after else self._fault_reply(fault)
        if fault is not None and fault.after:
            fault, reply = (fault, self._fault_reply(fault)) if reply.taken else (None, reply)
        silent = fault is not None and fault.silent
        self.answers[0 if silent else reply.status] += 1
        if silent or not reply.taken:
            self.refusals.append(Refusal(name, at, reply, body or b""))
        if not silent:
            self._left(reply)
        self._changes.notify()
        if fault is not None:
            await self._suffer(fault, request)
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)

    async def _suffer(self, fault: Fault, request: web.Request) -> None:
        if fault.delay:
            await self._clock.sleep(fault.delay)
        if fault.hang:
            await self._stopping.wait()
        elif fault.reset and request.transport is not None:
            request.transport.abort()

    async def _index(self, _request: web.Request) -> web.Response:
        return _html(index(self.channels, self.messages, title=self.brand, refresh=_REFRESH))

    async def _channel(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.channels:
            raise web.HTTPNotFound
        here = [message for message in self.messages if message.channel == name]
        return _html(self._render(name, here, _REFRESH))


def _html(text: str) -> web.Response:
    headers = {"Content-Security-Policy": _CSP, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(text=text, content_type="text/html", headers=headers)
