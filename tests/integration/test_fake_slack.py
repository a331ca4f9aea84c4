"""The fake Slack, over real loopback connections."""

from __future__ import annotations

import aiohttp
import pytest

from relay.simulator.chat.faults import Fault
from relay.simulator.chat.posted import Pings
from relay.simulator.chat.slack import REFUSALS, FakeSlack
from tests.support.chat import Poster
from tests.support.clock import START_US, FakeClock

HELLO = {"text": "hello"}


async def test_a_message_is_kept_and_answered_ok(http: Poster, clock: FakeClock) -> None:
    async with FakeSlack(clock) as slack:
        url = slack.add_webhook("Relay", channel="swing")
        payload = {"text": "hello", "blocks": [{"type": "divider"}]}
        got = await http.post(url, payload)
        assert (got.status, got.text) == (200, "ok")
        await slack.wait_for(1)
        (message,) = slack.messages
        assert (message.webhook, message.channel, message.username) == ("Relay", "swing", "Relay")
        assert (message.arrived_at, message.at_us, message.payload) == (1_000.0, START_US, payload)
        assert (message.text, message.blocks) == ("hello", [{"type": "divider"}])


async def test_refusals_are_one_word(http: Poster, clock: FakeClock) -> None:
    async with FakeSlack(clock, burst=20) as slack:
        url = slack.add_webhook("Relay")
        for given, status, word in (
            (http.post(url, raw=b"{"), 400, "invalid_payload"),
            (http.post(url, []), 400, "invalid_payload"),
            (http.post(url, {}), 400, "no_text"),
            (http.post(url, {"blocks": [{"type": "x"}]}), 400, "invalid_blocks"),
            (http.post(url[:-1], HELLO), 404, "no_service"),
            (http.get(url), 405, "method_not_allowed"),
        ):
            got = await given
            assert (got.status, got.text) == (status, word)
        assert slack.messages == []


async def test_a_webhook_can_be_refused_for_good_with_every_word(http: Poster, clock: FakeClock) -> None:
    async with FakeSlack(clock) as slack:
        url = slack.add_webhook("Relay")
        for word, status in REFUSALS.items():
            slack.refuse("Relay", word)
            got = await http.post(url, HELLO)
            assert (got.status, got.text) == (status, word)
        slack.restore("Relay")
        assert (await http.post(url, HELLO)).status == 200


async def test_one_message_a_second_after_a_burst(http: Poster, clock: FakeClock) -> None:
    async with FakeSlack(clock, burst=2) as slack:
        url = slack.add_webhook("A")
        assert [(await http.post(url, HELLO)).status for _ in range(3)] == [200, 200, 429]
        await clock.advance(0.25)
        refused = await http.post(url, HELLO)
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        assert (await http.post(slack.add_webhook("B"), HELLO)).status == 200
        await clock.advance(0.75)
        assert [(await http.post(url, HELLO)).status for _ in range(2)] == [200, 429]
        assert slack.rate_limited == 3


async def test_faults_come_on_demand(http: Poster, clock: FakeClock) -> None:
    async with FakeSlack(clock) as slack:
        url = slack.add_webhook("A")
        slack.refuse_next("rollup_error")
        slack.fail_next(503, Fault(reset=True, after=True))
        got = await http.post(url, HELLO)
        assert (got.status, got.text) == (500, "rollup_error")
        assert (await http.post(url, HELLO)).status == 503
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.post(url, HELLO)
        assert len(slack.messages) == 1


@pytest.mark.parametrize(
    ("text", "pings"),
    [
        ("<!here>", Pings(here=True)),
        ("<!channel|channel> <!everyone>", Pings(everyone=True)),
        ("<@U012AB3CD> <@W1|bob> <!subteam^S9> <!subteam^S9|@swing>", Pings(roles=("S9",), users=("U012AB3CD", "W1"))),
        ("&lt;!here&gt; @here <https://e.com|!here> <!date^1^{date}|x>", Pings()),
    ],
)
async def test_unescaped_mentions_ping(http: Poster, clock: FakeClock, text: str, pings: Pings) -> None:
    async with FakeSlack(clock) as slack:
        url = slack.add_webhook("A")
        section = {"type": "section", "fields": [{"type": "mrkdwn", "text": text}]}
        header = {"type": "header", "text": {"type": "plain_text", "text": text}}
        await http.post(url, {"text": text})
        await http.post(url, {"text": "x", "blocks": [section]})
        await http.post(url, {"text": "x", "blocks": [header]})
        assert [message.pings for message in slack.messages] == [pings, pings, Pings()]


async def test_channels_are_served_as_pages(http: Poster, clock: FakeClock) -> None:
    async with FakeSlack(clock) as slack:
        url = slack.add_webhook("Relay", channel="swing")
        await http.post(url, {"text": "<b>hello</b>"})
        assert "/channels/swing" in (await http.get(slack.page)).text
        page = await http.get(slack.page + "channels/swing")
        assert "&lt;b&gt;hello&lt;/b&gt;" in page.text
        assert slack.webhooks["Relay"].token not in page.text
