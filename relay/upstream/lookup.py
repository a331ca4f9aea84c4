"""A symbol's state over REST, asked as seldom as possible.

    snapshot(symbol) ──> known? ──no──> under way? ──no──> room for one more? ──> hold over? ──GET──> Snapshot
                          │ 60 s          │ wait for that one                       │
                          └───────────────┴─────────────────────────────────────────┴──> or an error of upstream.errors
    known(symbol)    tries again until it knows; for callers who bring a deadline of their own
    facts(symbol)    the sector, which is good for a day

What holds always: one request a symbol under way, however many ask; nobody's leaving fails another; nothing runs that
nobody waits for. Eight requests are under way at once; one without an answer for 2 s makes room for another and goes on
to its time-out of 10 s, 64 altogether (``relay.upstream.rooms``): symbols that get no answer starve no other. A 429, or
a 503 that names a time, holds every request: who asks meanwhile waits, and gives up by a deadline of its own. An
unknown symbol and a refused key are remembered as long as a snapshot, so that a flood of alerts does not hammer.
Source: the vendor's states page.
"""

from __future__ import annotations

import random
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import aiohttp
import msgspec
import structlog

from relay.assets import future_root
from relay.backoff import Backoff
from relay.clock import Clock
from relay.events import Channel, symbol_root
from relay.secret import Secret
from relay.states import Snapshot, SnapshotError, snapshot_of
from relay.upstream.access import SCOPES, AuthStyle
from relay.upstream.decide import vendor_code
from relay.upstream.errors import RestRefusedError, RestUnavailableError, Unavailability, UnknownSymbolError
from relay.upstream.flights import Flights
from relay.upstream.get import NOT_THE_API, Answer, Getter
from relay.upstream.hold import FIRST_WAIT, LONGEST_WAIT, Hold
from relay.upstream.recent import Recent
from relay.upstream.rooms import Rooms
from relay.upstream.throttle import LogThrottle

_log = structlog.get_logger()

TTL: Final = 60.0
"""Seconds for which a snapshot, an unknown symbol and a refusal are taken as they were."""

FACTS_TTL: Final = 86_400.0
MOST_SYMBOLS: Final = 4096
ROOM: Final = 16 << 20
"""Bytes of all snapshots kept together; of the vendor's size, a kilobyte or two, that is every symbol there is."""

TIMEOUT: Final = 10.0
MAX_SNAPSHOT: Final = 1 << 20

_UNKNOWN: Final = "unknown_symbol"
_SCOPE: Final = SCOPES[Channel.STATES]
_LONGEST_SYMBOL: Final = 64
_PLAIN: Final = "!="  # stay as they are in a path, besides letters, digits and ``-._~``
_FRONT: Final = ("1!", "=F")  # how the vendor's pages spell the front contract: in breaks, and in its universe


class Facts(msgspec.Struct, frozen=True):
    """What hardly changes of an instrument.

    Attributes:
        sector: As the upstream spells it; None where it tells none.
    """

    sector: str | None


