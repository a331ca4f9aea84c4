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

import logging
import math
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from typing import Final, Literal, TextIO, TypeAlias, get_args

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from relay.redaction import redact

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
Format: TypeAlias = Literal["auto", "console", "json"]

LEVELS: Final[tuple[Level, ...]] = get_args(Level)
FORMATS: Final[tuple[Format, ...]] = get_args(Format)

_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # terminals obey them; tab and newline may stay


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
