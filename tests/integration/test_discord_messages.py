"""Discord destinations against a Discord that keeps its limits, over real loopback connections, at a clock by hand."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence

import pytest

from relay.deliveries import Message, Outcome, Verdict
from relay.destinations.base import Previewable
from relay.destinations.factory import Factory
from relay.destinations.http import HttpClient
from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.chat.faults import Fault
from tests.support.clock import FakeClock
from tests.support.discord import discord_config
from tests.support.events import in_force
from tests.support.messages import message

ROLE = "<@&961700198785118228>"


class House:
    """Discord destinations of one process, and the Discord they post to."""

    def __init__(self, discord: FakeDiscord, factory: Factory, clock: FakeClock) -> None:
        self.discord = discord
        self.clock = clock
        self._factory = factory

    def destination(self, webhook: str = "swing", *, query: str = "", **more: object) -> Previewable:
        if webhook not in self.discord.webhooks:
            self.discord.add_webhook(webhook, threads=("777",))
        url = self.discord.url(webhook) + query
        return self._factory.build(webhook, discord_config(url=url, **more))

    def wait(self, destination: Previewable) -> float:
        """Seconds until the next message to it may begin."""
        assert destination.limiter is not None
        return max(0.0, destination.limiter.ready_at() - self.clock.monotonic())

    async def attempt(self, destination: Previewable, batch: Sequence[Message]) -> Outcome:
        """One attempt, as a lane makes it."""
        assert destination.limiter is not None
        destination.limiter.note(self.clock.monotonic())
        return await destination.send(batch)

    async def deliver(self, destination: Previewable, waiting: Sequence[Message]) -> float:
        """All of them, as a lane would; the seconds that it took."""
        began = self.clock.monotonic()
        while waiting:
            await self.clock.advance(self.wait(destination))
            count = destination.fits(waiting[: destination.capacity])
            outcome = await self.attempt(destination, waiting[:count])
            if outcome.verdict is Verdict.DELIVERED:
                waiting = waiting[count:]
            else:
                assert outcome.verdict is Verdict.RETRY
                await self.clock.advance(outcome.retry_after or 1.0)
        return self.clock.monotonic() - began

    def shown(self) -> list[str]:
        """The alerts that are shown, in order."""
        return re.findall(
            r"S\d{4}(?= )", json.dumps([posted.payload.get("embeds") for posted in self.discord.messages])
        )


def alerts(count: int) -> list[Message]:
    return [message(in_force(number + 1, f"S{number:04d}")) for number in range(count)]


def names(count: int) -> list[str]:
    return [f"S{number:04d}" for number in range(count)]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    clock = FakeClock()
    client = HttpClient()
    async with FakeDiscord(clock) as discord:
        yield House(discord, Factory(client, clock), clock)
    await client.close()


async def test_a_burst_is_shown_once_and_in_order_without_a_single_429(house: House) -> None:
    took = await house.deliver(house.destination(), alerts(500))
    assert house.shown() == names(500)
    assert house.discord.answers == {200: 50}
    assert took <= 20


async def test_where_discord_tells_no_limits_its_429s_are_obeyed(house: House) -> None:
    house.discord.forget_headers()
    await house.deliver(house.destination(), alerts(200))
    assert house.shown() == names(200)
    assert house.discord.rate_limited <= 4


async def test_two_destinations_of_one_webhook_share_its_limit(house: House) -> None:
    one, other = house.destination(), house.destination(query="?thread_id=777")
    for _ in range(3):
        await house.attempt(one, alerts(1))
    for _ in range(2):
        await house.attempt(other, alerts(1))
    assert house.wait(one) == house.wait(other) > 1.5
    assert house.discord.rate_limited == 0
    assert [posted.thread_id for posted in house.discord.messages] == [None] * 3 + ["777"] * 2


async def test_a_global_limit_holds_every_destination(house: House) -> None:
    one, other = house.destination(), house.destination("misc")
    house.discord.fail_next(
        Fault(429, headers={"X-RateLimit-Global": "true"}, body=b'{"retry_after": 3.5, "global": true}')
    )
    outcome = await house.attempt(one, alerts(1))
    assert (outcome.verdict, outcome.retry_after) == (Verdict.RETRY, 3.5)
    assert 3.5 <= house.wait(other) < 4


async def test_cloudflares_ban_holds_every_destination_for_long(house: House) -> None:
    one, other = house.destination(), house.destination("misc")
    house.discord.cloudflare(90, html=True)
    outcome = await house.attempt(one, alerts(1))
    assert outcome.verdict is Verdict.RETRY
    assert outcome.retry_after is not None
    assert outcome.retry_after >= 60
    assert house.wait(other) >= 60
    await house.clock.advance(house.wait(other))
    assert (await house.attempt(other, alerts(1))).verdict is Verdict.DELIVERED


@pytest.mark.parametrize("trouble", ["deleted", "401", "403"])
async def test_a_webhook_that_is_gone_switches_off(house: House, trouble: str) -> None:
    destination = house.destination()
    if trouble == "deleted":
        house.discord.delete("swing")
    else:
        house.discord.invalidate_token("swing", status=int(trouble))
    outcome = await house.attempt(destination, alerts(3))
    assert outcome.verdict is Verdict.SWITCH_OFF
    assert house.discord.webhooks["swing"].token not in repr(outcome)


async def test_a_message_is_as_its_config_says(house: House) -> None:
    destination = house.destination(username="Strat desk", thread_id="777", silent=True)
    assert (await house.attempt(destination, alerts(1))).verdict is Verdict.DELIVERED
    [posted] = house.discord.messages
    assert (posted.username, posted.thread_id, posted.silent) == ("Strat desk", "777", True)


async def test_alerts_with_one_chart_are_all_shown(house: House) -> None:
    destination = house.destination()
    await house.deliver(destination, [message() for _ in range(10)])
    [posted] = house.discord.messages
    assert len(posted.embeds) == 10
    assert house.discord.merged == 0


async def test_a_coalesced_message_pings_once_and_its_ping_counts_once_it_is_delivered(house: House) -> None:
    destination = house.destination(ping={"every": "10m"})
    asking = [message(in_force(number), mentions=(ROLE,)) for number in range(4)]
    house.discord.fail_next(500)
    assert (await house.attempt(destination, asking[:2])).verdict is Verdict.RETRY
    await house.attempt(destination, asking[:2])
    await house.attempt(destination, asking[2:])
    assert [posted.pings.roles for posted in house.discord.messages] == [("961700198785118228",), ()]


async def test_a_flood_is_a_few_tables(house: House) -> None:
    took = await house.deliver(house.destination(digest_over=60), alerts(2000))
    assert sorted(set(house.shown())) == names(2000)
    assert len(house.shown()) == 2000
    assert house.discord.posted < 20
    assert house.discord.rate_limited == 0
    assert took < 10


async def test_a_template_that_fails_is_a_dead_letter_and_holds_up_nothing(house: House) -> None:
    destination = house.destination(template="{{ nothing }}")
    for _ in range(3):
        outcome = await house.attempt(destination, alerts(1))
        assert (outcome.verdict, outcome.code) == (Verdict.DEAD, "template")
        assert "nothing" in outcome.detail
    assert house.discord.arrived == 0
    assert house.wait(destination) == 0


async def test_what_is_shown_beforehand_is_what_is_sent(house: House) -> None:
    destination = house.destination(username="Strat desk")
    batch = alerts(3)
    shown = json.loads(destination.render(batch))
    await house.attempt(destination, batch)
    assert house.discord.messages[0].payload == shown
