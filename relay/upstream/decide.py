"""What a lost, refused or failed connection means: the one place that decides it.

    close code · refused upgrade · error ──> Decision(RECONNECT | REJECTED | EVICTED, a sentence, a hint)

Only the vendor can say that a key is no good: by its own close codes, or by its error body on the upgrade. A bare
401 or 403 is a proxy's, and a proxy recovers. Everything that is not listed reconnects. Source: the vendor's
WebSocket page for the codes, its REST pages for the body.
"""

from __future__ import annotations

import re
import socket
import ssl
from enum import StrEnum
from http import HTTPStatus
from typing import Final

import msgspec
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidProxyStatus, InvalidStatus

MISSING_SCOPE: Final = "missing_scope"

_NO_KEY: Final = 4401
_NOT_ENTITLED: Final = 4403
_EVICTED: Final = 4409
_VENDORS: Final = frozenset({_NO_KEY, _NOT_ENTITLED, _EVICTED})
_TOO_BIG: Final = 1009
_PING_TIMEOUT: Final = 1011
_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)

_KEY_HINT: Final = (
    "Check stratalerts.api_key, or the file that api_key_file names, against the keys of your account; "
    "it may have been revoked or replaced."
)
_ENTITLEMENT_HINT: Final = (
    "Check that the account has an active API entitlement and that the key has the scope ws:connect."
)
_EVICTED_HINT: Final = (
    "An account has one connection. Stop the other instance, or set stratalerts.on_evicted: standby on this one."
)
_PROXY_HINT: Final = "The answer is not the vendor's: look at a proxy on the way, and at stratalerts.websocket_url."
_TLS_HINT: Final = "Check this machine's clock and its certificate authorities, and any proxy that opens TLS."


class Action(StrEnum):
    """What the reader does about it."""

    RECONNECT = "reconnect"
    REJECTED = "rejected"
    EVICTED = "evicted"


class Decision(msgspec.Struct, frozen=True):
    """What became of a connection and what follows.

    Attributes:
        action: What to do.
        error: What happened, one sentence without a full stop.
        hint: What the operator can do about it, or empty.
    """

    action: Action
    error: str
    hint: str = ""


def decide_close(code: int | None, reason: str = "", *, current: bool = True) -> Decision:
    """Decide about a connection that was open.

    Args:
        code: The close code the server sent; None where the connection broke without one.
        reason: The text it sent along.
        current: False for a connection we had given up before the server closed it.
    """
    said = f": {reason}" if reason else ""
    if code == _NO_KEY:
        return Decision(Action.REJECTED, f"the upstream rejected the key (close code {code}{said})", _KEY_HINT)
    if code == _NOT_ENTITLED:
        error = f"the key lacks the entitlement or the scope ws:connect (close code {code}{said})"
        return Decision(Action.REJECTED, error, _ENTITLEMENT_HINT)
    if code == _EVICTED and current:
        error = f"another instance took over the account's connection (close code {code}{said})"
        return Decision(Action.EVICTED, error, _EVICTED_HINT)
    if code is None:
        return Decision(Action.RECONNECT, "the connection broke without a close frame")
    return Decision(Action.RECONNECT, f"the upstream closed the connection (close code {code}{said})")


def decide_refusal(status: int, body: bytes = b"") -> Decision:
    """Decide about an upgrade that was answered with ``status`` and ``body`` instead of 101."""
    code = vendor_code(body)
    if status == HTTPStatus.UNAUTHORIZED and code is not None:
        return Decision(Action.REJECTED, f"the upstream rejected the key (HTTP {status}, {code})", _KEY_HINT)
    if status == HTTPStatus.FORBIDDEN and code is not None:
        error = f"the key lacks the entitlement or the scope ws:connect (HTTP {status}, {code})"
        return Decision(Action.REJECTED, error, _ENTITLEMENT_HINT)
    said = f", {code}" if code is not None else ""
    hint = _PROXY_HINT if code is None and status < HTTPStatus.INTERNAL_SERVER_ERROR else ""
    return Decision(Action.RECONNECT, f"the upgrade was refused (HTTP {status}{said})", hint)


def decide(error: Exception, *, current: bool = True) -> Decision:
    """Decide about whatever ended a connection or an attempt at one."""
    if isinstance(error, InvalidStatus):
        return decide_refusal(error.response.status_code, bytes(error.response.body or b""))
    if isinstance(error, ConnectionClosed):
        # The vendor's word counts even where it crossed a close of ours: nobody but another instance evicts us.
        if error.sent is not None and _closed_here(error) and (error.rcvd is None or error.rcvd.code not in _VENDORS):
            return Decision(Action.RECONNECT, _ours(error.sent.code, error.sent.reason))
        code, reason = (error.rcvd.code, error.rcvd.reason) if error.rcvd is not None else (None, "")
        return decide_close(code, reason, current=current)
    return _decide_failure(error)


def too_big(error: ConnectionClosed) -> bool:
    """Whether the connection ended because a message passed the size that we take."""
    return _closed_here(error) and error.sent is not None and error.sent.code == _TOO_BIG


def vendor_code(body: bytes) -> str | None:
    """The ``error.code`` of the vendor's error body, or None where ``body`` is not one."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    error = answer.get("error") if isinstance(answer, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(code, str):
        return None
    return code if _CODE.fullmatch(code) else "unreadable_code"


def _closed_here(error: ConnectionClosed) -> bool:
    return error.rcvd is None or error.rcvd_then_sent is False


def _ours(code: int, reason: str) -> str:
    if code == _TOO_BIG:
        return "a message was too big, so the connection was closed"
    if code == _PING_TIMEOUT:
        return "the upstream stopped answering pings"
    return f"the connection was closed from here (close code {code}{f': {reason}' if reason else ''})"


def _decide_failure(error: Exception) -> Decision:
    hint = ""
    if isinstance(error, TimeoutError):
        text = "no answer in time to the connection attempt"
    elif isinstance(error, socket.gaierror):
        text = f"the upstream's name could not be resolved ({error.strerror or error})"
    elif isinstance(error, ssl.SSLError):
        why = getattr(error, "verify_message", None) or getattr(error, "reason", None) or error
        text, hint = f"TLS failed ({why})", _TLS_HINT
    elif isinstance(error, ConnectionRefusedError):
        text = "the upstream refused the connection"
    elif isinstance(error, InvalidProxyStatus):
        text = f"the proxy refused the connection (HTTP {error.response.status_code})"
    elif isinstance(error, InvalidMessage):
        broke = isinstance(error.__cause__, EOFError)
        text = (
            "the connection broke before the upgrade was answered" if broke else "the answer to the upgrade was no HTTP"
        )
    else:
        text = f"the connection could not be made ({str(error) or type(error).__name__})"
    return Decision(Action.RECONNECT, text, hint)
