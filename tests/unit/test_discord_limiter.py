from __future__ import annotations

import gc

import pytest

from relay.destinations.discord.limiter import GLOBAL, INVALID, LONGEST_BAN, MARGIN, DiscordLimits, Limit, WebhookBucket
from relay.destinations.discord.told import EDGE_WAIT, Scope, Told
from tests.support.clock import FakeClock

NEVER = float("-inf")


class Hand:
    """A limiter, and the steps of a message."""

    def __init__(self, limits: DiscordLimits | None = None, clock: FakeClock | None = None, webhook: str = "1") -> None:
        self.clock = clock or FakeClock()
        self.shared = limits or DiscordLimits(self.clock)
        self.limit = Limit(self.shared.bucket(webhook), self.shared)

    def begin(self) -> None:
        assert self.wait() <= 0
        self.limit.note(self.clock.monotonic())

    def answer(self, told: Told | None) -> float | None:
        held = None if told is None else self.limit.learn(told)
        self.limit.ended()
        return held

    def send(self, told: Told | None = None) -> float | None:
        self.begin()
        return self.answer(told)

    def wait(self) -> float:
        """Seconds until the next may begin."""
        return max(0.0, self.limit.ready_at() - self.clock.monotonic())


def left(remaining: int, reset_after: float = 2.0, bucket: str = "b") -> Told:
    return Told(bucket=bucket, remaining=remaining, reset_after=reset_after)


def limited(wait: float | None, scope: Scope = Scope.BUCKET) -> Told:
    return Told(limited=scope, wait=wait, invalid=True)


def test_nothing_is_assumed_before_discord_has_told() -> None:
    assert Hand().limit.ready_at() == NEVER


async def test_an_emptied_bucket_is_waited_for_and_no_longer() -> None:
    hand = Hand()
    for remaining in (4, 3, 2, 1, 0):
        assert hand.wait() == 0
        hand.send(left(remaining))
    assert hand.wait() == pytest.approx(2.0 + MARGIN)
    await hand.clock.advance(2.0 + MARGIN)
    assert hand.wait() == 0


async def test_after_a_reset_one_goes_out_until_its_answer_tells() -> None:
    hand = Hand()
    hand.send(left(0))
    await hand.clock.advance(2.1)
    hand.begin()
    assert 0 < hand.wait() < 1
    hand.answer(left(4))
    hand.begin()
    assert hand.wait() == 0


def test_what_is_under_way_is_taken_off_what_is_left() -> None:
    clock = FakeClock()
    limits = DiscordLimits(clock)
    one, other = Hand(limits, clock), Hand(limits, clock)
    one.send(left(3))
    one.begin()
    other.begin()
    one.answer(left(2))
    one.begin()
    assert one.wait() == other.wait() == pytest.approx(2.0 + MARGIN)


def test_two_destinations_of_one_webhook_share_its_bucket_and_others_do_not() -> None:
    clock = FakeClock()
    limits = DiscordLimits(clock)
    one, other, apart = Hand(limits, clock), Hand(limits, clock), Hand(limits, clock, webhook="2")
    one.send(left(0))
    assert other.wait() > 0
    assert apart.wait() == 0


async def test_a_message_whose_answer_never_comes_does_not_hold_up_others_for_ever() -> None:
    hand = Hand()
    hand.begin()
    assert hand.wait() > 0
    await hand.clock.advance(61)
    assert hand.wait() == 0


def test_without_an_answer_nothing_is_learnt() -> None:
    hand = Hand()
    hand.send(left(2))
    hand.send(None)
    assert hand.wait() == 0


def test_an_answer_that_tells_nothing_changes_nothing() -> None:
    bucket = WebhookBucket(FakeClock())
    for told in (Told(), Told(remaining=0), Told(reset_after=5.0)):
        bucket.learn(told)
    assert bucket.ready_at() == NEVER


async def test_a_429_holds_its_bucket_alone_and_then_one_goes_out() -> None:
    clock = FakeClock()
    limits = DiscordLimits(clock)
    hand, apart = Hand(limits, clock), Hand(limits, clock, webhook="2")
    hand.send(left(3))
    assert hand.send(limited(1.5)) is None
    assert hand.wait() == pytest.approx(1.5 + MARGIN)
    assert apart.wait() == 0
    await clock.advance(1.5 + MARGIN)
    hand.begin()
    assert hand.wait() > 0


