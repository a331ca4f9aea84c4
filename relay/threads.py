"""A call that blocks, and may never come back, in a thread that holds up nobody: not the loop, and not the exit.

asyncio's own pool is for work that ends: the interpreter waits for its threads before it exits, and whoever hangs in
one keeps a place in it. A thread of this kind is left behind instead.

``ResolvingLoop`` looks names up in such threads: a name server that does not answer blocks ``getaddrinfo`` for up to
half a minute and more, and nothing ends that call.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

_T = TypeVar("_T")

RESOLVING_AT_ONCE: Final = 64
"""Names looked up at once, those included that nobody waits for any more; the next one waits for a place."""


class ResolvingLoop(asyncio.SelectorEventLoop):
    """An event loop whose look-ups of names hold up neither its pool nor its end."""

    def __init__(self) -> None:
        super().__init__()
        self._resolving = asyncio.Semaphore(RESOLVING_AT_ONCE)

    async def getaddrinfo(self, host: bytes | str | None, port: bytes | str | int | None, **hints: int) -> list[Any]:
        """``socket.getaddrinfo``; with no thread left it is as if the name server were busy (``EAI_AGAIN``)."""

        def resolve() -> list[Any]:
            try:
                return socket.getaddrinfo(host, port, **hints)
            finally:  # not before: a look-up that was given up has its thread still
                _tell(self, self._resolving.release)

        await self._resolving.acquire()
        try:
            found = call_in_daemon(resolve, name="relay-resolve")
        except RuntimeError as error:
            self._resolving.release()
            raise socket.gaierror(socket.EAI_AGAIN, "no thread left to look the name up") from error
        return await found


def call_in_daemon(call: Callable[[], _T], *, name: str) -> asyncio.Future[_T]:
    """What ``call`` returns or raises, once it has; cancelled, or let go of, the call itself goes on unheard.

    Args:
        call: Must share nothing with the loop that it may not.
        name: The thread's.

    Raises:
        RuntimeError: The system has no thread left.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_T] = loop.create_future()
    answer.add_done_callback(_looked_at)

    def run() -> None:
        try:
            found = call()
        except BaseException as error:  # noqa: BLE001  because whatever ends the call is for who waits for it
            _tell(loop, _fail, answer, error)
        else:
            _tell(loop, _succeed, answer, found)

    threading.Thread(target=run, name=name, daemon=True).start()
    return answer


def _tell(loop: asyncio.AbstractEventLoop, how: Callable[..., None], *what: object) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(how, *what)


def _succeed(answer: asyncio.Future[_T], found: _T) -> None:
    if not answer.done():
        answer.set_result(found)


def _fail(answer: asyncio.Future[_T], error: BaseException) -> None:
    if not answer.done():
        # A future takes no StopIteration, and an exit that a foreign call asks for is not the loop's.
        foreign = isinstance(error, StopIteration) or not isinstance(error, Exception)
        answer.set_exception(RuntimeError(f"it ended with {type(error).__name__}") if foreign else error)


def _looked_at(answer: asyncio.Future[_T]) -> None:
    """Nobody may be there any more to look: that is no reason for a warning."""
    if not answer.cancelled():
        answer.exception()
