"""One page of alerts over REST.

    page(channel, limit, window, since_id, filters) ──GET──> RestPage | RestUnavailableError | RestRefusedError

One call is one request: paging, splitting and waiting are the backfill's. An item that is no event is counted and
passed over, but its id still moves the greatest id, or a broken newest item would be fetched for ever. Redirects are
not followed (the key goes nowhere else) and an answer is read up to a cap. Source: the vendor's alerts page.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import aiohttp
import msgspec

from relay.clock import MICROS, Clock
from relay.events import Channel, Event
from relay.retry_after import parse_date, parse_retry_after
from relay.secret import Secret
from relay.upstream.access import SCOPES, USER_AGENT, AuthStyle, auth_headers, clean, environment_proxy
from relay.upstream.decide import MISSING_SCOPE, vendor_code
from relay.upstream.decode import decode_event, peek_id
from relay.upstream.errors import DecodeError, RestRefusedError, RestUnavailableError, Unavailability
from relay.upstream.unreachable import why_unreachable

PATHS: Final[Mapping[Channel, str]] = {
    Channel.IN_FORCE: "/alerts/in-force",
    Channel.BREAKS: "/alerts/simultaneous-breaks",
}

MAX_ANSWER: Final = 32 << 20
"""Bytes of an answer beyond which it is not read."""

_LONGEST_WAIT: Final = 86_400.0
_NO_FILTERS: Final[Mapping[str, str]] = MappingProxyType({})


class RestPage(msgspec.Struct, frozen=True):
    """What one call brought.

    Attributes:
        items: The events, in the server's order.
        size: How many items the answer had, those that are no events included.
        rejected: How many of them are no events.
        greatest_id: The greatest id among all items; None where none has one.
        server_time_us: The server's ``Date``, whole seconds in µs since the epoch; None where it gave none.
    """

    items: tuple[Event, ...]
    size: int
    rejected: int
    greatest_id: int | None
    server_time_us: int | None


class _Answer(msgspec.Struct):
    items: list[msgspec.Raw]


_decode_answer = msgspec.json.Decoder(_Answer).decode


class Rest:
    """The alert endpoints.

    Args:
        url: The API's base, ``https://…/api/market/v1``.
        api_key: Goes into a header of every request and nowhere else.
        session: Whose connections are used; it stays the caller's to close.
        clock: Tells how far off a ``Retry-After`` date is.
        auth: Which header carries the key.
        timeout: Seconds for a whole call.
        max_answer: Bytes of an answer, decompressed, beyond which it is given up.
    """

    def __init__(
        self,
        url: str,
        api_key: Secret,
        *,
        session: aiohttp.ClientSession,
        clock: Clock,
        auth: AuthStyle = AuthStyle.BEARER,
        timeout: float = 30.0,
        max_answer: int = MAX_ANSWER,
    ) -> None:
        self._url = url.rstrip("/")
        self._key = api_key
        self._session = session
        self._clock = clock
        self._auth = auth
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._max_answer = max_answer
        self._proxy = environment_proxy(url)

    async def page(
        self,
        channel: Channel,
        *,
        limit: int,
        window_minutes: int,
        since_id: int | None = None,
        filters: Mapping[str, str] = _NO_FILTERS,
    ) -> RestPage:
        """Ask for at most ``limit`` alerts of the last ``window_minutes`` with an id above ``since_id``.

        Args:
            channel: One of the two alert channels.
            limit: Items wanted; the server may give fewer.
            window_minutes: How far back.
            since_id: None or 0 asks for all.
            filters: Further parameters: ``timeframe``, ``direction``, ``cc`` and ``symbols``, or ``threshold``.

        Raises:
            RestUnavailableError: No usable answer; it may come later.
            RestRefusedError: 401 or 403.
        """
        params = {"limit": str(limit), "window_minutes": str(window_minutes), **filters}
        if since_id:
            params["since_id"] = str(since_id)
        body, server_time_us = await self._get(channel, params)
        return _page(channel, self._items(body), server_time_us)

    async def _get(self, channel: Channel, params: Mapping[str, str]) -> tuple[bytes, int | None]:
        headers = {**auth_headers(self._key, self._auth), "Accept": "application/json", "User-Agent": USER_AGENT}
        try:
            async with self._session.get(
                self._url + PATHS[channel],
                params=params,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
                proxy=self._proxy,
            ) as answer:
                body = await self._read(answer)
                if answer.status == HTTPStatus.OK:
                    return body, _date_us(answer.headers.get("Date"))
                raise self._refusal(channel, answer.status, body, answer.headers.get("Retry-After"))
        except TimeoutError as error:
            raise RestUnavailableError(Unavailability.TIMEOUT, f"no answer within {self._timeout.total:g} s") from error
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            text = clean(why_unreachable(error, self._url), self._key)
            raise RestUnavailableError(Unavailability.CONNECTION, text) from error

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > self._max_answer:
                said = f"the answer is longer than {self._max_answer} bytes"
                raise RestUnavailableError(Unavailability.OVERSIZED, said)
        return bytes(body)

    def _refusal(
        self, channel: Channel, status: int, body: bytes, retry_after: str | None
    ) -> RestUnavailableError | RestRefusedError:
        code = vendor_code(body)
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return _refused(channel, status, code)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            reason = Unavailability.RATE_LIMITED
        elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            reason = Unavailability.SERVER_ERROR
        elif HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            reason = Unavailability.REDIRECT
        else:
            reason = Unavailability.STATUS
        misled = reason in {Unavailability.REDIRECT, Unavailability.STATUS}
        hint = "Look at stratalerts.rest_url; redirects are not followed." if misled else ""
        said = f"the upstream answered HTTP {status}{f', {code}' if code else ''}"
        return RestUnavailableError(reason, said, hint=hint, retry_after=self._wait_asked(retry_after))

    def _wait_asked(self, retry_after: str | None) -> float | None:
        """Seconds that a ``Retry-After`` header asks for, a day at most: an outage must not last longer than that."""
        seconds = parse_retry_after(retry_after, self._clock.now_us())
        return None if seconds is None else min(seconds, _LONGEST_WAIT)

    def _items(self, body: bytes) -> list[msgspec.Raw]:
        try:
            return _decode_answer(body).items
        except msgspec.ValidationError as error:
            raise RestUnavailableError(Unavailability.NO_ITEMS, f"the answer has no list of items ({error})") from error
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            hint = "Something on the way answers in the API's place: look at a proxy, and at stratalerts.rest_url."
            raise RestUnavailableError(Unavailability.NOT_JSON, "the answer is not JSON", hint=hint) from error


def _page(channel: Channel, raws: list[msgspec.Raw], server_time_us: int | None) -> RestPage:
    """The page in ``raws``.

    Raises:
        RestUnavailableError: Not one of its items is an alert: that is no answer of this API.
    """
    items: list[Event] = []
    greatest: int | None = None
    for raw in raws:
        data = bytes(raw)
        try:
            event = decode_event(channel, data, lenient=True)
        except DecodeError:
            found = peek_id(data)
        else:
            items.append(event)
            found = event.id
        if found is not None and (greatest is None or found > greatest):
            greatest = found
    if raws and not items:
        raise RestUnavailableError(Unavailability.NO_ITEMS, f"none of the answer's {len(raws)} items is an alert")
    return RestPage(tuple(items), len(raws), len(raws) - len(items), greatest, server_time_us)


def _refused(channel: Channel, status: int, code: str | None) -> RestRefusedError:
    scope = SCOPES[channel]
    said = f"HTTP {status}{f', {code}' if code else ''}"
    if code == MISSING_SCOPE:
        hint = f"Add the scope {scope} to the API key."
    elif status == HTTPStatus.UNAUTHORIZED:
        hint = "Check stratalerts.api_key."
    else:
        hint = f"Check that the account has an API entitlement and that the key has the scope {scope}."
    return RestRefusedError(code or f"http_{status}", scope, f"the upstream refused the key ({said})", hint=hint)


def _date_us(text: str | None) -> int | None:
    moment = parse_date(text or "")
    return None if moment is None else int(moment.timestamp()) * MICROS
