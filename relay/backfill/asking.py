"""Asking REST until it answers: the same request again, 1 s doubled to 30 s, or as long as the server says.

A refusal (401, 403) goes up at once. So does, after a few tries, a 4xx to a *narrowed* request: a server that knows no
``timeframe=12H`` will not learn it, and the round must not hang on that for ever. The plain request is never given up.
"""

from __future__ import annotations

from typing import Final, Protocol

from relay.backfill.parts import Part
from relay.backfill.ports import Tools
from relay.backoff import Backoff
from relay.errors import UpstreamError
from relay.events import Channel
from relay.upstream.errors import RestUnavailableError
from relay.upstream.rest import RestPage

FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 30.0
LONGEST_RETRY_AFTER: Final = 300.0
_TRIES: Final = 3
_OPTIONAL_TRIES: Final = 2
_CLIENT_ERROR: Final = "status"  # the upstream's name for a status that says neither "later" nor "not you"

EVERYTHING: Final = Part()


class UnanswerableError(UpstreamError):
    """The server does not take this request, however often it is asked."""


class Watcher(Protocol):
    """Who is told how the asking goes, and may use the time."""

    async def before_request(self) -> None:
        """A request is about to go out."""
        ...

    async def on_trouble(self, error: RestUnavailableError, delay: float) -> None:
        """It failed, and will be repeated in ``delay`` seconds."""
        ...

    def on_answer(self, page: RestPage) -> None:
        """A page came."""
        ...


class Asker:
    """Asks one channel's endpoint on behalf of one round."""

    def __init__(self, tools: Tools, channel: Channel, watcher: Watcher, *, limit: int, window_minutes: int) -> None:
        self._tools = tools
        self._channel = channel
        self._watcher = watcher
        self._window = window_minutes
        self.limit = limit
        self.requests = 0

    async def page(
        self, part: Part, since_id: int | None, *, window_minutes: int | None = None, optional: bool = False
    ) -> RestPage:
        """One answer, however long it takes.

        Args:
            part: What to ask for.
            since_id: Only ids greater than this.
            window_minutes: Instead of the round's own.
            optional: The round can do without it: give up after two attempts.

        Raises:
            UnanswerableError: The server does not take this filter, or an optional request found no answer.
            RestRefusedError: The key may not read this endpoint.
        """
        backoff = Backoff(self._tools.rng, first=FIRST_WAIT, cap=LONGEST_WAIT)
        failures = 0
        while True:
            await self._watcher.before_request()
            self.requests += 1
            try:
                page = await self._tools.rest.page(
                    self._channel,
                    limit=self.limit,
                    window_minutes=window_minutes or self._window,
                    since_id=since_id,
                    filters=part.query,
                )
            except RestUnavailableError as error:
                failures += 1
                trouble = error
            else:
                self._watcher.on_answer(page)
                return page
            delay = pause(backoff.next(), trouble.retry_after)
            await self._watcher.on_trouble(trouble, delay)
            await self._tools.clock.sleep(delay)  # before giving up too: the server asked for it
            if _given_up(part, trouble, failures, optional=optional):
                raise UnanswerableError(str(trouble), hint=trouble.hint) from trouble


def _given_up(part: Part, trouble: RestUnavailableError, failures: int, *, optional: bool) -> bool:
    if optional:
        return failures >= _OPTIONAL_TRIES
    return bool(part.filters) and trouble.reason == _CLIENT_ERROR and failures >= _TRIES


def pause(wait: float, retry_after: float | None) -> float:
    """Seconds until the next attempt: our own wait, or longer where the server asks for it, within reason."""
    return max(wait, min(retry_after or 0.0, LONGEST_RETRY_AFTER))
