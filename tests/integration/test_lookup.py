"""The look-up of states beside a real server that answers well, badly, late or not at all."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from relay.secret import Secret
from relay.simulator.upstream import Simulator
from relay.upstream.access import AuthStyle
from relay.upstream.errors import RestRefusedError, RestUnavailableError, UnknownSymbolError
from relay.upstream.lookup import Lookup
from tests.support.clock import FakeClock
from tests.support.waiting import until

KEY = "sk_test_4f9c1e77"
UNKNOWN = {"error": {"code": "unknown_symbol", "message": "unknown symbol"}}
SLOW_DOWN = {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}


def state(symbol: str, sector: str | None = "Information Technology", **tfc: str) -> dict[str, object]:
    """What the vendor shows of a symbol."""
    return {"symbol": symbol, "instrument": {"symbol": symbol, "sector": sector}, "tfc": tfc, "setups": []}


class Vendor:
    """Answers ``/states/{symbol}``.

    Attributes:
        asked: The symbols asked for, as the path told them.
        paths: The same, as they came.
        headers: Of the last request.
        answers: Given in order, before anything else: a status, a body, and headers.
        unknown: Symbols that it does not track.
        gate: Answers wait for it.
        at_once: How many requests are, and were at most, under way together.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.paths: list[str] = []
        self.headers: dict[str, str] = {}
        self.answers: list[tuple[int, object, dict[str, str]]] = []
        self.unknown: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.at_once = [0, 0]

    def then(self, status: int, content: object = b"", *, times: int = 1, **headers: str) -> None:
        """Answer the next requests like this."""
        self.answers += [(status, content, {name.replace("_", "-"): text for name, text in headers.items()})] * times

    async def handle(self, request: web.Request) -> web.StreamResponse:
        symbol = request.match_info["symbol"]
        self.asked.append(symbol)
        self.paths.append(request.raw_path.rpartition("/")[2])
        self.headers = dict(request.headers)
        self.at_once[0] += 1
        self.at_once[1] = max(self.at_once)
        try:
            await self.gate.wait()
        finally:
            self.at_once[0] -= 1
        if self.answers:
            status, content, headers = self.answers.pop(0)
        else:
            status, content, headers = (404, UNKNOWN, {}) if symbol in self.unknown else (200, state(symbol), {})
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return web.Response(status=status, body=body, headers=headers)


class Asking:
    """A look-up, what it asks, and the time it goes by."""

    def __init__(self, lookup: Lookup, vendor: Vendor, clock: FakeClock) -> None:
        self.lookup = lookup
        self.vendor = vendor
        self.clock = clock

    async def sleeping(self) -> None:
        """Return when somebody waits for time to pass."""
        await until(lambda: self.clock.next_wake is not None)


