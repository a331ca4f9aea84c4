"""Quotes and state snapshots: what has no history, only a present.

A quote goes out with every tick, a state when one of the symbol's timeframes changes its colour; either only while
somebody is subscribed to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from relay.clock import Clock
from relay.events import EVENT_TYPES, Channel
from relay.simulator.feed import Feed
from relay.simulator.history import micros_offset
from relay.simulator.market import Market, Tick
from relay.simulator.snapshots import snapshot

_encode: Final = msgspec.json.Encoder().encode


class Tape:
    """The present of every symbol: the market's, or what a test says it is."""

    def __init__(self, market: Market | None, clock: Clock, feed: Feed) -> None:
        self._market, self._clock, self._feed = market, clock, feed
        self._said: dict[str, Mapping[str, object]] = {}
        self._colours: dict[str, dict[str, str]] = {}

    def tick(self, tick: Tick) -> None:
        """Take in a trade of the market."""
        self.quote(tick.symbol, tick.price, tick.volume)
        if self._market is not None and self._feed.wants(Channel.STATES, tick.symbol):
            colours = self._market.tfc(tick.symbol)
            if colours != self._colours.get(tick.symbol):
                self._colours[tick.symbol] = colours
                self._publish(Channel.STATES, tick.symbol, snapshot(self._market, tick.symbol))

    def quote(self, symbol: str, price: float, volume: int) -> None:
        """Send a quote to those subscribed to the symbol."""
        if self._feed.wants(Channel.QUOTES, symbol):
            ts = micros_offset(self._clock.now_us())
            data = {"symbol": symbol, "price": price, "volume": volume, "event_ts": ts}
            self._publish(Channel.QUOTES, symbol, data)

    def state(self, state: Mapping[str, object]) -> None:
        """Make ``state`` its symbol's snapshot from now on, and send it to those subscribed to the symbol."""
        symbol = str(state["symbol"])
        self._said[symbol] = state
        self._publish(Channel.STATES, symbol, state)

    def snapshot(self, symbol: str) -> Mapping[str, object] | None:
        """The symbol as it stands; None where it is unknown."""
        said = self._said.get(symbol)
        return said if said is not None or self._market is None else snapshot(self._market, symbol)

    def _publish(self, channel: Channel, symbol: str, data: object) -> None:
        self._feed.publish(channel, EVENT_TYPES[channel], _encode(data), symbol)
