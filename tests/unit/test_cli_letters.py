"""What is said of dead letters that were dealt with, and of a replay."""

from __future__ import annotations

import pytest

from relay.cli.filters import of
from relay.cli.letters import Done
from relay.cli.replay import Replayed, _words
from relay.outbox.forecast import Forecast


@pytest.mark.parametrize(
    ("done", "whose", "said"),
    [
        (Done(12, running=True), " of bot", "12 dead letters of bot are queued again."),
        (Done(1, running=True), "", "1 dead letter is queued again."),
        (Done(1_200, running=False), "", "1,200 dead letters are queued again; they go out when the relay runs."),
        (Done(0, running=True), " of bot", "Nothing to retry: there are no dead letters of bot."),
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
    ("done", "said"),
    [
        (Replayed(5, Forecast(5, 0, 0, 0, 0), running=True, dry_run=False), "5 queued again of bot, none left."),
        (
            Replayed(5, Forecast(7, 2, 1, 3, 4), running=False, dry_run=False),
            (
                "5 queued again of bot, 10 left (3 waiting already, 3 held back then, 4 whose body is gone). "
                "They go out when the relay runs."
            ),
        ),
        (
            Replayed(0, Forecast(0, 0, 2, 0, 0), running=False, dry_run=False),
            "0 queued again of bot, 2 left (2 waiting already).",
        ),
        (
            Replayed(5, None, running=True, dry_run=False),
            "5 queued again of bot; what was left was too much to be counted.",
        ),
        (Replayed(0, Forecast(0, 0, 0, 0, 0), running=True, dry_run=True), "There is nothing to send again of bot."),
        (
            Replayed(1_500, Forecast(1_500, 20, 0, 0, 0), running=True, dry_run=True),
            (
                "1,500 would be queued again of bot, none left; nothing was done. "
                "20 of them had expired: what is older than its max_age expires again."
            ),
        ),
    ],
)
def test_a_replay_says_what_it_came_to(done: Replayed, said: str) -> None:
    assert _words(done, " of bot") == said


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