@asynccontextmanager
async def asking(timeout: float = 10.0) -> AsyncIterator[Asking]:  # noqa: ASYNC109  because it is what is tested
    vendor, clock = Vendor(), FakeClock()
    app = web.Application()
    app.router.add_get("/api/market/v1/states/{symbol}", vendor.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/market/v1/"
    try:
        async with aiohttp.ClientSession() as session:
            lookup = Lookup(
                url,
                Secret(KEY),
                session=session,
                clock=clock,
                rng=random.Random(1),
                auth=AuthStyle.BEARER,
                timeout=timeout,
            )
            try:
                yield Asking(lookup, vendor, clock)
            finally:
                await lookup.close()
                assert (len(lookup._asking), len(lookup._insisting)) == (0, 0)
    finally:
        await runner.cleanup()


async def test_it_asks_as_documented_and_keeps_the_bytes() -> None:
    async with asking() as it:
        body = (
            b'{"symbol": "AAPL",  "price": {"price": 214.320}, "tfc": {"D": "Green"}, "instrument": {"sector": " IT "}}'
        )
        it.vendor.then(200, body)
        found = await it.lookup.snapshot(" aapl ")
        assert (found.symbol, found.colours, found.sector, found.data) == ("AAPL", {"D": "green"}, "IT", body)
        assert (it.vendor.asked, it.vendor.headers["Authorization"]) == (["AAPL"], f"Bearer {KEY}")


@pytest.mark.parametrize(
    ("symbol", "path"),
    [
        ("BTC-USD", "BTC-USD"),
        ("ES1!", "ES1!"),
        ("NQ=F", "NQ=F"),
        ("BRK.B", "BRK.B"),
        ("^GSPC", "%5EGSPC"),
        ("A/B?C#D%2F", "A%2FB%3FC%23D%252F"),
        ("/ES=F", "%2FES=F"),
        ("Ä B", "%C3%84%20B"),
    ],
)
async def test_a_symbol_stands_for_itself_in_the_path(symbol: str, path: str) -> None:
    async with asking() as it:
        await it.lookup.snapshot(symbol)
        assert (it.vendor.asked, it.vendor.paths) == ([symbol], [path])


@pytest.mark.parametrize("symbol", ["", " ", ".", "..", "A\nB", "\ud800", "A" * 65])
async def test_what_can_be_no_symbol_is_unknown_without_asking(symbol: str) -> None:
    async with asking() as it:
        with pytest.raises(UnknownSymbolError):
            await it.lookup.snapshot(symbol)
        assert it.vendor.asked == []


async def test_a_snapshot_is_good_for_a_minute() -> None:
    async with asking() as it:
        await it.lookup.snapshot("AAPL")
        await it.clock.advance(59.9)
        await it.lookup.snapshot("aapl")
        assert len(it.vendor.asked) == 1
        await it.clock.advance(0.1)
        await it.lookup.snapshot("AAPL")
        assert len(it.vendor.asked) == 2


async def test_an_unknown_symbol_is_remembered_for_a_minute() -> None:
    async with asking() as it:
        it.vendor.unknown = {"NOPE"}
        for _ in range(3):
            with pytest.raises(UnknownSymbolError) as caught:
                await it.lookup.known("NOPE")
            assert caught.value.symbol == "NOPE"
        assert it.vendor.asked == ["NOPE"]
        it.vendor.unknown = set()
        await it.clock.advance(60)
        assert (await it.lookup.snapshot("NOPE")).symbol == "NOPE"


async def test_the_404_of_a_proxy_makes_no_symbol_unknown() -> None:
    async with asking() as it:
        it.vendor.then(404, b"<h1>Not Found</h1>")
        it.vendor.then(404, {"error": {"code": "no_route", "message": ""}})
        for _ in range(2):
            with pytest.raises(RestUnavailableError) as caught:
                await it.lookup.snapshot("AAPL")
            assert caught.value.reason == "status"
        assert (await it.lookup.snapshot("AAPL")).symbol == "AAPL"


async def test_who_asks_together_shares_one_request() -> None:
    async with asking() as it:
        it.vendor.gate.clear()
        calls = [asyncio.ensure_future(it.lookup.snapshot(symbol)) for symbol in ("AAPL", "aapl", " AAPL") * 20]
        calls += [asyncio.ensure_future(it.lookup.known("AAPL")) for _ in range(20)]
        await until(lambda: bool(it.vendor.asked))
        it.vendor.gate.set()
        found = await asyncio.gather(*calls)
        assert ({snapshot.symbol for snapshot in found}, it.vendor.asked) == ({"AAPL"}, ["AAPL"])


async def test_one_who_leaves_takes_nothing_from_the_others() -> None:
    async with asking() as it:
        it.vendor.gate.clear()
        first = asyncio.ensure_future(it.lookup.snapshot("AAPL"))
        await until(lambda: bool(it.vendor.asked))
        second = asyncio.ensure_future(it.lookup.snapshot("AAPL"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await it.lookup.known("AAPL")
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        it.vendor.gate.set()
        assert ((await second).symbol, it.vendor.asked) == ("AAPL", ["AAPL"])


async def test_the_last_who_leaves_ends_the_request() -> None:
    async with asking() as it:
        it.vendor.gate.clear()
        call = asyncio.ensure_future(it.lookup.known("AAPL"))
        await until(lambda: it.vendor.at_once[0] == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: it.vendor.at_once[0] == 0)
        it.vendor.gate.set()
        assert (await it.lookup.snapshot("AAPL")).symbol == "AAPL"


async def test_closing_ends_what_is_under_way_with_an_error_of_its_own() -> None:
    async with asking() as it:
        it.vendor.gate.clear()
        calls: list[asyncio.Future[object]] = [
            asyncio.ensure_future(it.lookup.snapshot("AAPL")),
            asyncio.ensure_future(it.lookup.known("SPY")),
            asyncio.ensure_future(it.lookup.facts("MSFT")),
        ]
        await until(lambda: it.vendor.at_once[0] == 3)
        await it.lookup.close()
        for call in calls:
            with pytest.raises(RestUnavailableError) as caught:
                await call
            assert caught.value.reason == "closed"
        with pytest.raises(RestUnavailableError):
            await it.lookup.snapshot("IBM")


async def test_no_more_than_eight_requests_are_under_way_at_once() -> None:
    async with asking() as it:
        it.vendor.gate.clear()
        calls = [asyncio.ensure_future(it.lookup.snapshot(f"S{number}")) for number in range(40)]
        await until(lambda: it.vendor.at_once[0] == 8)
        it.vendor.gate.set()
        await asyncio.gather(*calls)
        assert (len(it.vendor.asked), it.vendor.at_once[1]) == (40, 8)


async def test_symbols_that_get_no_answer_hold_up_the_others_for_seconds_only() -> None:
    async with asking() as it:
        it.vendor.gate.clear()
        hanging = [asyncio.ensure_future(it.lookup.known(f"H{number}")) for number in range(30)]
        await until(lambda: it.vendor.at_once[0] == 8)
        healthy = asyncio.ensure_future(it.lookup.known("AAPL"))
        for under_way in (16, 24, 31):
            await it.clock.advance(1.9)
            assert it.vendor.at_once[0] == under_way - 8 + (under_way == 31)
            await it.clock.advance(0.1)
            await until(lambda: it.vendor.at_once[0] == under_way)  # noqa: B023  because it is awaited here
        assert it.vendor.asked[-1] == "AAPL"
        it.vendor.gate.set()
        assert (await healthy).symbol == "AAPL"
        await asyncio.gather(*hanging)


async def test_however_long_answers_take_no_more_than_sixty_four_requests_are_under_way() -> None:
    async with asking() as it:
        it.vendor.gate.clear()
        calls = [asyncio.ensure_future(it.lookup.snapshot(f"S{number}")) for number in range(80)]
        for under_way in range(8, 72, 8):
            await until(lambda: it.vendor.at_once[0] == under_way)  # noqa: B023  because it is awaited here
            await it.clock.advance(2)
        await it.clock.advance(100)
        assert it.vendor.at_once == [64, 64]
        it.vendor.gate.set()
        await asyncio.gather(*calls)
        assert (len(it.vendor.asked), it.vendor.at_once[1]) == (80, 64)


async def test_a_request_that_waits_for_a_hold_does_not_grow_old() -> None:
    async with asking() as it:
        it.vendor.then(429, SLOW_DOWN, Retry_After="30")
        with pytest.raises(RestUnavailableError):
            await it.lookup.snapshot("AAPL")
        it.vendor.gate.clear()
        calls = [asyncio.ensure_future(it.lookup.snapshot(f"S{number}")) for number in range(20)]
        await it.sleeping()
        await it.clock.advance(29.9)
        assert it.vendor.asked == ["AAPL"]
        await it.clock.advance(0.1)
        await until(lambda: it.vendor.at_once[0] == 8)
        await it.clock.advance(1.9)
        assert it.vendor.at_once[0] == 8
        it.vendor.gate.set()
        await asyncio.gather(*calls)
        assert it.vendor.at_once[1] == 8


async def test_a_hold_that_begins_meanwhile_holds_those_for_whom_there_is_room_too() -> None:
    async with asking() as it:
        it.vendor.gate.clear()
        hanging = [asyncio.ensure_future(it.lookup.snapshot(f"H{number}")) for number in range(8)]
        await until(lambda: it.vendor.at_once[0] == 8)
        it.vendor.then(429, SLOW_DOWN, Retry_After="20")
        it.vendor.gate.set()
        await asyncio.wait(hanging)
        it.vendor.gate.clear()
        waiting = [asyncio.ensure_future(it.lookup.known(f"S{number}")) for number in range(20)]
        await it.sleeping()
        await it.clock.advance(19.9)
        assert len(it.vendor.asked) == 8
        it.vendor.gate.set()
        await it.clock.advance(0.1)
        await asyncio.gather(*waiting)


async def test_who_leaves_at_any_moment_leaves_all_the_room_behind() -> None:
    async with asking() as it:
        it.vendor.gate.clear()
        young = [asyncio.ensure_future(it.lookup.snapshot(f"Y{number}")) for number in range(8)]
        await until(lambda: it.vendor.at_once[0] == 8)
        queue = [asyncio.ensure_future(it.lookup.snapshot(f"Q{number}")) for number in range(12)]
        await it.sleeping()
        await it.clock.advance(2)  # the first eight are slow by now, eight of the queue are young, four wait
        await until(lambda: it.vendor.at_once[0] == 16)
        for call in (*young, *queue):
            call.cancel()
        await asyncio.wait((*young, *queue))
        await until(lambda: it.vendor.at_once[0] == 0)
        calls = [asyncio.ensure_future(it.lookup.snapshot(f"S{number}")) for number in range(9)]
        await until(lambda: it.vendor.at_once[0] == 8)
        it.vendor.gate.set()
        await asyncio.gather(*calls)
        assert it.vendor.asked[16:] == [f"S{number}" for number in range(9)]


async def test_a_request_that_gets_no_answer_ends_in_time() -> None:
    async with asking(timeout=0.05) as it:
        it.vendor.gate.clear()
        with pytest.raises(RestUnavailableError) as caught:
            await it.lookup.snapshot("AAPL")
        assert caught.value.reason == "timeout"


@pytest.mark.parametrize(
    ("status", "content", "reason"),
    [
        (500, b"oops", "server_error"),
        (503, b"", "server_error"),
        (429, SLOW_DOWN, "rate_limited"),
        (302, b"", "redirect"),
        (200, b"<!doctype html><title>Sign in</title>", "no_snapshot"),
        (200, b"", "no_snapshot"),
        (200, b'{"symbol": "AA', "no_snapshot"),
        (200, b'{"symbol": ' + b"[" * 100_000, "no_snapshot"),
        (200, [], "no_snapshot"),
        (200, {"items": []}, "no_snapshot"),
        (200, {"symbol": "AAPL"}, "no_snapshot"),
        (200, {"symbol": "AAPL", "tfc": None}, "no_snapshot"),
        (200, {"symbol": "AAPL", "tfc": []}, "no_snapshot"),
        (200, state("OTHER"), "no_snapshot"),
        (200, state("AAPL=F2"), "no_snapshot"),
        (200, b'{"symbol": "\xff"}', "no_snapshot"),
        (200, {"symbol": "AAPL", "padding": "x" * (1 << 20)}, "oversized"),
    ],
)
async def test_an_unusable_answer_may_come_right_later(status: int, content: object, reason: str) -> None:
    async with asking() as it:
        it.vendor.then(status, content)
        with pytest.raises(RestUnavailableError) as caught:
            await it.lookup.snapshot("AAPL")
        assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [(401, "missing_api_key", "api_key"), (403, "missing_scope", "states:read"), (403, None, "states:read")],
)
async def test_a_refusal_is_remembered_for_every_symbol(status: int, code: str | None, said: str) -> None:
    async with asking() as it:
        it.vendor.then(status, {"error": {"code": code, "message": KEY}} if code else b"<html>")
        for symbol in ("AAPL", "AAPL", "SPY"):
            with pytest.raises(RestRefusedError) as caught:
                await it.lookup.known(symbol)
            assert (caught.value.code, caught.value.scope) == (code or f"http_{status}", "states:read")
            assert said in caught.value.hint
        assert it.vendor.asked == ["AAPL"]
        await it.clock.advance(60)
        assert it.lookup.refusal is not None
        assert (await it.lookup.known("SPY")).symbol == "SPY"
        assert it.lookup.refusal is None


async def test_a_refusal_that_is_forgotten_is_asked_about_anew() -> None:
    async with asking() as it:
        it.vendor.then(403, {"error": {"code": "missing_scope", "message": ""}})
        with pytest.raises(RestRefusedError):
            await it.lookup.known("AAPL")
        it.lookup.forget_refusal()
        assert it.lookup.refusal is None
        assert (await it.lookup.known("AAPL")).symbol == "AAPL"


async def test_what_goes_wrong_is_told_once_a_minute_and_without_the_key() -> None:
    async with asking() as it:
        with capture_logs() as told:
            it.vendor.then(502, times=3)
            for symbol in ("AAPL", "SPY", "IBM"):
                with pytest.raises(RestUnavailableError):
                    await it.lookup.snapshot(symbol)
            it.vendor.then(403, {"error": {"code": "missing_scope", "message": KEY}})
            with pytest.raises(RestRefusedError):
                await it.lookup.snapshot("AAPL")
        assert [(line["log_level"], line["event"]) for line in told] == [
            ("warning", "a state can't be looked up"),
            ("warning", "looking states up is refused"),
        ]
        assert "Add the scope states:read" in told[1]["hint"]
        assert KEY not in str(told)


async def test_those_who_queue_while_a_refusal_comes_do_not_ask_for_themselves() -> None:
    async with asking() as it:
        it.vendor.gate.clear()
        it.vendor.then(403, {"error": {"code": "missing_scope", "message": ""}}, times=40)
        calls = [asyncio.ensure_future(it.lookup.known(f"S{number}")) for number in range(40)]
        await until(lambda: it.vendor.at_once[0] == 8)
        it.vendor.gate.set()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(error) for error in ended} == {RestRefusedError}
        assert len(it.vendor.asked) == 8


async def test_too_many_requests_hold_every_lookup_for_as_long_as_is_asked() -> None:
    async with asking() as it:
        it.vendor.then(429, SLOW_DOWN, Retry_After="7")
        with pytest.raises(RestUnavailableError):
            await it.lookup.snapshot("AAPL")
        others = [asyncio.ensure_future(it.lookup.snapshot(symbol)) for symbol in ("AAPL", "SPY")]
        await it.sleeping()
        await it.clock.advance(6.9)
        assert it.vendor.asked == ["AAPL"]
        await it.clock.advance(0.1)
        assert [found.symbol for found in await asyncio.gather(*others)] == ["AAPL", "SPY"]


@pytest.mark.parametrize("header", [{}, {"Retry_After": "0"}, {"Retry_After": "soon"}])
async def test_a_hold_without_a_usable_time_grows_and_a_success_ends_that(header: dict[str, str]) -> None:
    async with asking() as it:
        waits = []
        it.vendor.then(429, SLOW_DOWN, times=7, **header)
        call = asyncio.ensure_future(it.lookup.known("AAPL"))
        while not call.done():
            before = len(it.vendor.asked)
            await until(lambda: it.clock.next_wake is not None or call.done())
            if not call.done():
                waits.append(it.clock.next_wake or 0.0)
                await it.clock.advance(waits[-1])
                await until(lambda: len(it.vendor.asked) > before)  # noqa: B023  because it is awaited here
        expected = [1.0, 2.0, 4.0, 8.0, 16.0, 24.0, 24.0]
        assert all(least <= wait <= least * 1.25 for least, wait in zip(expected, waits, strict=True))
        assert max(waits) <= 30.0
        await it.clock.advance(60)
        it.vendor.then(429, SLOW_DOWN)
        again = asyncio.ensure_future(it.lookup.known("AAPL"))
        await it.sleeping()
        assert (it.clock.next_wake or 0.0) <= 1.25
        await it.clock.advance(1.25)
        await again


async def test_those_who_were_refused_together_count_as_one_failure() -> None:
    async with asking() as it:
        it.vendor.gate.clear()
        it.vendor.then(429, SLOW_DOWN, times=8)
        calls = [asyncio.ensure_future(it.lookup.known(f"S{number}")) for number in range(8)]
        await until(lambda: it.vendor.at_once[0] == 8)
        it.vendor.gate.set()
        await until(lambda: it.clock.sleeps == 8)
        assert (it.clock.next_wake or 0.0) <= 1.25
        await it.clock.advance(1.25)
        await asyncio.gather(*calls)


async def test_what_fails_is_tried_again_with_growing_pauses_and_by_one_for_all() -> None:
    async with asking() as it:
        it.vendor.then(502, b"", times=2)
        it.vendor.then(200, b"<html>")
        calls = [asyncio.ensure_future(it.lookup.known("AAPL")) for _ in range(50)]
        for most in (1.25, 2.5, 5.0):
            await it.sleeping()
            assert most / 1.25 <= (it.clock.next_wake or 0.0) <= most
            await it.clock.advance(most)
        assert {found.symbol for found in await asyncio.gather(*calls)} == {"AAPL"}
        assert it.vendor.asked == ["AAPL"] * 4


async def test_one_symbol_that_fails_holds_up_no_other() -> None:
    async with asking() as it:
        it.vendor.then(500, b"")
        failing = asyncio.ensure_future(it.lookup.known("AAPL"))
        await it.sleeping()
        assert (await it.lookup.known("SPY")).symbol == "SPY"
        await it.clock.advance(1.25)
        await failing


async def test_a_server_in_trouble_that_names_a_time_is_left_alone_until_then() -> None:
    async with asking() as it:
        it.vendor.then(503, b"", Retry_After="20")
        call = asyncio.ensure_future(it.lookup.known("AAPL"))
        await it.sleeping()
        other = asyncio.ensure_future(it.lookup.known("SPY"))
        await it.clock.advance(19.9)
        assert it.vendor.asked == ["AAPL"]
        await it.clock.advance(0.1)
        await asyncio.gather(call, other)


@pytest.mark.parametrize(("asked", "tracked"), [("ES1!", "ES=F"), ("es=f", "ES1!")])
async def test_a_future_is_found_by_its_other_spelling_and_that_is_remembered(asked: str, tracked: str) -> None:
    async with asking() as it:
        it.vendor.unknown = {asked.upper()}
        assert (await it.lookup.known(asked)).symbol == tracked
        assert it.vendor.asked == [asked.upper(), tracked]
        assert (await it.lookup.snapshot(asked)).symbol == tracked
        assert (await it.lookup.snapshot(tracked)).symbol == tracked
        await it.clock.advance(3600)
        assert (await it.lookup.snapshot(asked)).symbol == tracked
        assert it.vendor.asked[2:] == [tracked]


async def test_a_future_that_is_tracked_under_neither_spelling_is_unknown_as_it_was_asked() -> None:
    async with asking() as it:
        it.vendor.unknown = {"ES1!", "ES=F"}
        for _ in range(2):
            with pytest.raises(UnknownSymbolError) as caught:
                await it.lookup.snapshot("ES1!")
            assert caught.value.symbol == "ES1!"
        assert it.vendor.asked == ["ES1!", "ES=F"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("AAPL", " aapl "),
        ("AAPL", None),
        ("AAPL", ""),
        ("ES1!", "ES=F"),
        ("ES=F", "es1!"),
        ("ES1!", "ES"),
        ("ES", "ES1!"),
        ("/ES=F", "ES=F"),
        ("ä b", "Ä b"),
    ],
)
async def test_the_symbol_that_is_told_may_be_spelt_otherwise_or_missing(asked: str, told: str | None) -> None:
    async with asking() as it:
        it.vendor.then(200, {"symbol": told, "tfc": {"D": "red"}})
        assert (await it.lookup.snapshot(asked)).colours == {"D": "red"}


