"""Log lines that a person and a machine can read, and in which no secret can appear.

    structlog call ────────────┐
                               ├─> time, level ─> traceback to text ─> redact ─> console | JSON ─> stream
    stdlib logging (WARNING+) ─┘

What holds always: every value is plain text, number or container by the time it is rendered, and every text in it,
key or value, traceback included, has gone through ``redact``. A ``Secret`` shows as ``***`` by its own nature; the
*text* of a secret can still turn up inside somebody else's exception (a URL that would not resolve, a header that
would not parse), so each secret is registered once at start and its text replaced wherever it turns up.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from enum import Enum
from typing import Final, Literal, TextIO, TypeAlias, get_args
from urllib.parse import quote, unquote, urlsplit

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from relay.secret import Secret

MASK: Final = "***"
Level: TypeAlias = Literal["debug", "info", "warning", "error"]
Format: TypeAlias = Literal["auto", "console", "json"]

LEVELS: Final[tuple[Level, ...]] = get_args(Level)
FORMATS: Final[tuple[Format, ...]] = get_args(Format)

_SHORTEST: Final = 4  # replacing anything shorter would eat ordinary words and hide nothing
_SHORTEST_PART: Final = 16  # of a URL: `/webhooks` is a word, a token is not
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # terminals obey them; tab and newline may stay


class Redactor:
    """Knows the secrets of this process and takes them out of any text."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def register(self, secret: Secret) -> None:
        """Replace this secret's text from now on, in every spelling it may come back in."""
        added = {form for text in _parts(secret.reveal()) for form in _spellings(text)} - self._forms
        if not added:
            return
        self._forms |= added
        longest_first = sorted(self._forms, key=len, reverse=True)  # a whole URL goes before its token
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def redact(self, text: str) -> str:
        """``text`` with every registered secret replaced by ``***``."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)


def _parts(text: str) -> Iterable[str]:
    """The secret itself, and those parts of it that are secret alone."""
    if len(text) < _SHORTEST:
        return
    yield text
    prefix, _, key = text.partition("_")
    if prefix == "whsec" and len(key) >= _SHORTEST:  # Standard Webhooks: the key is what follows
        yield key
    if "://" not in text:
        return
    with suppress(ValueError):  # not a URL after all: the whole text is registered already
        url = urlsplit(text)
        if url.password and len(url.password) >= _SHORTEST:
            yield url.password
        if url.username and len(url.username) >= _SHORTEST_PART:  # some put a token there, and no password
            yield url.username
        if url.netloc and len(url.path.strip("/")) >= _SHORTEST_PART:  # clients report host and path apart
            yield text.partition(url.netloc)[2]
        pieces = [*url.path.split("/"), *(value for _, _, value in (p.partition("=") for p in url.query.split("&")))]
        yield from (piece for piece in pieces if len(piece) >= _SHORTEST_PART)


def _spellings(text: str) -> set[str]:
    """How ``text`` looks once quoted into a URL, a JSON string or a ``repr``."""
    forms = {text, quote(text), quote(text, safe=""), unquote(text), json.dumps(text)[1:-1], repr(text)[1:-1]}
    return {form for form in forms if len(form) >= _SHORTEST}


_REDACTOR: Final = Redactor()  # one a process, like logging itself


def register_secret(secret: Secret) -> None:
    """Have this secret's text replaced by ``***`` in everything that is logged or passes ``redact``."""
    _REDACTOR.register(secret)


def redact(text: str) -> str:
    """``text`` without any registered secret; for errors and answers that don't go through a log."""
    return _REDACTOR.redact(text)


def configure(level: Level = "info", form: Format = "auto", stream: TextIO | None = None) -> None:
    """Set up structlog and the standard library's logging, process-wide; calling it again replaces the setting.

    Args:
        level: One of ``LEVELS``; what is below it is dropped.
        form: One of ``FORMATS``; ``auto`` is ``console`` on a terminal and ``json`` otherwise.
        stream: Where lines go; the standard error stream unless given.
    """
    out = _Unbreakable(sys.stderr if stream is None else stream)
    on_terminal = out.isatty()
    threshold = logging.getLevelNamesMapping()[level.upper()]
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    render: Processor
    if form == "console" or (form == "auto" and on_terminal):
        render = structlog.dev.ConsoleRenderer(
            colors=on_terminal and not os.environ.get("NO_COLOR"),
            exception_formatter=structlog.dev.plain_traceback,
        )
    else:
        render = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*chain, _clean, render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(out),  # type: ignore[arg-type]  # it only writes and flushes
        cache_logger_on_first_use=False,  # loggers made at import follow a later call
    )
    _route_stdlib(out, threshold, chain, render)


def _route_stdlib(out: _Unbreakable, threshold: int, chain: list[Processor], render: Processor) -> None:
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *chain],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _clean, render],
        )
    )
    root = logging.getLogger()
    for other in [kept for kept in root.handlers if isinstance(getattr(kept, "stream", None), _Unbreakable)]:
        root.removeHandler(other)
    root.addHandler(handler)
    # Never below WARNING, whatever our own level: websockets' DEBUG lines hold the request's headers, key included.
    root.setLevel(max(threshold, logging.WARNING))


def _clean(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """The last step before rendering: plain values, without secrets and without control characters."""
    return {_text(key): _plain(value) for key, value in event_dict.items()}


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value  # JSON has no NaN and no infinity: those become text below
    if isinstance(value, Mapping):
        return {_text(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return _text(value.decode(errors="replace"))
    return _text(str(value))


def _text(text: str) -> str:
    encodable = text.encode(errors="backslashreplace").decode()  # half of a surrogate pair can't be written
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", redact(encodable))


class _Unbreakable:
    """A stream whose reader may go away or whose disk may fill: the line is lost, the relay is not."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):  # ValueError: it was closed
            return self._stream.write(text)
        return 0

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        try:
            return self._stream.isatty()
        except ValueError:
            return False