async def test_a_global_429_holds_all() -> None:
    clock = FakeClock()
    limits = DiscordLimits(clock)
    hand, apart = Hand(limits, clock), Hand(limits, clock, webhook="2")
    assert hand.send(limited(3.0, Scope.GLOBAL)) == 3.0
    assert apart.wait() == pytest.approx(3.0 + MARGIN)
    await clock.advance(3.0 + MARGIN)
    assert apart.wait() == 0


async def test_all_together_stay_below_what_discord_takes_in_any_second() -> None:
    clock = FakeClock()
    limits = DiscordLimits(clock)
    begun: list[float] = []
    for number in range(3 * GLOBAL):
        hand = Hand(limits, clock, webhook=str(number))
        await clock.advance(hand.wait())
        hand.send()
        begun.append(clock.monotonic())
    assert begun[9] == pytest.approx(begun[0])
    assert all(sum(at <= other < at + 1.0 for other in begun) <= GLOBAL + 1 for at in begun)
    assert begun[-1] - begun[0] < 4.0


async def test_too_many_invalid_answers_hold_all_before_discord_bans_the_address() -> None:
    clock = FakeClock()
    limits = DiscordLimits(clock)
    for _ in range(INVALID[0] - 1):
        limits.learn(Told(invalid=True))
    apart = Hand(limits, clock)
    assert apart.wait() == 0
    limits.learn(Told())
    assert apart.wait() == 0
    limits.learn(Told(invalid=True))
    assert apart.wait() == pytest.approx(INVALID[1])
    await clock.advance(INVALID[1])
    assert apart.wait() == 0


async def test_the_edges_refusals_hold_all_for_twice_as_long_each_time() -> None:
    clock = FakeClock()
    limits = DiscordLimits(clock)
    hand, apart = Hand(limits, clock), Hand(limits, clock, webhook="2")
    for wait in (60.0, 120.0, 240.0, 480.0, LONGEST_BAN, LONGEST_BAN):
        assert hand.send(limited(EDGE_WAIT, Scope.EDGE)) == pytest.approx(wait)
        assert apart.wait() == pytest.approx(wait)
        await clock.advance(wait)
    hand.send(left(4))
    assert hand.send(limited(EDGE_WAIT, Scope.EDGE)) == EDGE_WAIT


async def test_refusals_of_what_was_under_way_are_one_refusal() -> None:
    clock = FakeClock()
    limits = DiscordLimits(clock)
    hands = [Hand(limits, clock, webhook=str(number)) for number in range(3)]
    for hand in hands:
        hand.begin()
    waits = [hand.answer(limited(EDGE_WAIT, Scope.EDGE)) for hand in hands]
    assert waits == [EDGE_WAIT] * 3


def test_a_longer_wait_that_the_edge_asks_for_is_obeyed() -> None:
    hand = Hand()
    assert hand.send(limited(3600.0, Scope.EDGE)) == 3600.0
    assert hand.wait() == 3600.0


async def test_a_global_limit_that_tells_no_wait_holds_all_for_the_second_that_it_speaks_of() -> None:
    clock = FakeClock()
    limits = DiscordLimits(clock)
    hand, apart = Hand(limits, clock), Hand(limits, clock, webhook="2")
    assert hand.send(Told(limited=Scope.GLOBAL)) == 1.0
    assert apart.wait() == pytest.approx(1.0 + MARGIN)


async def test_a_person_who_says_go_on_need_not_wait_for_an_absurd_reset() -> None:
    clock = FakeClock()
    limits = DiscordLimits(clock)
    limit = Limit(limits.bucket("1"), limits)
    limit.note(clock.monotonic())
    limit.learn(Told(limited=Scope.BUCKET, wait=30 * 86_400.0, remaining=0, reset_after=30 * 86_400.0))
    limit.ended()
    assert limit.ready_at() > clock.monotonic() + 86_400.0
    limit.release()
    assert limit.ready_at() <= clock.monotonic()


def test_a_webhook_that_nobody_posts_to_any_more_is_forgotten() -> None:
    limits = DiscordLimits(FakeClock())
    kept = limits.bucket("kept")
    for number in range(100):
        limits.bucket(str(number))
    gc.collect()
    assert list(limits._buckets.values()) == [kept]
