"""One GET of the vendor's API, and what an answer other than 200 means.

    get(path, params) ──HTTP──> Answer | RestUnavailableError
    Answer ──refusal──> RestRefusedError (401, 403) | RestUnavailableError (all the rest)

One call is one request. Redirects are not followed (the key goes nowhere else), an answer is read up to a cap, and no
text that is told holds the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import aiohttp
import msgspec

from relay.clock import Clock
from relay.retry_after import parse_retry_after
from relay.secret import Secret
from relay.upstream.access import USER_AGENT, AuthStyle, auth_headers, clean, environment_proxy
from relay.upstream.decide import MISSING_SCOPE, vendor_code
from relay.upstream.errors import RestRefusedError, RestUnavailableError, Unavailability
from relay.upstream.unreachable import why_unreachable

NOT_THE_API: Final = "Something on the way answers in the API's place: look at a proxy, and at stratalerts.rest_url."

_LONGEST_WAIT: Final = 86_400.0
_NO_PARAMS: Final[Mapping[str, str]] = MappingProxyType({})


class Answer(msgspec.Struct, frozen=True):
    """What came back.

    Attributes:
        status: The HTTP status.
        body: All of it, decompressed.
        date: The header ``Date``, None where it is missing.
        retry_after: The header ``Retry-After``, None where it is missing.
    """

    status: int
    body: bytes
    date: str | None = None
    retry_after: str | None = None


class Getter:
    """Asks the API.

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
        auth: AuthStyle,
        timeout: float,
        max_answer: int,
    ) -> None:
        self._url = url.rstrip("/")
        self._key = api_key
        self._session = session
        self._clock = clock
        self._auth = auth
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._max_answer = max_answer
        self._proxy = environment_proxy(url)

    async def get(self, path: str, params: Mapping[str, str] = _NO_PARAMS) -> Answer:
        """Ask once.

        Args:
            path: Below the base, with its slash; what is odd in it is percent-encoded already.
            params: The query.

        Raises:
            RestUnavailableError: No answer, or one that is too long.
        """
        headers = {**auth_headers(self._key, self._auth), "Accept": "application/json", "User-Agent": USER_AGENT}
        try:
            async with self._session.get(
                self._url + path,
                params=params,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
                proxy=self._proxy,
            ) as answer:
                body = await self._read(answer)
                return Answer(answer.status, body, answer.headers.get("Date"), answer.headers.get("Retry-After"))
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

    def refusal(self, answer: Answer, scope: str) -> RestUnavailableError | RestRefusedError:
        """What an answer other than 200 means.

        Args:
            answer: What came back.
            scope: What a key needs for the endpoint.
        """
        status, code = answer.status, vendor_code(answer.body)
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return _refused(scope, status, code)
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
        return RestUnavailableError(reason, said, hint=hint, retry_after=self._wait_asked(answer.retry_after))

    def _wait_asked(self, retry_after: str | None) -> float | None:
        """Seconds that a ``Retry-After`` header asks for, a day at most: an outage must not last longer than that."""
        seconds = parse_retry_after(retry_after, self._clock.now_us())
        return None if seconds is None else min(seconds, _LONGEST_WAIT)


def _refused(scope: str, status: int, code: str | None) -> RestRefusedError:
    said = f"HTTP {status}{f', {code}' if code else ''}"
    if code == MISSING_SCOPE:
        hint = f"Add the scope {scope} to the API key."
    elif status == HTTPStatus.UNAUTHORIZED:
        hint = "Check stratalerts.api_key, or the file that api_key_file names."
    else:
        hint = f"Check that the account has an API entitlement and that the key has the scope {scope}."
    return RestRefusedError(code or f"http_{status}", scope, f"the upstream refused the key ({said})", hint=hint)
