"""What goes out: values as JSON, errors as JSON, none of it with a secret.

struct | dict | list ──plain──> texts redacted, ``*_us`` told as RFC 3339 ──> JSON
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec
from aiohttp import web

from relay.clock import isoformat
from relay.redaction import redact

_SUFFIX: Final = "_us"


def answer(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """``value`` as a JSON response."""
    body = msgspec.json.encode(plain(value))
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8", headers=headers)


def error(status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> web.Response:
    """What went wrong, by a name for programs and a sentence for people."""
    return answer({"error": {"code": code, "message": message}}, status=status, headers=headers)


def too_many(wait: float) -> web.Response:
    """Too many wrong tokens came from there; ``wait`` seconds until another is looked at."""
    seconds = str(int(wait) + 1)
    message = f"too many wrong tokens; try in {seconds} s"
    return error(429, "too_many_tokens", message, headers={"Retry-After": seconds})


def wants_page(request: web.BaseRequest) -> bool:
    """Whether a browser asks, which shows pages, and not a program."""
    return "text/html" in request.headers.get("Accept", "")


def plain(value: object) -> object:
    """Plain, redacted JSON values; a field named ``x_us`` becomes ``x``, RFC 3339 text. ``data`` keeps its names."""
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.structs.asdict(value))
    if isinstance(value, Mapping):
        return dict(_field(str(name), item) for name, item in value.items())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str):
        return redact(value)
    return value


def _field(name: str, value: object) -> tuple[str, object]:
    if name == "data":  # the upstream's own object: `price_us` there would be a price
        return name, _redacted(value)
    if name.endswith(_SUFFIX) and (value is None or isinstance(value, int)):
        return name.removesuffix(_SUFFIX), None if value is None else isoformat(value)
    return redact(name), plain(value)


def _redacted(value: object) -> object:
    if isinstance(value, dict):
        return {redact(str(name)): _redacted(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    return redact(value) if isinstance(value, str) else value
