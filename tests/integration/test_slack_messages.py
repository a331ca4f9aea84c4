"""Our Slack messages against a Slack on loopback that refuses what the real one refuses."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from relay.deliveries import Message, Outcome, Verdict
from relay.destinations.http import HttpClient
from relay.destinations.slack.config import SlackConfig
from relay.destinations.slack.limiter import SlackLimits
from relay.destinations.slack.slack import Slack
from relay.simulator.chat.posted import Pings
from relay.simulator.chat.slack import FakeSlack
from tests.support.clock import FakeClock
from tests.support.events import a_break, in_force
from tests.support.messages import config_of, message

OFF = {
    "no_service",
    "invalid_token",
    "no_active_hooks",
    "no_team",
    "team_disabled",
    "channel_not_found",
    "channel_is_archived",
    "action_prohibited",
    "posting_to_general_channel_denied",
}
DEAD = {"invalid_payload", "invalid_blocks", "no_text", "too_many_attachments", "user_not_found"}


class Desk:
    """A Slack, a destination that posts to it, and the time of both."""

    def __init__(self, chat: FakeSlack, clock: FakeClock, client: HttpClient, config: dict[str, object]) -> None:
        self.chat = chat
        self.clock = clock
        self.limits = SlackLimits(clock)
        read = config_of("slack", chat.add_webhook("Relay", channel="swing"), **config)
        assert isinstance(read, SlackConfig)
        self.slack = Slack("desk", read, client, clock, self.limits)

    async def send_all(self, waiting: Sequence[Message]) -> list[Outcome]:
        """Send what waits like a lane: as much as fits, as soon as it may; what is refused for now goes again."""
        outcomes = []
        while waiting:
            wait = self.slack.limiter.ready_at() - self.clock.monotonic()
            if wait > 0:
                await self.clock.advance(wait)
            count = self.slack.fits(waiting[: self.slack.capacity])
            self.slack.limiter.note(self.clock.monotonic())
            outcomes.append(await self.slack.send(waiting[:count]))
            if outcomes[-1].verdict is Verdict.DELIVERED:
                waiting = waiting[count:]
        return outcomes


@asynccontextmanager
async def at_the_desk(burst: int = 4, per: float = 1.0, **config: object) -> AsyncIterator[Desk]:
    clock = FakeClock()
    client = HttpClient()
    try:
        async with FakeSlack(clock, burst=burst, per=per) as chat:
            yield Desk(chat, clock, client, config)
    finally:
        await client.close()


def symbols(desk: Desk) -> list[str]:
    """What the channel shows, from the first to the last."""
    return [symbol for posted in desk.chat.messages for symbol in re.findall(r"\|(S\d+) \[D\]", str(posted.payload))]


async def test_two_hundred_alerts_are_shown_once_in_order_in_a_few_seconds() -> None:
    async with at_the_desk() as desk:
        began = desk.clock.monotonic()
        await desk.send_all([message(in_force(number, f"S{number}")) for number in range(200)])
        assert desk.clock.monotonic() - began <= 10
        assert desk.chat.rate_limited == 0
        assert symbols(desk) == [f"S{number}" for number in range(200)]
        assert len(desk.chat.messages) <= 14


@pytest.mark.parametrize(("burst", "per", "refused"), [(1, 1.0, 2), (2, 1.0, 1), (1, 2.0, 3)])
async def test_a_slower_slack_is_learnt(burst: int, per: float, refused: int) -> None:
    async with at_the_desk(burst, per) as desk:
        await desk.send_all([message(in_force(number, f"S{number}")) for number in range(200)])
        assert symbols(desk) == [f"S{number}" for number in range(200)]
        assert desk.chat.rate_limited <= refused


async def test_two_thousand_alerts_are_a_few_digests_where_that_was_chosen() -> None:
    async with at_the_desk(digest_over=60) as desk:
        began = desk.clock.monotonic()
        await desk.send_all([message(in_force(number, f"S{number}")) for number in range(2000)])
        assert desk.clock.monotonic() - began <= 10
        shown = [
            row for posted in desk.chat.messages for row in re.findall(r"\d\d:\d\d:\d\d (S\d+) ", str(posted.payload))
        ]
        assert sorted(shown + symbols(desk)) == sorted(f"S{number}" for number in range(2000))
        assert len(desk.chat.messages) <= 12


async def test_a_message_pings_whom_it_may_and_nobody_else() -> None:
    async with at_the_desk(mentions={"D": "<!subteam^S012ABC>"}) as desk:
        hostile = in_force(1, "<!channel> <@U999> <!here>")
        await desk.slack.send([message(hostile, rules=("<!everyone>",), mentions=("<@U012ABC>",)), message(a_break(2))])
        [posted] = desk.chat.messages
        assert posted.pings == Pings(("S012ABC",), ("U012ABC",))


@pytest.mark.parametrize("word", sorted(OFF | DEAD | {"rollup_error"}))
async def test_every_refusal_is_understood(word: str) -> None:
    async with at_the_desk() as desk:
        desk.chat.refuse("Relay", word)
        outcome = await desk.slack.send([message()])
        expected = Verdict.SWITCH_OFF if word in OFF else Verdict.DEAD if word in DEAD else Verdict.RETRY
        assert outcome.verdict is expected
        assert word in outcome.detail


async def test_nothing_goes_out_before_the_time_that_slack_asks_for() -> None:
    async with at_the_desk() as desk:
        desk.chat.refuse_next("rate_limited")
        began = desk.clock.monotonic()
        outcomes = await desk.send_all([message()])
        assert [outcome.code for outcome in outcomes] == ["429", "200"]
        assert desk.clock.monotonic() - began == 1.0
