"""One page of alerts over REST.

    page(channel, limit, window, since_id, filters) ──GET──> RestPage | RestUnavailableError | RestRefusedError

One call is one request: paging, splitting and waiting are the backfill's. An item that is no event is counted and
passed over, but its id still moves the greatest id, or a broken newest item would be fetched for ever. One that is
nested beyond what can be read is taken without its depths, and what a careless writer put in and JSON lacks (NaN,
half a surrogate) is mended, so that it keeps no other from being fetched. How it is asked, and what a refusal means, is
``get``'s. Source: the vendor's alerts page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import aiohttp
import msgspec

from relay.clock import MICROS, Clock
from relay.events import Channel, Event
from relay.retry_after import parse_date
from relay.secret import Secret
from relay.upstream.access import SCOPES, AuthStyle
from relay.upstream.decode import decode_event, peek_id
from relay.upstream.errors import DecodeError, RestUnavailableError, Unavailability
from relay.upstream.get import NOT_THE_API, Getter
from relay.values import mended, shallow

PATHS: Final[Mapping[Channel, str]] = {
    Channel.IN_FORCE: "/alerts/in-force",
    Channel.BREAKS: "/alerts/simultaneous-breaks",
}

MAX_ANSWER: Final = 32 << 20
"""Bytes of an answer beyond which it is not read."""

_DEEPEST: Final = 800  # levels that a decoder reads on any stack
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


_decode_answer: Final = msgspec.json.Decoder(_Answer).decode


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
        self._getter = Getter(
            url, api_key, session=session, clock=clock, auth=auth, timeout=timeout, max_answer=max_answer
        )

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
        answer = await self._getter.get(PATHS[channel], params)
        if answer.status != HTTPStatus.OK:
            raise self._getter.refusal(answer, SCOPES[channel])
        return _page(channel, await _items_in(answer.body), _date_us(answer.date))


async def _items_in(body: bytes) -> list[msgspec.Raw]:
    try:
        return _items(body)
    except RecursionError:
        pass
    except RestUnavailableError as error:
        if error.reason is not Unavailability.NOT_JSON:
            raise
    return await asyncio.to_thread(_items_mended, body)  # the loop turns meanwhile: it may be large


def _items_mended(body: bytes) -> list[msgspec.Raw]:
    return _items(shallow(mended(body), _DEEPEST))


def _items(body: bytes) -> list[msgspec.Raw]:
    try:
        return _decode_answer(body).items
    except msgspec.ValidationError as error:
        raise RestUnavailableError(Unavailability.NO_ITEMS, f"the answer has no list of items ({error})") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise RestUnavailableError(Unavailability.NOT_JSON, "the answer is not JSON", hint=NOT_THE_API) from error


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


def _date_us(text: str | None) -> int | None:
    moment = parse_date(text or "")
    return None if moment is None else int(moment.timestamp()) * MICROS
