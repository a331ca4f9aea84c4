"""What is said of dead letters that were dealt with, and of a replay."""

from __future__ import annotations

import msgspec
import pytest

from relay.cli.filters import of
from relay.cli.letters import Done, DropPlan, RetryPlan
from relay.cli.replay import Replayed, _words
from relay.outbox.forecast import DropForecast, ReplayForecast, RetryForecast
from tests.support.clock import START_US


@pytest.mark.parametrize(
    ("done", "whose", "said"),
    [
        (Done(12, running=True), " of bot", "12 dead letters of bot are queued again."),
        (Done(1, running=True), "", "1 dead letter is queued again."),
        (
            Done(15, running=True, overdue=15),
            "",
            ("15 dead letters are queued again. All of them are older than their max_age and expire at once, unsent."),
        ),
        (Done(2, running=True, overdue=None), "", "2 dead letters are queued again."),
        (Done(1_200, running=False), "", "1,200 dead letters are queued again; they go out when the relay runs."),
        (Done(0, running=True), " of bot", "Nothing to retry: there are no dead letters of bot."),
        (
            Done(0, running=True, bodiless=2),
            " of bot",
            "No dead letter of bot was queued again: the bodies of 2 dead letters are gone.",
        ),
        (
            Done(2, running=True, absent=("old",)),
            "",
            "2 dead letters are queued again. old is not in the config: what is for it waits until then.",
        ),
        (
            Done(2, running=True, absent=("a", "b")),
            "",
            "2 dead letters are queued again. a, b are not in the config: what is for them waits until then.",
        ),
    ],
)
def test_a_retry_says_what_was_queued_and_what_waits(done: Done, whose: str, said: str) -> None:
    assert done.retried(whose) == said


OLD = RetryForecast(
    1_200, 40, {"bot": 1_000, "swing": 200}, "2026-04-09T11:45:22.000Z", "2026-04-10T10:45:22.000Z", bodiless=2
)
ONE = RetryForecast(1, 0, {"bot": 1}, "2026-04-10T13:33:22.000Z", "2026-04-10T13:33:22.000Z")
TWO = RetryForecast(2, 2, {"old": 2}, ONE.earliest, ONE.latest)


@pytest.mark.parametrize(
    ("found", "absent", "said"),
    [
        (
            OLD,
            (),
            (
                "1,200 dead letters of bot would be queued again (1,000 to bot, 200 to swing); nothing was done. "
                "The oldest alert is 26 hours old, the newest 3 hours. "
                "40 of them are older than their max_age and would expire at once, unsent. "
                "The bodies of 2 dead letters are gone."
            ),
        ),
        (
            ONE,
            (),
            "1 dead letter of bot would be queued again (1 to bot); nothing was done. Its alert is 12 minutes old.",
        ),
        (
            msgspec.structs.replace(ONE, overdue=1),
            (),
            (
                "1 dead letter of bot would be queued again (1 to bot); nothing was done. Its alert is 12 minutes old. "
                "It is older than its max_age and would expire at once, unsent."
            ),
        ),
        (
            TWO,
            ("old",),
            (
                "2 dead letters of bot would be queued again (2 to old); nothing was done. "
                "Their alerts are 12 minutes old. All of them are older than their max_age and would expire at once, "
                "unsent. old is not in the config: what is for it waits until then."
            ),
        ),
        (RetryForecast(), (), "Nothing to retry: there are no dead letters of bot."),
        (
            RetryForecast(bodiless=1),
            (),
            "No dead letter of bot would be queued again. The body of 1 dead letter is gone.",
        ),
    ],
)
def test_a_dry_run_of_a_retry_says_how_old_they_are_and_what_would_expire(
    found: RetryForecast, absent: tuple[str, ...], said: str
) -> None:
    assert RetryPlan(found, running=True, now_us=START_US, absent=absent).words(" of bot") == said


