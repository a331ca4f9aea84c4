"""What the long benchmarks feed the relay with: an upstream that acknowledges, and sends evenly once it is told to.

    relay ──subscribe──> Feed ──subscribed──> ... begin ──frame(), rate a second, in slices──> done

Each slice sends what is due by then, so that a slow moment is made up for and the rate holds over the whole.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

from websockets.asyncio.server import ServerConnection


class Feed:
    """One connection's upstream.

    Args:
        frame: Makes the next frame.
        rate: Frames a second.
        seconds: For how long.
        slice_seconds: What falls into so much time is sent at once.
        settle: Seconds between the last frame and ``done``: what is under way may come.

    Attributes:
        subscribed: Set once the relay has asked for its channels and they are acknowledged.
        begin: To be set by whoever measures.
        done: Set at the end.
        sent: Frames so far.
        took: Seconds from the first slice to the last.
    """

    def __init__(
        self,
        frame: Callable[[], str | bytes],
        *,
        rate: float,
        seconds: float,
        slice_seconds: float,
        settle: float = 0.0,
    ) -> None:
        self._frame = frame
        self._rate, self._seconds = rate, seconds
        self._slice, self._settle = slice_seconds, settle
        self.subscribed = asyncio.Event()
        self.begin = asyncio.Event()
        self.done = asyncio.Event()
        self.sent = 0
        self.took = 0.0

    async def __call__(self, client: ServerConnection) -> None:
        """Serve the relay's one connection until it is closed."""
        asked = json.loads(await client.recv())
        channels = sorted({topic["channel"] for topic in asked["topics"]})
        await client.send(json.dumps({"type": "subscribed", "seq": "1", "data": {"channels": channels}}))
        self.subscribed.set()
        await self.begin.wait()
        began = time.monotonic()
        for number in range(round(self._seconds / self._slice)):
            for _ in range(round(self._rate * self._slice * (number + 1)) - self.sent):
                frame = self._frame()
                self.sent += 1
                await client.send(frame)
            await asyncio.sleep(max(0.0, began + (number + 1) * self._slice - time.monotonic()))
        self.took = time.monotonic() - began
        await asyncio.sleep(self._settle)
        self.done.set()
        await client.wait_closed()
