from __future__ import annotations

import re

import pytest
from hypothesis import given
from yarl import URL

from relay.deliveries import Message
from relay.destinations.charts import INTERVALS, chart_symbol, chart_url
from relay.events import TIMEFRAMES, Channel, Event
from tests.support.any_alert import messages
from tests.support.events import a_break, in_force

PREFIX = "https://www.tradingview.com/chart/?symbol="


@pytest.mark.parametrize(
    ("symbol", "charted"),
    [
        ("AAPL", "AAPL"),
        ("aapl", "AAPL"),
        ("BRK-B", "BRK.B"),
        ("BF.B", "BF.B"),
        ("BTC-USD", "COINBASE:BTCUSD"),
        ("ETH/USD", "COINBASE:ETHUSD"),
        ("1INCH-USDT", "COINBASE:1INCHUSDT"),
        ("ES", "CME_MINI:ES1!"),
        ("ES1!", "CME_MINI:ES1!"),
        ("ES=F", "CME_MINI:ES1!"),
        ("/ES1!", "CME_MINI:ES1!"),
        ("NQ=F", "CME_MINI:NQ1!"),
        ("RTY1!", "CME_MINI:RTY1!"),
        ("YM", "CBOT_MINI:YM1!"),
        ("ym=f", "CBOT_MINI:YM1!"),
        ("CL=F", "NYMEX:CL1!"),
        ("GC1!", "COMEX:GC1!"),
        ("ZB=F", "CBOT:ZB1!"),
        ("6E=F", "CME:6E1!"),
        ("DX=F", "ICEUS:DX1!"),
        ("CL", "CL"),
        ("XYZ=F", "XYZ1!"),
    ],
)
def test_a_symbol_has_the_charts_name(symbol: str, charted: str) -> None:
    assert chart_symbol(symbol) == charted


@pytest.mark.parametrize(
    ("timeframe", "interval"),
    [
        ("15", "15"),
        ("30", "30"),
        ("60", "60"),
        ("4H", "240"),
        ("12H", "720"),
        ("D", "D"),
        ("W", "W"),
        ("M", "M"),
        ("Q", "3M"),
        ("Y", "12M"),
    ],
)
def test_a_timeframe_has_the_charts_interval(timeframe: str, interval: str) -> None:
    assert chart_url(in_force(1, timeframe=timeframe)) == f"{PREFIX}AAPL&interval={interval}"
    assert set(INTERVALS) == set(TIMEFRAMES)


@pytest.mark.parametrize(
    ("event", "url"),
    [
        (in_force(1, "ES1!", timeframe="4h"), f"{PREFIX}CME_MINI:ES1!&interval=240"),
        (in_force(1, timeframe="2D"), f"{PREFIX}AAPL"),
        (in_force(1, timeframe=None), f"{PREFIX}AAPL"),
        (a_break(1), f"{PREFIX}CME_MINI:ES1!&interval=D"),
        (a_break(1, symbols=("RTY1!", "YM1!")), f"{PREFIX}CME_MINI:RTY1!&interval=D"),
        (in_force(1, "A&symbol=B #"), f"{PREFIX}A%26SYMBOL%3DB%20%23&interval=D"),
        (in_force(1, "[x](y)<z>"), f"{PREFIX}%5BX%5D%28Y%29%3CZ%3E&interval=D"),
        (in_force(1, None), None),
        (in_force(1, " \x00"), None),
        (in_force(1, "A" * 65), None),
        (Event(Channel.BREAKS), None),
    ],
)
def test_an_alert_has_its_chart(event: Event, url: str | None) -> None:
    assert chart_url(event) == url


@given(messages)
def test_no_symbol_leads_anywhere_but_to_a_chart(sent: Message) -> None:
    url = chart_url(sent.delivery.event)
    if url is not None:
        assert re.fullmatch(r"https://www\.tradingview\.com/chart/\?[!-~]+", url)
        assert len(url) < 1_000
        assert set(URL(url, encoded=True).query) <= {"symbol", "interval"}