@pytest.mark.parametrize(
    ("done", "whose", "said"),
    [
        (Done(12, running=True), " of bot", "12 dead letters of bot are dropped."),
        (Done(1, running=False), "", "1 dead letter is dropped."),
        (Done(3, running=True, waiting=True), " of old", "3 deliveries of old are dropped."),
        (Done(1, running=True, waiting=True), " of old", "1 delivery of old is dropped."),
        (Done(0, running=True), "", "Nothing to drop: there are no dead letters."),
        (Done(0, running=True, waiting=True), " of old", "Nothing to drop: no delivery of old waits or is dead."),
    ],
)
def test_a_drop_says_what_was_dropped(done: Done, whose: str, said: str) -> None:
    assert done.dropped(whose) == said


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (
            DropPlan(DropForecast(33, 0, {"bot": 30, "swing": 1}, 2), running=True),
            "33 dead letters of x would be dropped (30 at bot, 1 at swing, 2 without a body); nothing was done.",
        ),
        (DropPlan(DropForecast(1, 0, {"bot": 1}), running=True), "1 dead letter of x would be dropped (1 at bot); "),
        (
            DropPlan(DropForecast(5, 4, {"x": 5}), running=True, waiting=True),
            "5 deliveries of x would be dropped (5 at x, 4 of them wait); nothing was done.",
        ),
        (DropPlan(DropForecast(), running=True), "Nothing to drop: there are no dead letters of x."),
        (
            DropPlan(DropForecast(), running=True, waiting=True),
            "Nothing to drop: no delivery of x waits or is dead.",
        ),
    ],
)
def test_a_dry_run_of_a_drop_says_how_many_and_whose(plan: DropPlan, said: str) -> None:
    assert plan.words(" of x").startswith(said)


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (Replayed(5, ReplayForecast(5), running=True, dry_run=False), "5 deliveries to bot were queued again."),
        (Replayed(1, ReplayForecast(1), running=True, dry_run=False), "1 delivery to bot was queued again."),
        (
            Replayed(5, ReplayForecast(7, 2, waiting=1, suppressed=3, bodiless=4), running=False, dry_run=False),
            (
                "5 deliveries to bot were queued again; they go out when the relay runs. 2 of them are older than "
                "their max_age and expire at once, unsent. Left out: 3 wait already, "
                "3 were held back then, 4 have lost their bodies (storage.retention)."
            ),
        ),
        (
            Replayed(2, ReplayForecast(2, 3), running=True, dry_run=False),
            (
                "2 deliveries to bot were queued again. All of them are older than their max_age and expire at once, "
                "unsent."
            ),
        ),
        (
            Replayed(0, ReplayForecast(0, waiting=2), running=False, dry_run=False),
            "No delivery to bot was queued again: 2 wait already.",
        ),
        (
            Replayed(0, ReplayForecast(0, suppressed=1, dropped=1, bodiless=1), running=False, dry_run=True),
            (
                "No delivery to bot would be queued again: 1 was held back then, "
                "1 was dropped by hand (--dropped takes it), 1 has lost its body (storage.retention)."
            ),
        ),
        (
            Replayed(5, None, running=True, dry_run=False),
            "5 deliveries to bot were queued again; what was left out was too much to be counted.",
        ),
        (
            Replayed(0, ReplayForecast(0), running=True, dry_run=True),
            "There is nothing to send again to bot: nothing that is stored fits.",
        ),
        (
            Replayed(1_500, ReplayForecast(1_500, 20), running=True, dry_run=True),
            (
                "1,500 deliveries to bot would be queued again; nothing was done. "
                "20 of them are older than their max_age and would expire at once, unsent."
            ),
        ),
        (
            Replayed(2, ReplayForecast(2, 2, dropped=2), running=True, dry_run=True),
            (
                "2 deliveries to bot would be queued again; nothing was done. All of them are older than their max_age "
                "and would expire at once, unsent. Left out: 2 were dropped by hand (--dropped takes them)."
            ),
        ),
    ],
)
def test_a_replay_says_what_it_came_to(done: Replayed, said: str) -> None:
    assert _words(done, " to bot") == said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, ""),
        ({"destination": None, "rule": None}, ""),
        ({"destination": "bot"}, " of bot"),
        ({"rule": "daily bulls", "code": "404"}, " (rule daily bulls, code 404)"),
        ({"destination": "bot", "since": "2h"}, " of bot (since 2h)"),
    ],
)
def test_what_was_selected_follows_the_noun(given: dict[str, str | None], said: str) -> None:
    assert of(given) == said
    assert of(given, joined="to") == said.replace(" of ", " to ")
