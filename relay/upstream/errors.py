"""What can go wrong with something the upstream sent; part of the one tree in ``relay.errors``."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from relay.errors import UpstreamError

_SYMBOL_SHOWN: Final = 64


class RejectReason(StrEnum):
    """Why a frame or an item could not be used; a metric label, so the set is closed."""

    NOT_JSON = "not_json"
    NOT_OBJECT = "not_object"
    OVERSIZED = "oversized"
    WRONG_TYPE = "wrong_type"
    UNIDENTIFIABLE = "unidentifiable"
    QUEUE_FULL = "queue_full"  # nothing wrong with it: the store was too slow, and REST brings it again
    UNSTORABLE = "unstorable"  # it looked well, and the store refuses it all the same
    REST_ITEM = "rest_item"  # an item of a REST answer, whatever is wrong with it


class Unavailability(StrEnum):
    """Why a REST call brought nothing this time; the set is closed."""

    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    REDIRECT = "redirect"
    STATUS = "status"
    OVERSIZED = "oversized"
    NOT_JSON = "not_json"
    NO_ITEMS = "no_items"
    NO_SNAPSHOT = "no_snapshot"
    CLOSED = "closed"  # nobody asked: the relay is on its way out


class DecodeError(UpstreamError):
    """An object is no event.

    Attributes:
        reason: Which kind of wrong.
    """

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class RestError(UpstreamError):
    """A REST call did not bring what was asked for."""


class RestUnavailableError(RestError):
    """It may work later: 429, 5xx, time-out, no connection, a redirect, or an answer that is not the API's.

    Attributes:
        reason: Which of these it was.
        retry_after: Seconds the server asks us to wait, or None where it did not say.
    """

    def __init__(
        self, reason: Unavailability, message: str, *, hint: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.retry_after = retry_after


class RestRefusedError(RestError):
    """401 or 403: this key may not read this endpoint, until somebody changes that.

    Attributes:
        code: The vendor's error code (``missing_scope``), or ``http_401`` / ``http_403`` where it gave none.
        scope: The scope that the endpoint needs.
    """

    def __init__(self, code: str, scope: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.scope = scope


class UnknownSymbolError(RestError):
    """404 ``unknown_symbol``: the upstream does not track it.

    Attributes:
        symbol: As it was asked for, upper case.
    """

    def __init__(self, symbol: str) -> None:
        shown = "".join(char if char.isprintable() else " " for char in symbol[:_SYMBOL_SHOWN])
        super().__init__(f"the upstream tracks no symbol {shown!r}")
        self.symbol = symbol
