"""A dead man's switch: somebody outside is asked again and again while the relay works, and notices when that ends.

    ready? store writes? lanes move? ──yes──> GET url, every ``every`` ──> whatever it answers
                                     └─no───> nothing goes out, until all of it is so again

Whether a lane moves is decided where the watchdog asks, too: ``lane_signs`` and ``Movement``. Nothing of the url but
its host is ever told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import structlog

from relay.clock import Clock
from relay.config.model import Config, Heartbeat
from relay.deliveries import State
from relay.delivery.dispatcher import Dispatcher
from relay.delivery.signs import lane_signs
from relay.destinations.answer import Failure, succeeded
from relay.destinations.http import USER_AGENT, HttpClient, Request
from relay.document.addresses import parse_url
from relay.errors import StoreBusyError
from relay.outbox.base import Outbox
from relay.turning import Movement, Sign
from relay.upstream.throttle import LogThrottle
from relay.web.desk import Readiness

_log = structlog.get_logger()

TIMEOUT: Final = 10.0
_LOOK_SECONDS: Final = 1.0


class Vital(Protocol):
    """Who knows whether the relay works."""

    def healthy(self) -> tuple[bool, list[str]]:
        """Whether the store writes; where not, why."""
        ...

    def ready(self) -> Readiness:
        """Whether alerts can flow."""
        ...


class Heart:
    """Beats while the relay works.

    Args:
        config: The config of now; without ``heartbeat`` nothing is asked.
        vital: Whether it is ready, and the store writes.
        dispatcher: The lanes.
        outbox: What waits for them.
        client: Asks.
        clock: Paces it.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        vital: Vital,
        dispatcher: Dispatcher,
        outbox: Outbox,
        *,
        client: HttpClient,
        clock: Clock,
    ) -> None:
        self._config = config
        self._vital = vital
        self._dispatcher = dispatcher
        self._outbox = outbox
        self._client = client
        self._clock = clock
        self._movement = Movement()
        self._throttle = LogThrottle(clock)
        self._withheld = True

    async def run(self) -> None:
        """Beat for ever: at once when the relay is ready first, or again, or has another url."""
        beating: Heartbeat | None = None
        due = 0.0
        while True:
            settings = self._config().heartbeat
            now = self._clock.monotonic()
            if settings is not None and (settings != beating or now >= due) and await self._works():
                beating, due = settings, now + settings.every
                await self._ask(settings)
            left = due - self._clock.monotonic()
            await self._clock.sleep(min(_LOOK_SECONDS, left) if left > 0 else _LOOK_SECONDS)

    async def _works(self) -> bool:
        why = await self._ailing()
        if why and not self._withheld:
            _log.warning("heartbeat withheld", reason=why)
        elif self._withheld and not why:
            _log.info("heartbeat begins")
        self._withheld = bool(why)
        return not why

    async def _ailing(self) -> str:
        """Why the relay does not work; empty where it does."""
        healthy, reasons = self._vital.healthy()
        if not healthy:
            return "; ".join(reasons)
        readiness = self._vital.ready()
        if not readiness.ready:
            return "; ".join(readiness.reasons)
        try:
            stuck = self._movement.stuck(await self._signs(), self._clock.monotonic())
        except StoreBusyError as error:
            return f"queues can't be read: {error}"
        return f"lanes stand still: {', '.join(stuck)}" if stuck else ""

    async def _signs(self) -> dict[str, Sign]:
        stats = await self._outbox.stats()
        waiting = [name for name, queue in stats.items() if queue.counts.get(State.PENDING, 0) > 0]
        return lane_signs(self._dispatcher.lanes, self._config().destinations, waiting)

    async def _ask(self, settings: Heartbeat) -> None:
        url = parse_url(settings.url.reveal())
        answer = await self._client.exchange(Request("GET", url, {"User-Agent": USER_AGENT}, b"", TIMEOUT))
        if isinstance(answer, Failure):
            code, detail = answer.code, answer.detail
        elif succeeded(answer.status):
            return
        else:
            code, detail = str(answer.status), "not a 2xx; redirects are not followed"
        held_back = self._throttle.admit(code)
        if held_back is not None:
            _log.warning("heartbeat failed", code=code, detail=detail, more=held_back)
