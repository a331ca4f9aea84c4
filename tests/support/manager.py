"""A service manager's end of sd_notify: a datagram socket by its path, or by an abstract name."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Manager:
    """What was heard on the socket.

    Attributes:
        name: ``NOTIFY_SOCKET``.
        lines: Every assignment, in order.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: list[str] = []
        self._looked_at = 0
        self._news = asyncio.Event()

    def hear(self, message: bytes) -> None:
        self.lines += message.decode().splitlines()
        self._news.set()

    async def hears(self, beginning: str) -> str:
        """Wait for a line that begins so, after those that were waited for before; the line."""
        async with asyncio.timeout(20):
            while True:
                while self._looked_at < len(self.lines):
                    line = self.lines[self._looked_at]
                    self._looked_at += 1
                    if line.startswith(beginning):
                        return line
                self._news.clear()
                await self._news.wait()

    def count(self, line: str) -> int:
        """How often a line has come."""
        return self.lines.count(line)


@asynccontextmanager
async def managing(name: str) -> AsyncIterator[Manager]:
    """Listen as a service manager does, on a path or on ``@name``."""
    manager = Manager(name)
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name[1:] if name.startswith("@") else name)
        listener.setblocking(False)
        loop.add_reader(listener, lambda: manager.hear(listener.recv(4096)))
        try:
            yield manager
        finally:
            loop.remove_reader(listener)
