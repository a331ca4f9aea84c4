"""Calls that block, in threads that hold up nobody."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from relay.threads import RESOLVING_AT_ONCE, ResolvingLoop, call_in_daemon
from tests.support.waiting import until


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


# --- names


class NameServer:
    """Answers ``127.0.0.1``; for names that begin with ``dead`` not before ``gate`` opens."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.asked: list[str] = []

    def getaddrinfo(self, host: str, port: int, **hints: int) -> list[object]:
        del hints
        self.asked.append(host)
        if host.startswith("dead"):
            self.gate.wait(20)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    before = set(threading.enumerate())
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    yield server
    server.gate.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)


def test_the_loop_ends_while_a_name_server_does_not_answer(names: NameServer) -> None:
    async def leave() -> None:
        asking = asyncio.ensure_future(asyncio.get_running_loop().getaddrinfo("dead.test", 80))
        await until(lambda: bool(names.asked))
        asking.cancel()

    began = time.monotonic()
    with asyncio.Runner(loop_factory=ResolvingLoop) as runner:
        runner.run(leave())
    assert time.monotonic() - began < 5


def test_a_look_up_that_was_given_up_keeps_its_place_until_it_comes_back(names: NameServer) -> None:
    async def ask() -> None:
        loop = asyncio.get_running_loop()
        hanging = [asyncio.ensure_future(loop.getaddrinfo(f"dead{n}.test", 80)) for n in range(RESOLVING_AT_ONCE)]
        await until(lambda: len(names.asked) == RESOLVING_AT_ONCE)
        for one in hanging:
            one.cancel()
        waiting = asyncio.ensure_future(loop.getaddrinfo("well.test", 80))
        assert not (await asyncio.wait((waiting,), timeout=0.05))[0]
        assert await asyncio.to_thread(lambda: 7) == 7, "the pool for work that ends is free"
        names.gate.set()
        found = await asyncio.wait_for(waiting, 5)
        assert found[0][4] == ("127.0.0.1", 80)

    with asyncio.Runner(loop_factory=ResolvingLoop) as runner:
        runner.run(ask())


def test_what_the_name_server_says_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with asyncio.Runner(loop_factory=ResolvingLoop) as runner:
        with pytest.raises(socket.gaierror) as caught:
            runner.run(runner.get_loop().getaddrinfo("nobody.test", 80))
        assert caught.value.errno == socket.EAI_NONAME


def test_without_a_thread_left_a_name_is_asked_for_again_later(
    monkeypatch: pytest.MonkeyPatch, names: NameServer
) -> None:
    def none_left(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    async def ask() -> None:
        loop = asyncio.get_running_loop()
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", none_left)
            for _ in range(RESOLVING_AT_ONCE + 1):  # none of them keeps its place
                with pytest.raises(socket.gaierror) as caught:
                    await loop.getaddrinfo("well.test", 80)
                assert caught.value.errno == socket.EAI_AGAIN
        assert await loop.getaddrinfo("well.test", 80)
        assert names.asked == ["well.test"]

    with asyncio.Runner(loop_factory=ResolvingLoop) as runner:
        runner.run(ask())
