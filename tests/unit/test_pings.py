from __future__ import annotations

import pytest
from hypothesis import given

from relay.deliveries import Message
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.pings import Pings
from relay.destinations.slack.config import SlackConfig
from relay.destinations.texts import lateness
from relay.events import Source
from tests.support.any_alert import batches
from tests.support.clock import START_US, FakeClock
from tests.support.events import in_force
from tests.support.messages import config_of, message

SWING, DAY, USER = "<@&111>", "<@&222>", "<@333>"


def pings(clock: FakeClock | None = None, kind: str = "discord", **more: object) -> Pings:
    config = config_of(kind, "https://chat.example/hooks/1", **more)
    assert isinstance(config, DiscordConfig | SlackConfig)
    return Pings(config, clock or FakeClock())


def due(pings: Pings, *batch: Message) -> list[str]:
    return [mention.text for mention in pings.due(batch)]


def test_a_rules_mention_is_resolved_by_the_destinations_roles() -> None:
    at = pings(roles={"swing": SWING})
    assert due(at, message(mentions=("swing", USER))) == [SWING, USER]


def test_a_timeframe_pings_whom_the_destination_says() -> None:
    at = pings(roles={"swing": SWING}, mentions={"D": ["swing", USER], "W": DAY})
    assert due(at, message()) == [SWING, USER]
    assert due(at, message(in_force(1, timeframe="w"))) == [DAY]
    assert due(at, message(in_force(1, timeframe="15"))) == []


def test_a_message_pings_each_once_for_all_its_alerts() -> None:
    at = pings(roles={"swing": SWING}, mentions={"D": "swing"})
    batch = [message(mentions=(USER, SWING)), message(mentions=("<@!333>", DAY))]
    assert due(at, *batch) == [USER, SWING, DAY]


@pytest.mark.parametrize(
    ("source", "late"), [(Source.REPLAY, 0), (Source.TEST, 0), (Source.BACKFILL, 61), (Source.LIVE, 601)]
)
def test_what_is_late_or_no_fresh_alert_pings_nobody(source: Source, late: int) -> None:
    at = pings(mentions={"D": DAY})
    old = message(source=source, now_us=START_US + late * 1_000_000, mentions=(SWING,))
    assert due(at, old) == []
    assert due(at, old, message(mentions=(USER,))) == [USER, DAY]


@pytest.mark.parametrize(("source", "late"), [(Source.BACKFILL, 59), (Source.LIVE, 599)])
def test_what_is_hardly_late_pings(source: Source, late: int) -> None:
    assert due(pings(), message(source=source, now_us=START_US + late * 1_000_000, mentions=(SWING,))) == [SWING]


def test_nobody_is_pinged_who_is_not_of_this_chat() -> None:
    assert due(pings(), message(mentions=("<@U012ABC>", "nobody", "<!subteam^S1>"))) == []
    assert due(pings(kind="slack"), message(mentions=("<@U012ABC>", SWING))) == ["<@U012ABC>"]


async def test_nobody_is_pinged_twice_within_the_time_that_is_set() -> None:
    clock = FakeClock()
    at = pings(clock, ping={"every": "10m"})
    first = at.due([message(mentions=(SWING,))])
    at.note(first)
    assert due(at, message(mentions=(SWING, USER))) == [USER]
    await clock.advance(599)
    assert due(at, message(mentions=(SWING,))) == []
    await clock.advance(1)
    assert due(at, message(mentions=(SWING,))) == [SWING]


def test_a_ping_that_did_not_arrive_does_not_count() -> None:
    at = pings(ping={"every": "10m"})
    assert due(at, message(mentions=(SWING,))) == due(at, message(mentions=(SWING,))) == [SWING]


def test_without_a_limit_every_message_pings() -> None:
    at = pings()
    at.note(at.due([message(mentions=(SWING,))]))
    assert due(at, message(mentions=(SWING,))) == [SWING]


@given(batches)
def test_only_alerts_that_are_in_time_ping(batch: list[Message]) -> None:
    asking = [Message(m.delivery, m.rules, None, 1, m.now_us, mentions=(SWING,)) for m in batch]
    fresh = [m for m in batch if lateness(m, 600) is None and m.delivery.source not in {Source.REPLAY, Source.TEST}]
    assert due(pings(), *asking) == ([SWING] if fresh else [])