@pytest.mark.parametrize(("asked", "told"), [("AAPL", "OTHER"), ("ES1!", "NQ1!"), ("ES2!", "ES1!"), ("BTC-USD", "BTC")])
async def test_the_snapshot_of_another_symbol_is_not_taken_and_asked_for_again(asked: str, told: str) -> None:
    async with asking() as it:
        it.vendor.then(200, state(told, D="red"))
        call = asyncio.ensure_future(it.lookup.known(asked))
        await it.sleeping()
        await it.clock.advance(1.25)
        assert (await call).symbol == asked
        assert it.vendor.asked == [asked, asked]


async def test_no_other_contract_than_the_front_one_is_spelt_otherwise() -> None:
    async with asking() as it:
        it.vendor.unknown = {"ES2!"}
        with pytest.raises(UnknownSymbolError):
            await it.lookup.snapshot("ES2!")
        assert it.vendor.asked == ["ES2!"]


async def test_a_sector_is_good_for_a_day() -> None:
    async with asking() as it:
        await it.lookup.snapshot("AAPL")
        await it.clock.advance(86_000)
        assert (await it.lookup.facts("aapl")).sector == "Information Technology"
        assert len(it.vendor.asked) == 1
        await it.clock.advance(400)
        assert (await it.lookup.facts("AAPL")).sector == "Information Technology"
        assert len(it.vendor.asked) == 2


