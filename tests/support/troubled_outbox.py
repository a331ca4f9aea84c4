"""The outbox in memory, with the troubles of a real one: answers that come late, writes that wait, errors."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from tests.support.memory_outbox import Memory, MemoryOutbox

_WRITES: Final = frozenset({"commit", "ack", "retry", "bury", "expire", "drop_older", "switch", "hold", "decide"})
_READS: Final = frozenset({"claim", "claim_key", "claim_parked", "next_parked_us", "destination", "deciding"})


class TroubledOutbox(MemoryOutbox):
    """Troubles are set by the name of a call, and may be taken away at any time.

    Attributes:
        errors: Raised by the next calls, one each.
        late: The call does its work at once, but its answer comes only when the event is set.
        stuck: The call does its work only when the event is set, even if its caller is gone by then.
        calls: How often each was called.
    """

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.errors: defaultdict[str, deque[Exception]] = defaultdict(deque)
        self.late: dict[str, asyncio.Event] = {}
        self.stuck: dict[str, asyncio.Event] = {}
        self.calls: Counter[str] = Counter()
        self._tasks: set[asyncio.Future[Any]] = set()

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        return self._troubled(name, value) if name in _WRITES | _READS else value

    def _troubled(
        self, name: str, method: Callable[..., Coroutine[Any, Any, Any]]
    ) -> Callable[..., Coroutine[Any, Any, Any]]:
        async def call(*positional: object, **named: object) -> object:
            self.calls[name] += 1
            if self.errors[name]:
                raise self.errors[name].popleft()
            if name not in self.late and name not in self.stuck:
                return await method(*positional, **named)
            task = asyncio.ensure_future(work(*positional, **named))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return await asyncio.shield(task)

        async def work(*positional: object, **named: object) -> object:
            if name in self.stuck:
                await self.stuck[name].wait()
            answer = await method(*positional, **named)
            if name in self.late:
                await self.late[name].wait()
            return answer

        return call
