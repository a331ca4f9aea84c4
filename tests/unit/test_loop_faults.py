"""What the event loop trips over is told once a minute."""

from __future__ import annotations

import asyncio
import errno

from structlog.testing import capture_logs

from relay.cli.faults import teller
from tests.support.clock import FakeClock

FULL = OSError(errno.EMFILE, "Too many open files")


async def test_a_machine_out_of_descriptors_is_one_line_a_minute() -> None:
    clock = FakeClock()
    told = teller(clock)
    loop = asyncio.get_running_loop()
    with capture_logs() as said:
        for _ in range(500):
            told(loop, {"message": "socket.accept() out of system resource", "exception": FULL})
        await clock.advance(61)
        told(loop, {"message": "socket.accept() out of system resource", "exception": FULL})
    assert [line.get("held_back") for line in said] == [None, 499]
    assert "LimitNOFILE" in said[0]["hint"]


async def test_whatever_else_it_trips_over_is_told_with_its_traceback() -> None:
    with capture_logs() as said:
        told = teller(FakeClock())
        fault = ValueError("no")
        told(asyncio.get_running_loop(), {"message": "Task exception was never retrieved", "exception": fault})
        told(asyncio.get_running_loop(), {"message": "something without one"})
    assert [(line["what"], line["exc_info"]) for line in said] == [("Task exception was never retrieved", fault)]
