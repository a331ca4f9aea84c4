"""The reader beside a server that behaves: events, acknowledgements, gaps, changes, stopping."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from relay.errors import StoreBusyError
from relay.events import Channel
from relay.upstream.access import AuthStyle
from relay.upstream.gate import GRACE
from relay.upstream.protocol import Topic
from relay.upstream.state import Phase
from tests.support.stub_upstream import ACK_TIMEOUT, ALL, KEY, acknowledge, alert, bench, message, running, serving


async def test_it_subscribes_hands_on_events_and_closes_cleanly() -> None:
    asked: asyncio.Queue[object] = asyncio.Queue()
    codes: asyncio.Queue[int | None] = asyncio.Queue()

    async def serve_alerts(socket: ServerConnection) -> None:
        asked.put_nowait(await acknowledge(socket))
        await socket.send(alert(1, seq=2))
        await socket.send(alert(2, seq=3).encode())
        await socket.wait_closed()
        codes.put_nowait(socket.close_code)

    async with serving(serve_alerts) as url:
        subject = bench(url)
        async with running(subject):
            assert await subject.event_ids(2) == [1, 2]
            state = subject.reader.state
            assert state.acknowledged
            assert state.accepted == {Channel.IN_FORCE, Channel.BREAKS}
            assert (state.last_seq, state.last_frame_us) == (3, subject.clock.now_us())
            assert subject.metric("relay_upstream_connected") == 1
        assert await codes.get() == 1000
    assert await asked.get() == {
        "op": "subscribe",
        "topics": [{"channel": "alerts.in_force"}, {"channel": "alerts.simultaneous_breaks"}],
    }
    assert subject.gaps.get_nowait() == "connected"
    assert subject.gaps.empty()
    assert state.phase is Phase.STOPPED
    assert [step.phase for step in state.history] == ["connecting", "open", "acknowledged", "stopped"]
    assert subject.metric("relay_upstream_connected") == 0
    assert subject.metric("relay_upstream_frames_total", type="alert.in_force") == 2
    assert subject.metric("relay_upstream_frames_total", type="subscribed") == 1


@pytest.mark.parametrize(
    ("style", "header", "value"),
    [(AuthStyle.BEARER, "Authorization", f"Bearer {KEY}"), (AuthStyle.X_API_KEY, "X-API-Key", KEY)],
)
async def test_the_key_is_in_the_upgrade_request(style: AuthStyle, header: str, value: str) -> None:
    seen: list[str | None] = []

    def note(_socket: ServerConnection, request: Request) -> Response | None:
        seen.append(request.headers.get(header))
        return None

    async def wait(socket: ServerConnection) -> None:
        await acknowledge(socket)
        await socket.wait_closed()

    async with serving(wait, refuse=note) as url:
        subject = bench(url, auth=style)
        async with running(subject):
            assert await subject.gaps.get() == "connected"
    assert seen == [value]


async def test_loopback_is_reached_directly_whatever_proxy_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")

    async def wait(socket: ServerConnection) -> None:
        await acknowledge(socket)
        await socket.wait_closed()

    async with serving(wait) as url:
        subject = bench(url)
        async with running(subject):
            assert await subject.gaps.get() == "connected"


async def test_a_refused_channel_is_an_error_that_names_the_scope_and_the_others_run_on() -> None:
    async def refuse_breaks(socket: ServerConnection) -> None:
        await acknowledge(socket, "alerts.in_force")
        await socket.send(alert(1, seq=2))
        await socket.wait_closed()

    with capture_logs() as lines:
        async with serving(refuse_breaks) as url:
            subject = bench(url)
            async with running(subject):
                assert await subject.event_ids(1) == [1]
                assert subject.reader.state.refused == {Channel.BREAKS}
    errors = [line for line in lines if line["log_level"] == "error"]
    assert [(line["channel"], line["scope"]) for line in errors] == [("alerts.simultaneous_breaks", "alerts:read")]


async def test_lost_frames_are_reported_once_subscribed_and_drop_nothing() -> None:
    async def skip(socket: ServerConnection) -> None:
        await acknowledge(socket, seq=3)  # what came before it is found by the round that follows it
        for number, seq in ((1, 4), (2, 9), (3, 2), (4, 3)):
            await socket.send(alert(number, seq=seq))
        await socket.wait_closed()

    async with serving(skip) as url:
        subject = bench(url)
        async with running(subject):
            assert await subject.event_ids(4) == [1, 2, 3, 4]
    assert [subject.gaps.get_nowait() for _ in range(subject.gaps.qsize())] == ["connected", "seq"]


async def test_frames_that_cannot_be_used_are_counted_logged_once_and_survived() -> None:
    async def babble(socket: ServerConnection) -> None:
        await acknowledge(socket)
        for frame in ("<html>", "[]", '{"type": 5}', b"\xff\x00", '{"type": "alert.in_force", "data": {"symbol": []}}'):
            await socket.send(frame)
        await socket.send(b"\xc3(", text=True)
        await socket.send('{"type": "alert.in_force", "data": {}}')
        await socket.send(message("state", symbol="x" * (2 << 20)))
        await socket.send(message("error", text=f"your key {KEY} is odd"))
        await socket.send(message("error", text="again"))
        await socket.send(alert(1))
        await socket.wait_closed()

    with capture_logs() as lines:
        async with serving(babble) as url:
            subject = bench(url)
            async with running(subject):
                assert await subject.event_ids(1) == [1]
                assert subject.reader.state.attempts == 1
    counts = {
        reason: subject.metric("relay_upstream_frames_rejected_total", reason=reason)
        for reason in ("not_json", "not_object", "wrong_type", "unidentifiable", "oversized")
    }
    assert counts == {"not_json": 3, "not_object": 1, "wrong_type": 2, "unidentifiable": 1, "oversized": 1}
    logged = [line["reason"] for line in lines if line["event"] == "frame rejected"]
    assert logged == ["not_json", "not_object", "wrong_type", "unidentifiable", "oversized"]
    assert [line["type"] for line in lines if line["event"] == "unknown message type"] == ["error"]
    assert subject.metric("relay_upstream_frames_total", type="other") == 2
    assert KEY not in str(lines)


async def test_a_message_beyond_every_limit_costs_one_connection() -> None:
    async def flood(socket: ServerConnection) -> None:
        await acknowledge(socket)
        await socket.send("x" * (17 << 20))
        await socket.wait_closed()

    async def behave(socket: ServerConnection) -> None:
        await acknowledge(socket)
        await socket.send(alert(1))
        await socket.wait_closed()

    async with serving(flood, behave) as url:
        subject = bench(url)
        async with running(subject):
            await subject.retry()
            assert await subject.event_ids(1) == [1]
    assert subject.metric("relay_upstream_frames_rejected_total", reason="oversized") == 1


async def test_a_change_of_topics_sends_the_difference_on_the_open_connection() -> None:
    asked: asyncio.Queue[object] = asyncio.Queue()

    async def answer(socket: ServerConnection) -> None:
        try:
            while True:
                asked.put_nowait(await acknowledge(socket, seq=None))
        except ConnectionClosed:
            pass

    async with serving(answer) as url:
        subject = bench(url)
        async with running(subject):
            assert await subject.gaps.get() == "connected"
            subject.topics[:] = [Topic(Channel.IN_FORCE), Topic(Channel.QUOTES, ("AAPL",))]
            await subject.reader.resubscribe()
            assert await subject.gaps.get() == "connected"
            assert subject.reader.state.accepted == {Channel.IN_FORCE, Channel.QUOTES}
            await subject.reader.resubscribe()
    messages = [asked.get_nowait() for _ in range(asked.qsize())]
    assert messages[1:] == [
        {"op": "subscribe", "topics": [{"channel": "quotes", "symbols": ["AAPL"]}]},
        {"op": "unsubscribe", "topics": [{"channel": "alerts.simultaneous_breaks"}]},
    ]


async def test_quotes_and_states_are_handed_on_as_ticks() -> None:
    async def serve_values(socket: ServerConnection) -> None:
        await acknowledge(socket)
        await socket.send(message("quote", 2, symbol="AAPL", price="201.5"))
        await socket.send(message("quote", 3, price=1))
        await socket.send(message("state", 4, symbol="AAPL", tfc={"D": "green"}))
        await socket.wait_closed()

    async with serving(serve_values) as url:
        subject = bench(url)
        subject.topics.append(Topic(Channel.QUOTES, ("AAPL",)))
        async with running(subject):
            quote, state = await subject.ticks.get(), await subject.ticks.get()
    assert (quote.channel, quote.symbol, quote.price) == (Channel.QUOTES, "AAPL", 201.5)
    assert (state.channel, state.data) == (Channel.STATES, b'{"symbol": "AAPL", "tfc": {"D": "green"}}')
    assert subject.metric("relay_upstream_frames_total", type="quote") == 2
    assert subject.metric("relay_upstream_frames_rejected_total", reason="unidentifiable") == 1


async def test_subscriptions_of_many_symbols_go_out_in_several_messages_and_each_answer_counts() -> None:
    asked: list[int] = []

    async def answer(socket: ServerConnection) -> None:
        for _ in range(3):
            topics = (await acknowledge(socket))["topics"]
            asked.append(sum(len(topic.get("symbols", ())) for topic in topics))
        await socket.wait_closed()

    async with serving(answer) as url:
        subject = bench(url)
        subject.topics.append(Topic(Channel.QUOTES, tuple(f"S{number}" for number in range(2_100))))
        async with running(subject):
            for _ in range(3):
                assert await subject.gaps.get() == "connected"
            assert subject.reader.state.accepted == {*ALL, Channel.QUOTES}
    assert asked == [1_000, 1_000, 100]


async def test_of_messages_sent_together_the_first_answer_keeps_the_connection() -> None:
    late = asyncio.Event()

    async def answer_once(socket: ServerConnection) -> None:
        await acknowledge(socket)
        await socket.recv()
        await socket.send(alert(1))
        await late.wait()
        await socket.send(alert(2))
        await socket.wait_closed()

    async with serving(answer_once) as url:
        subject = bench(url)
        subject.topics.append(Topic(Channel.QUOTES, tuple(f"S{number}" for number in range(1_100))))
        async with running(subject):
            assert await subject.event_ids(1) == [1]
            await subject.clock.advance(ACK_TIMEOUT + 1)
            late.set()
            assert await subject.event_ids(1) == [2]
            assert subject.reader.state.attempts == 1


async def test_a_changed_subscription_that_is_answered_keeps_a_connection_that_sums_answers_up() -> None:
    changed, late = asyncio.Event(), asyncio.Event()

    async def answer_once_each_time(socket: ServerConnection) -> None:
        await acknowledge(socket)
        await socket.recv()  # the second half of what was sent together
        await acknowledge(socket)  # what is asked for later
        changed.set()
        await late.wait()
        await socket.send(alert(1))
        await socket.wait_closed()

    async with serving(answer_once_each_time) as url:
        subject = bench(url)
        subject.topics.append(Topic(Channel.QUOTES, tuple(f"S{number}" for number in range(1_100))))
        async with running(subject):
            assert await subject.gaps.get() == "connected"
            subject.topics.append(Topic(Channel.STATES, ("AAPL",)))
            await subject.reader.resubscribe()
            await changed.wait()
            assert await subject.gaps.get() == "connected"
            await subject.clock.advance(ACK_TIMEOUT + 1)
            late.set()
            assert await asyncio.wait_for(subject.event_ids(1), 5) == [1]
            assert subject.reader.state.attempts == 1


async def test_a_changed_subscription_that_gets_no_answer_costs_the_connection() -> None:
    asked = asyncio.Event()

    async def answer_only_at_first(socket: ServerConnection) -> None:
        await acknowledge(socket)
        await socket.recv()
        asked.set()
        await socket.wait_closed()

    async with serving(answer_only_at_first) as url:
        subject = bench(url)
        async with running(subject):
            assert await subject.gaps.get() == "connected"
            subject.topics.append(Topic(Channel.STATES, ("AAPL",)))
            await subject.reader.resubscribe()
            await asked.wait()
            await subject.clock.advance(ACK_TIMEOUT + 1)
            await subject.backs_off()
            assert "no acknowledgement" in subject.reader.state.last_error


async def test_nothing_wanted_is_a_connection_at_rest() -> None:
    asked: asyncio.Queue[str | bytes] = asyncio.Queue()

    async def listen(socket: ServerConnection) -> None:
        asked.put_nowait(await socket.recv())
        await socket.wait_closed()

    async with serving(listen) as url:
        subject = bench(url)
        subject.topics.clear()
        async with running(subject):
            assert await subject.gaps.get() == "connected"
            assert subject.reader.state.acknowledged
            subject.topics.append(Topic(Channel.BREAKS))
            await subject.reader.resubscribe()
            assert json.loads(await asked.get())["topics"] == [{"channel": "alerts.simultaneous_breaks"}]


async def test_the_baseline_of_a_channel_is_awaited_before_it_is_first_subscribed() -> None:
    steps: list[str] = []
    release = asyncio.Event()

    async def baseline(channel: Channel) -> None:
        steps.append(channel)
        await release.wait()

    async def drop(socket: ServerConnection) -> None:
        asked = await acknowledge(socket)
        steps.append(f"subscribed to {len(asked['topics'])}")

    async with serving(drop) as url:
        subject = bench(url, before_subscribe=baseline)
        async with running(subject):
            for _ in range(20):
                await asyncio.sleep(0)
            assert steps == ["alerts.in_force", "alerts.simultaneous_breaks"]
            release.set()
            await subject.retry()
            await subject.backs_off()
    assert steps[2:] == ["subscribed to 2", "subscribed to 2"]


class Baselines:
    """Hangs for the channels it holds."""

    def __init__(self, *held: Channel) -> None:
        self._released = {channel: asyncio.Event() for channel in held}
        self.asked: list[Channel] = []

    async def decide(self, channel: Channel) -> None:
        self.asked.append(channel)
        if channel in self._released:
            await self._released[channel].wait()

    def release(self, channel: Channel) -> None:
        self._released[channel].set()


async def _answer(socket: ServerConnection, asked: asyncio.Queue[list[str]]) -> None:
    """Acknowledge whatever comes, and note it: ``+`` what is subscribed, ``-`` what is unsubscribed."""
    with suppress(ConnectionClosed):
        while True:
            heard = await acknowledge(socket, seq=None)
            sign = "+" if heard["op"] == "subscribe" else "-"
            asked.put_nowait([sign + topic["channel"] for topic in heard["topics"]])


async def test_a_baseline_that_hangs_holds_up_no_other_channel_and_follows_on_the_open_connection() -> None:
    asked: asyncio.Queue[list[str]] = asyncio.Queue()
    baselines = Baselines(Channel.IN_FORCE)
    async with serving(lambda socket: _answer(socket, asked)) as url:
        subject = bench(url, before_subscribe=baselines.decide)
        subject.topics.append(Topic(Channel.QUOTES, ("AAPL",)))
        async with running(subject):
            await subject.clock.advance(GRACE)
            assert await asked.get() == ["+alerts.simultaneous_breaks", "+quotes"]
            baselines.release(Channel.IN_FORCE)
            assert await asked.get() == ["+alerts.in_force"]
            assert [await subject.gaps.get() for _ in range(2)] == ["connected", "connected"]
            assert subject.reader.state.accepted == {*ALL, Channel.QUOTES}
            assert subject.reader.state.attempts == 1
    assert baselines.asked == list(ALL)


async def test_a_baseline_that_hangs_holds_up_nothing_else_that_a_reload_changes() -> None:
    asked: asyncio.Queue[list[str]] = asyncio.Queue()
    baselines = Baselines(Channel.BREAKS)
    in_force, breaks, quotes = Topic(Channel.IN_FORCE), Topic(Channel.BREAKS), Topic(Channel.QUOTES, ("AAPL",))
    async with serving(lambda socket: _answer(socket, asked)) as url:
        subject = bench(url, before_subscribe=baselines.decide)
        subject.topics[:] = [in_force]
        async with running(subject):
            assert await asked.get() == ["+alerts.in_force"]
            subject.topics[:] = [breaks, quotes]
            await subject.reader.resubscribe()
            assert [await asked.get() for _ in range(2)] == [["+quotes"], ["-alerts.in_force"]]
            subject.topics[:] = [in_force, quotes]  # a later reload no longer wants what the former waits for
            await subject.reader.resubscribe()
            baselines.release(Channel.BREAKS)
            assert await asked.get() == ["+alerts.in_force"]
            await subject.gaps.get()
            subject.topics[:] = [in_force, breaks, quotes]
            await subject.reader.resubscribe()
            assert await asked.get() == ["+alerts.simultaneous_breaks"]
    assert asked.empty()


async def test_a_reload_is_heard_while_every_baseline_hangs() -> None:
    asked: asyncio.Queue[list[str]] = asyncio.Queue()
    async with serving(lambda socket: _answer(socket, asked)) as url:
        subject = bench(url, before_subscribe=Baselines(*ALL).decide)
        async with running(subject):
            await subject.clock.advance(100)
            assert asked.empty()
            subject.topics.append(Topic(Channel.QUOTES, ("AAPL",)))
            await subject.reader.resubscribe()
            await subject.clock.advance(GRACE)
            assert await asked.get() == ["+quotes"]


async def test_a_beginning_that_can_not_be_decided_now_is_told_and_tried_again() -> None:
    asked: asyncio.Queue[list[str]] = asyncio.Queue()
    troubles = [StoreBusyError("disk I/O error")]

    async def once_unreadable(_channel: Channel) -> None:
        if troubles:
            raise troubles.pop()

    async with serving(lambda socket: _answer(socket, asked)) as url:
        subject = bench(url, before_subscribe=once_unreadable)
        subject.topics[:] = [Topic(Channel.IN_FORCE)]
        with capture_logs() as lines:
            async with running(subject):
                await subject.clock.advance(1)
                assert await asked.get() == ["+alerts.in_force"]
    assert [line["error"] for line in lines if line["log_level"] == "error"] == ["disk I/O error"]


async def test_a_beginning_that_breaks_down_ends_the_reader() -> None:
    async def broken(_channel: Channel) -> None:
        raise ZeroDivisionError

    subject = bench("ws://127.0.0.1:9/ws", before_subscribe=broken)
    with capture_logs(), pytest.raises(ZeroDivisionError):
        await subject.reader.run()


async def test_stopping_before_there_is_a_connection_returns_at_once() -> None:
    subject = bench("ws://127.0.0.1:9/ws", before_subscribe=Baselines(*ALL).decide)
    async with running(subject):
        for _ in range(5):
            await asyncio.sleep(0)
    assert subject.reader.state.phase is Phase.STOPPED


async def test_stopping_while_it_backs_off_returns_at_once() -> None:
    subject = bench("ws://127.0.0.1:9/ws")
    async with running(subject):
        await subject.backs_off()
    assert subject.reader.state.phase is Phase.STOPPED


async def test_what_arrived_before_the_close_is_still_handed_on() -> None:
    async def last_words(socket: ServerConnection) -> None:
        await acknowledge(socket)
        for number in range(1, 501):
            await socket.send(alert(number))

    async with serving(last_words) as url:
        subject = bench(url)
        async with running(subject):
            await subject.backs_off()
            assert await subject.event_ids(500) == list(range(1, 501))


async def test_cancelling_the_reader_drops_the_socket_and_is_not_swallowed() -> None:
    gone = asyncio.Event()

    async def wait(socket: ServerConnection) -> None:
        await acknowledge(socket)
        await socket.wait_closed()
        gone.set()

    async with serving(wait) as url:
        subject = bench(url)
        task = asyncio.ensure_future(subject.reader.run())
        await subject.gaps.get()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await gone.wait()
    assert subject.metric("relay_upstream_connected") == 0