async def test_that_no_sector_is_told_is_not_believed_for_a_day() -> None:
    async with asking() as it:
        it.vendor.then(200, state("AAPL", sector=None))
        assert (await it.lookup.facts("AAPL")).sector is None
        assert (await it.lookup.facts("AAPL")).sector is None
        assert len(it.vendor.asked) == 1
        await it.clock.advance(60)
        assert (await it.lookup.facts("AAPL")).sector == "Information Technology"


async def test_no_text_of_an_error_holds_the_key() -> None:
    async with asking() as it:
        it.vendor.then(400, {"error": {"code": "bad", "message": KEY}})
        with pytest.raises(RestUnavailableError) as caught:
            await it.lookup.snapshot("AAPL")
        assert KEY not in f"{caught.value} {caught.value.hint}"


async def test_the_simulator_is_understood(simulator: Simulator) -> None:
    simulator.state({"symbol": "TSLA", "instrument": {"sector": "Automobiles"}, "tfc": {"D": "green"}})
    async with aiohttp.ClientSession() as session:
        lookup = Lookup(simulator.rest_url, Secret("sim-key"), session=session, clock=FakeClock(), rng=random.Random(1))
        assert (await lookup.snapshot("tsla")).colours == {"D": "green"}
        with pytest.raises(UnknownSymbolError):
            await lookup.snapshot("NOPE")
        await lookup.close()
