"""What a press of a button came to, in words; and the flashes that carry them to the page."""

from __future__ import annotations

import pytest

from relay.web.flash import MOST_FLASHES, Flashes
from relay.web.said import Said, Values, said

SNOOZE = {"kind": "symbol", "name": "AAPL", "until": "2026-04-10T15:45:22.000Z"}


@pytest.mark.parametrize(
    ("path", "values", "place", "text"),
    [
        ("/api/dead/{id}/retry", {"id": 17}, "dead", "Dead letter 17 is queued again."),
        ("/api/dead/{id}/drop", {"id": 17}, "dead", "Dead letter 17 is dropped."),
        ("/api/dead/retry", {"done": 1, "next": None}, "dead", "One dead letter is queued again."),
        (
            "/api/dead/retry",
            {"done": 1500, "next": 7},
            "dead",
            "1,500 dead letters are queued again. There are more: press it again.",
        ),
        ("/api/dead/drop", {"done": 0, "next": None}, "dead", "No dead letter was dropped."),
        ("/api/destinations/{name}/pause", {"destination": "bot"}, "destinations", "bot is paused: what comes waits."),
        ("/api/destinations/{name}/resume", {"destination": "bot"}, "destinations", "bot sends again."),
        (
            "/api/destinations/{name}/resume",
            {"destination": "bot", "dropped": 3},
            "destinations",
            "bot sends again; 3 that had waited too long were dropped.",
        ),
        (
            "/api/destinations/{name}/resume",
            {"destination": "bot", "dropped": 1},
            "destinations",
            "bot sends again; 1 that had waited too long was dropped.",
        ),
        (
            "/api/snooze",
            SNOOZE,
            "snoozes",
            "AAPL is snoozed until 2026-04-10 15:45 UTC: what comes is suppressed, and kept.",
        ),
        ("/api/snooze", {"ended": [SNOOZE, {"name": "bot"}]}, "snoozes", "The snooze of AAPL, bot is over."),
        ("/api/snooze", {"ended": []}, "snoozes", "Nothing of that was snoozed."),
        (
            "/api/reload",
            {"changes": {"rules": {"added": [{"name": "a"}]}, "restart": []}},
            "config",
            "The config was loaded.",
        ),
        (
            "/api/reload",
            {"changes": {"rules": {"added": []}, "restart": []}},
            "config",
            "The config was loaded; it says what it said.",
        ),
        (
            "/api/reload",
            {"changes": {"restart": ["storage.url"]}},
            "config",
            "The config was loaded. storage.url: in force after a restart.",
        ),
        ("/api/connect", {"taken_back": True}, "connection", "The connection is being taken back."),
        (
            "/api/connect",
            {"taken_back": False},
            "connection",
            "This relay does not stand by: there is nothing to take back.",
        ),
        ("/api/backfill", {"number": 1}, "backfill", "A backfill has begun."),
        ("/api/replay", {"done": 1}, "glance", "Done."),
    ],
)
def test_what_was_done_is_said_where_it_shows(path: str, values: Values, place: str, text: str) -> None:
    assert said(path, values, status=200) == Said(place, text, well=True)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"error": {"code": "not_found", "message": "there is no dead letter 3"}}, "There is no dead letter 3."),
        (
            {"ok": False, "file": "config.yaml", "faults": [{"line": 4, "message": "what is `tpo`?"}, {}]},
            "Nothing changed. config.yaml, line 4: what is `tpo`? (and 1 more)",
        ),
        (
            {"ok": False, "faults": [], "error": "it needs a token.", "hint": "Set one."},
            "Nothing changed. It needs a token. Set one.",
        ),
        (
            {"error": {"message": "there is no rule 'dayli'. Did you mean the rule 'daily'?"}},
            "There is no rule 'dayli'. Did you mean the rule 'daily'?",
        ),
        ({}, "Nothing changed. It could not be done."),
    ],
)
def test_what_was_not_done_is_said_with_the_reason(values: Values, text: str) -> None:
    assert said("/api/reload", values, status=422) == Said("config", text, well=False)


def test_a_flash_is_told_once_and_few_are_kept() -> None:
    flashes = Flashes()
    names = [flashes.keep(Said("dead", str(number))) for number in range(MOST_FLASHES + 1)]
    assert flashes.take(names[0]) is None
    assert flashes.take(names[1]) == Said("dead", "1")
    assert flashes.take(names[1]) is None
    assert flashes.take("") is None
