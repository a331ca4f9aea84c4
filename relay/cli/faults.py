"""What the event loop trips over by itself, told once a minute: a machine out of descriptors repeats it by the hundred.

    loop ──context──> told ──> one line in the log, with how many were held back

CPython's loop asks for every connection of its backlog once more when one could not be accepted
(https://github.com/python/cpython/blob/v3.11.7/Lib/asyncio/selector_events.py#L162), and reports each with a traceback.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from relay.clock import Clock
from relay.upstream.throttle import LogThrottle

_log = structlog.get_logger()

_OUT_OF: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_SHORT, _OTHER = "short", "other"  # the throttle's keys: a closed set


def teller(clock: Clock) -> Callable[[asyncio.AbstractEventLoop, Mapping[str, Any]], None]:
    """A handler for ``loop.set_exception_handler``."""
    throttle = LogThrottle(clock)

    def told(_loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        error = context.get("exception")
        short = isinstance(error, OSError) and error.errno in _OUT_OF
        held_back = throttle.admit(_SHORT if short else _OTHER)
        if held_back is None:
            return
        more = {"held_back": held_back} if held_back else {}
        if short:
            hint = "Let more files be open: LimitNOFILE in the unit, `ulimit -n`."
            _log.error("the machine is out of descriptors or memory", error=str(error), hint=hint, **more)
        else:
            _log.error("the event loop tripped", what=str(context.get("message", "")), exc_info=error, **more)

    return told
