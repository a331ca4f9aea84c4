from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.assets import ASSETS, asset_of, asset_of_event
from relay.events import Channel, Event


@pytest.mark.parametrize(
    ("symbol", "asset"),
    [
        *((symbol, "stocks") for symbol in ("AAPL", "BRK-B", "BRK.B", "ON", "ES", "BTC", "A", "USD", "1", "")),
        *((symbol, "futures") for symbol in ("NQ=F", "ES1!", "es1!", "/ES=F", "CL=F", "ZN2!", " 6E=F ")),
        *((symbol, "crypto") for symbol in ("BTC-USD", "eth-usd", "SOL-USDT", "ETH-BTC", "BTC/USD")),
    ],
)
def test_a_symbols_form_tells_what_it_is_of(symbol: str, asset: str) -> None:
    assert asset_of(symbol) == asset


@given(st.text())
def test_every_text_is_of_something(symbol: str) -> None:
    assert asset_of(symbol) in ASSETS


def test_a_break_is_of_futures_and_an_event_without_a_name_of_nothing() -> None:
    assert asset_of_event(Event(Channel.BREAKS, symbols=("ES",))) == "futures"
    assert asset_of_event(Event(Channel.BREAKS)) == "futures"
    assert asset_of_event(Event(Channel.IN_FORCE, symbol="NQ=F")) == "futures"
    assert asset_of_event(Event(Channel.IN_FORCE)) is None