class Lookup:
    """The endpoint ``/states/{symbol}``.

    Args:
        url: The API's base, ``https://…/api/market/v1``.
        api_key: Goes into a header of every request and nowhere else.
        session: Whose connections are used; it stays the caller's to close.
        clock: Ages what is remembered, and waits.
        rng: Throws the dice of the back-off.
        auth: Which header carries the key.
        timeout: Seconds for a whole request.
    """

    def __init__(
        self,
        url: str,
        api_key: Secret,
        *,
        session: aiohttp.ClientSession,
        clock: Clock,
        rng: random.Random,
        auth: AuthStyle = AuthStyle.BEARER,
        timeout: float = TIMEOUT,
    ) -> None:
        self._getter = Getter(
            url, api_key, session=session, clock=clock, auth=auth, timeout=timeout, max_answer=MAX_SNAPSHOT
        )
        self._clock = clock
        self._rng = rng
        self._recent: Recent[Snapshot] = Recent(clock, ttl=TTL, most=MOST_SYMBOLS, room=ROOM)
        self._unknown: Recent[bool] = Recent(clock, ttl=TTL, most=MOST_SYMBOLS, room=ROOM)
        self._facts: Recent[Facts] = Recent(clock, ttl=FACTS_TTL, most=MOST_SYMBOLS, room=ROOM)
        self._spelt: Recent[str] = Recent(clock, ttl=FACTS_TTL, most=MOST_SYMBOLS, room=ROOM)
        self._asking: Flights[Snapshot] = Flights()
        self._insisting: Flights[Snapshot] = Flights()
        self._rooms = Rooms(clock)
        self._hold = Hold(clock, rng)
        self._throttle = LogThrottle(clock)
        self._refusal: RestRefusedError | None = None
        self._refused_until = clock.monotonic()

    @property
    def refusal(self) -> RestRefusedError | None:
        """Why the key may not look states up, since it was last refused; None where it never was, or may again."""
        return self._refusal

    def forget_refusal(self) -> None:
        """Ask anew, where the key was refused: somebody may have added the scope."""
        self._refusal = None

    async def snapshot(self, symbol: str) -> Snapshot:
        """The symbol as it stands, at most a minute old; one attempt.

        Under a hold it waits for its end, which may be a day away: bring a deadline.

        Args:
            symbol: In any case. A future is found by either spelling of its front contract, ``ES1!`` and ``ES=F``.

        Raises:
            UnknownSymbolError: The upstream does not track it.
            RestRefusedError: 401 or 403, now or within the last minute.
            RestUnavailableError: No usable answer; it may come later.
        """
        name = symbol.strip().upper()
        for spelling in self._spellings(name):
            try:
                found = self._recent.get(spelling) or await self._ask(spelling)
            except UnknownSymbolError:
                continue
            if spelling != name:
                self._spelt.put(name, spelling)
            if found.sector is not None:
                self._facts.put(name, Facts(found.sector), len(found.sector))
            return found
        raise UnknownSymbolError(name)

    async def known(self, symbol: str) -> Snapshot:
        """The symbol as it stands, asked for again and again until the upstream tells: bring a deadline.

        Raises:
            UnknownSymbolError: The upstream does not track it.
            RestRefusedError: 401 or 403, now or within the last minute.
            RestUnavailableError: ``close`` was called.
        """
        name = symbol.strip().upper()
        return await self._insisting.join(name, lambda: self._insist(name))

    async def facts(self, symbol: str) -> Facts:
        """The instrument's facts: those of the last day, else those of ``known``, with its errors.

        A sector is good for a day; that none was told is good for no longer than the snapshot that did not.
        """
        name = symbol.strip().upper()
        return self._facts.get(name) or Facts((await self.known(name)).sector)

    async def close(self) -> None:
        """End what is under way; who waits gets a ``RestUnavailableError``."""
        await self._insisting.close()
        await self._asking.close()

    def _spellings(self, name: str) -> tuple[str, ...]:
        """How the upstream may call it, the likeliest first."""
        if not _askable(name):
            return ()
        root = future_root(name)
        if root is None or name not in (fronts := tuple(root + suffix for suffix in _FRONT)):
            return (name,)
        return tuple(sorted(fronts, key=lambda spelling: spelling != (self._spelt.get(name) or name)))

    async def _insist(self, name: str) -> Snapshot:
        backoff = Backoff(self._rng, first=FIRST_WAIT, cap=LONGEST_WAIT)
        while True:
            try:
                return await self.snapshot(name)
            except RestUnavailableError as error:
                if error.reason is Unavailability.CLOSED:
                    raise
                if not _holds(error):  # else the hold is the wait
                    await self._clock.sleep(backoff.next())

    async def _ask(self, spelling: str) -> Snapshot:
        if self._unknown.get(spelling):
            raise UnknownSymbolError(spelling)
        self._raise_refusal()
        return await self._asking.join(spelling, lambda: self._request(spelling))

    async def _request(self, spelling: str) -> Snapshot:
        async with self._rooms.place() as place:
            await self._hold.over()
            self._raise_refusal()  # another's request may have learnt it while this one waited
            place.asks()
            episode = self._hold.episode
            try:
                found = self._read(spelling, await self._getter.get(f"/states/{quote(spelling, safe=_PLAIN)}"))
            except RestUnavailableError as error:
                self._troubled(error, episode)
                raise
            except RestRefusedError as error:
                self._refused(error)
                raise
            except UnknownSymbolError:
                self._answered()
                self._unknown.put(spelling, value=True)
                raise
        self._answered()
        self._recent.put(spelling, found, len(found.data))
        return found

    def _read(self, spelling: str, answer: Answer) -> Snapshot:
        if answer.status == HTTPStatus.NOT_FOUND and vendor_code(answer.body) == _UNKNOWN:
            raise UnknownSymbolError(spelling)
        if answer.status != HTTPStatus.OK:
            raise self._getter.refusal(answer, _SCOPE)
        try:
            found = snapshot_of(answer.body)
        except SnapshotError as error:
            raise RestUnavailableError(Unavailability.NO_SNAPSHOT, str(error), hint=NOT_THE_API) from error
        if found.symbol and _root(found.symbol) != _root(spelling):
            raise RestUnavailableError(Unavailability.NO_SNAPSHOT, "a snapshot of another symbol", hint=NOT_THE_API)
        return found

    def _answered(self) -> None:
        self._hold.reset()
        self._refusal = None

    def _troubled(self, error: RestUnavailableError, episode: int) -> None:
        if _holds(error):
            self._hold.begin(error.retry_after, episode)
        held_back = self._throttle.admit(error.reason)
        if held_back is not None:
            more = {"held_back": held_back} if held_back else {}
            _log.warning("a state can't be looked up", reason=error.reason.value, error=str(error), **more)

    def _refused(self, error: RestRefusedError) -> None:
        self._refusal = _again(error)
        self._refused_until = self._clock.monotonic() + TTL
        if self._throttle.admit("refused") is not None:
            _log.warning("looking states up is refused", scope=error.scope, error=str(error), hint=error.hint)

    def _raise_refusal(self) -> None:
        if self._refusal is not None and self._clock.monotonic() < self._refused_until:
            raise _again(self._refusal)


def _holds(error: RestUnavailableError) -> bool:
    """Whether the server asks all of us for patience."""
    return error.reason is Unavailability.RATE_LIMITED or (
        error.reason is Unavailability.SERVER_ERROR and error.retry_after is not None
    )


def _again(error: RestRefusedError) -> RestRefusedError:
    """The same, to be raised anew: what was raised once carries where."""
    return RestRefusedError(error.code, error.scope, str(error), hint=error.hint)


def _root(name: str) -> str:
    """The same for every spelling of a front future: ``ES`` of ``ES1!``, ``ES=F`` and ``/ES=F``; others unchanged."""
    return symbol_root(name.removeprefix("/"))


def _askable(name: str) -> bool:
    """Whether it can be a symbol, and stands for itself in a path."""
    return 0 < len(name) <= _LONGEST_SYMBOL and name.isprintable() and bool(name.strip("."))
