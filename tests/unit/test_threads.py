"""Calls that block, in threads that hold up nobody."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from relay.threads import call_in_daemon


async def test_what_a_call_returns_is_its_answer() -> None:
    assert await call_in_daemon(threading.current_thread, name="mine") is not threading.main_thread()


@pytest.mark.parametrize(
    ("raised", "heard"),
    [(OSError("no such drive"), OSError), (StopIteration(), RuntimeError), (SystemExit(3), RuntimeError)],
)
async def test_what_a_call_raises_is_raised_where_it_is_awaited(raised: BaseException, heard: type[Exception]) -> None:
    def call() -> None:
        raise raised

    with pytest.raises(heard):
        await call_in_daemon(call, name="mine")


@pytest.mark.parametrize("fails", [False, True])
async def test_a_call_that_nobody_waits_for_any_more_goes_on_unheard(*, fails: bool) -> None:
    gate, through = threading.Event(), threading.Event()

    def call() -> None:
        assert gate.wait(5)
        through.set()
        if fails:
            raise OSError

    let_go, cancelled = call_in_daemon(call, name="mine"), call_in_daemon(call, name="mine")
    await asyncio.wait((let_go, cancelled), timeout=0)
    cancelled.cancel()
    gate.set()
    await asyncio.wait((let_go,), timeout=5)
    assert through.is_set()
    del let_go
    gc.collect()  # an error that nobody looks at would be complained about here


def test_a_call_that_outlives_the_loop_harms_nothing() -> None:
    gate, threads = threading.Event(), set(threading.enumerate())

    async def leave() -> None:
        call_in_daemon(lambda: gate.wait(5), name="mine")

    asyncio.run(leave())
    gate.set()
    for thread in set(threading.enumerate()) - threads:
        assert thread.daemon
        thread.join(5)
