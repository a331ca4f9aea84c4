"""Any alert that there could be, for hypothesis: huge, hostile, empty, of any time."""

from __future__ import annotations

from hypothesis import strategies as st

from relay.events import Channel, Event, Instant, Source
from tests.support.messages import message

NASTY = (
    "<&>@everyone",
    "<!channel>",
    "<!here|x>",
    "<@U012ABC>",
    "<@&961700198785118228>",
    "<!subteam^S012ABC>",
    "<https://evil.example|free money>",
    "```",
    "`*_~` *bold* _it_ ~no~",
    "[a](http://b.example) ||spoiler|| # head\n> quote",
    " \n\r\t ",
    "\u202e\u200b\x00\u2028",
    "AAPL",
    "1-2U",
)

huge = st.sampled_from("😀&<*a").map(lambda char: char * 4000)
texts = st.text(max_size=20) | st.sampled_from(NASTY) | huge
maybe_text = st.none() | texts
events = st.builds(
    Event,
    channel=st.sampled_from(Channel),
    id=st.none() | st.integers(),
    symbol=maybe_text,
    symbols=st.lists(texts, max_size=9).map(tuple),
    timeframe=maybe_text | st.sampled_from(["D", "4H"]),
    direction=maybe_text | st.sampled_from(["bullish", "bearish"]),
    shape=maybe_text,
    threshold=st.none() | st.integers(),
    price=st.none() | st.floats(),
    cc=maybe_text,
    triggered_at=st.none() | st.builds(Instant, st.integers(-(10**15), 10**17)),
    data=st.just(b"{}")
    | st.sampled_from([b'{"tfc":{"D":"green","W":"red","M":"na"}}', b'{"tfc":{"<!here>":"<@U012ABC>","D":7}}', b"[]"]),
)
messages = st.builds(
    message,
    events,
    rules=st.lists(texts, max_size=40).map(tuple),
    source=st.sampled_from(Source),
    now_us=st.integers(0, 10**17),
    simulated=st.booleans(),
)
batches = st.lists(messages, min_size=1, max_size=30)
