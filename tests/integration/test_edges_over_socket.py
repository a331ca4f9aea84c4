"""Rules on quotes and states beside the simulator: subscribed for their symbols only, fired as they become true."""

from __future__ import annotations

from relay.clock import SystemClock
from relay.events import Channel, Instant
from relay.rules.rule import Rule
from relay.rules.wanted import wanted_symbols
from relay.simulator.settings import ApiKey, Scope, SimulatorSettings
from relay.simulator.upstream import Simulator
from relay.upstream.protocol import Topic
from relay.upstream.tick import event_of
from tests.support.stub_upstream import KEY, Bench, bench, running
from tests.support.ticks import Desk, on_quotes, on_states

UP = on_quotes("through 200", "AAPL", crosses_above=200.0)
ALSO = on_quotes("also", "MSFT", above=30.0)
GREEN = on_states("continuity", "AAPL", tfc={"D": "green"})


def simulator_with(*scopes: Scope) -> Simulator:
    key = ApiKey(scopes=frozenset({Scope.CONNECT, *scopes}))
    return Simulator(SimulatorSettings(keys={KEY: key}), SystemClock())


def want(subject: Bench, *rules: Rule) -> None:
    subject.topics[:] = [Topic(channel, symbols) for channel, symbols in wanted_symbols(rules).items()]


async def test_a_quote_and_a_state_fire_the_rules_on_them() -> None:
    async with simulator_with(Scope.PRICES, Scope.STATES) as simulator:
        subject, desk = bench(simulator.websocket_url), Desk([UP, GREEN])
        want(subject, UP, GREEN)
        async with running(subject):
            assert await subject.gaps.get() == "connected"
            for price in (199.0, 200.0, 201.0):
                simulator.quote("AAPL", price, 10)
                simulator.quote("MSFT", price)  # nobody wants it
            for colour in ("red", "green"):
                simulator.state({"symbol": "AAPL", "tfc": {"D": colour}})
            ticks = [await subject.ticks.get() for _ in range(5)]
    assert desk.take(*ticks) == [("through 200",), ("continuity",)]
    quote, state = (event_of(fired.tick) for fired in desk.fired)
    assert (quote.symbol, quote.price, quote.id) == ("AAPL", 201.0, None)
    assert (state.symbol, state.channel) == ("AAPL", Channel.STATES)
    for event in (quote, state):
        assert isinstance(event.triggered_at, Instant)


async def test_other_rules_change_single_symbols_of_the_subscription() -> None:
    async with simulator_with(Scope.PRICES, Scope.STATES) as simulator:
        subject = bench(simulator.websocket_url)
        want(subject, UP, ALSO, GREEN)
        async with running(subject):
            assert await subject.gaps.get() == "connected"
            want(subject, ALSO)
            await subject.reader.resubscribe()
            await subject.reader.resubscribe()
            await simulator.wait_until(lambda: not simulator._feed.wants(Channel.STATES))
            (connection,) = simulator._feed.connections
            assert connection.topics == {Channel.QUOTES: {"MSFT"}}
            assert connection.said == 2
            assert subject.reader.state.accepted == {Channel.QUOTES}


async def test_a_missing_scope_leaves_the_other_channel_running() -> None:
    async with simulator_with(Scope.STATES) as simulator:
        subject = bench(simulator.websocket_url)
        want(subject, UP, GREEN)
        async with running(subject):
            assert await subject.gaps.get() == "connected"
            assert subject.reader.state.refused == {Channel.QUOTES}
            simulator.state({"symbol": "AAPL", "tfc": {}})
            assert (await subject.ticks.get()).channel is Channel.STATES
