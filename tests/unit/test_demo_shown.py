"""What the demo reads from a chat is what the relay put there, whether in full or as rows of a digest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from relay.deliveries import Message
from relay.demo.shown import Look, Shown, look_of, shown
from relay.demo.tally import event_of
from relay.demo.verify import Alert
from relay.destinations.factory import Factory
from relay.events import Channel, Source
from relay.simulator.chat.message import posted
from relay.simulator.chat.posted import Posted, SlackPosted, Webhook
from tests.support.clock import START_US, FakeClock
from tests.support.demo import future_break, setup
from tests.support.messages import config_of, message
from tests.support.scripted_http import ScriptedHttp

NEAR_MIDNIGHT_US = 1_775_865_598_000_000  # two seconds before the end of 2026-04-10
URLS = {
    "discord": "https://discord.example/api/webhooks/12345/tok-123456789",
    "slack": "https://hooks.slack.example/services/T0/B0/tok-123456789",
}
MENTIONS = {"discord": "<@&961700198785118228>", "slack": "<!subteam^S012ABC>"}

setups = st.builds(
    setup,
    st.just(1),
    symbol=st.sampled_from(["AAPL", "BRK-B", "ES1!", "BTC-USD", "X_1"]),
    timeframe=st.sampled_from("DWMQY"),
    direction=st.sampled_from(["bullish", "bearish"]),
    shape=st.sampled_from(["1-2U", "3-1-2D", "2D-2U", "1-3"]),
    price=st.sampled_from([0.5, 20.5, 12345.0]),
)
breaks = st.builds(
    lambda symbols, timeframe, direction: replace(future_break(1, *symbols), timeframe=timeframe, direction=direction),
    st.lists(st.sampled_from(["ES1!", "NQ1!", "RTY1!", "YM1!"]), min_size=2, unique=True),
    st.sampled_from("DWMQY"),
    st.sampled_from(["bullish", "bearish"]),
)
fired = st.lists(st.tuples(setups | breaks, st.integers(0, 4_000_000)), min_size=1, max_size=80)


def channel_of(alert: Alert) -> Channel:
    return Channel.BREAKS if alert.symbols else Channel.IN_FORCE


def rendered(chat: str, batch: Sequence[Message], **more: object) -> Mapping[str, Any]:
    config = config_of(chat, URLS[chat], **more)
    made = Factory(ScriptedHttp(), FakeClock()).build("swing", config).render(batch)
    return msgspec.json.decode(made, type=dict[str, Any])


def taken(chat: str, payload: Mapping[str, Any]) -> Posted:
    """The message that a chat makes of ``payload``."""
    if chat == "discord":
        hook = Webhook("swing", "swing", "1", "x", "/")
        return posted(hook, payload, id_="1", thread_id=None, arrived_at=0.0, at_us=START_US)
    return SlackPosted(
        id="1",
        webhook="swing",
        channel="swing",
        arrived_at=0.0,
        at_us=START_US,
        payload=payload,
        username="relay",
        text=payload["text"],
        blocks=payload["blocks"],
    )


def messages(alerts: Sequence[tuple[Alert, int]], chat: str, **more: Any) -> list[Message]:
    return [
        message(event_of(channel_of(alert), alert, at_us), mentions=(MENTIONS[chat],), now_us=at_us, **more)
        for alert, at_us in alerts
    ]


@pytest.mark.parametrize("chat", URLS)
@settings(max_examples=40)
@given(data=st.data())
def test_each_alert_of_a_message_is_seen_once(chat: str, data: st.DataObject) -> None:
    alerts = [(alert, NEAR_MIDNIGHT_US + after) for alert, after in data.draw(fired)]
    form = data.draw(st.sampled_from([{}, {"digest_over": 1}]))
    late = data.draw(st.sampled_from([Source.LIVE, Source.BACKFILL]))
    simulated = data.draw(st.booleans())
    batch = messages(alerts, chat, simulated=simulated, source=late)
    destination = Factory(ScriptedHttp(), FakeClock()).build("swing", config_of(chat, URLS[chat], **form))
    count = destination.fits(batch)
    seen = shown(taken(chat, msgspec.json.decode(destination.render(batch[:count]), type=dict[str, Any])))
    assert seen.strange == ()
    assert Counter(seen.looks) == Counter(look_of(alert, at_us) for alert, at_us in alerts[:count])


@pytest.mark.parametrize("chat", URLS)
def test_a_lone_late_alert_that_pings_nobody_is_seen(chat: str) -> None:
    late = message(event_of(Channel.IN_FORCE, setup(), START_US), source=Source.BACKFILL, now_us=START_US + 10**9)
    assert shown(taken(chat, rendered(chat, [late]))) == Shown((Look("AAPL [D] 1-2U", START_US // 10**6),))


@pytest.mark.parametrize(
    ("chat", "payload", "strange"),
    [
        ("discord", {"embeds": [{"title": "hello", "timestamp": "2026-04-10T13:45:22+00:00"}]}, "hello"),
        ("discord", {"embeds": [{"title": "AAPL [D] 1-2U"}]}, "AAPL [D] 1-2U"),
        ("discord", {"embeds": [{"title": "AAPL [D] 1-2U", "timestamp": "today"}]}, "AAPL [D] 1-2U"),
        ("discord", {"embeds": [{"description": "hello"}]}, "an embed without a title"),
        ("discord", {"embeds": [{"description": "2026-04-10 13:45:22\n```\nhello\n```"}]}, "hello"),
        ("discord", {"embeds": [{"description": "```\n13:45:22 AAPL D 1-2U ▲\n```"}]}, "13:45:22 AAPL D 1-2U ▲"),
        (
            "slack",
            {"text": "", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*AAPL [D] 1-2U*"}}]},
            "AAPL [D] 1-2U",
        ),
    ],
)
def test_what_is_no_alert_is_told(chat: str, payload: Mapping[str, Any], strange: str) -> None:
    assert shown(taken(chat, payload)) == Shown((), (strange,))


@pytest.mark.parametrize("chat", URLS)
def test_a_message_without_alerts_shows_none(chat: str) -> None:
    assert shown(taken(chat, {"content": "hello", "text": "hello", "blocks": []})) == Shown()
