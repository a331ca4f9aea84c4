"""What keeps alerts from flowing, and what from flowing everywhere, as a table."""

from __future__ import annotations

import msgspec
import pytest

from relay.backfill.status import Standing, Status
from relay.delivery.settings import LaneStatus
from relay.errors import RelayError
from relay.events import Channel
from relay.outbox.base import Switch
from relay.outbox.memory import Snooze, SnoozeKind
from relay.readiness import (
    LONG_SECONDS,
    RECENT_US,
    RELOADED,
    Signs,
    judged,
    lane_trouble,
    snooze_notes,
    store_trouble,
    waiting_notes,
)
from relay.upstream.state import ConnectionState, Phase

GONE = "answered 410 Gone"
DAMAGED = "the store is damaged (malformed): stop the relay and run `relay repair`"
IDLE = LaneStatus(Switch.ON, "", 0, 0.0, 0.0, 0, 0, "")
FAILING = msgspec.structs.replace(IDLE, failures=3, held_seconds=40.0, last_error="connection refused")


def connected(*, refused: frozenset[Channel] = frozenset()) -> ConnectionState:
    state = ConnectionState(accepted=frozenset({Channel.IN_FORCE}), refused=refused)
    state.enter(Phase.ACKNOWLEDGED, 1)
    return state


def backfill(*, baseline: bool = True, **more: object) -> dict[Channel, Status]:
    return {Channel.IN_FORCE: Status(Channel.IN_FORCE, baseline=baseline, **more)}  # type: ignore[arg-type]  # because they differ


WELL = Signs(connected(), backfills=backfill(), lanes={"bot": IDLE})


def test_a_relay_that_is_well_is_ready_and_has_nothing_to_say() -> None:
    told = judged(WELL)
    assert (told.ready, told.reasons, told.degraded, told.notes) == (True, (), (), ())


@pytest.mark.parametrize(
    ("signs", "reason"),
    [
        (Signs(ConnectionState()), "not connected: the baseline is being fetched over REST first"),
        (Signs(ConnectionState(phase=Phase.WAITING)), "not connected: the connection is being made"),
        (Signs(ConnectionState(phase=Phase.WAITING, last_error="timed out")), "not connected: timed out"),
        (Signs(connected(), backfills=backfill(baseline=False)), "alerts.in_force has no baseline yet"),
        (
            Signs(connected(), damage=DAMAGED, writes=False),
            DAMAGED,
        ),
        (
            Signs(ConnectionState(), standby=True, damage=DAMAGED),
            DAMAGED,
        ),
    ],
)
def test_it_is_not_ready_and_says_why(signs: Signs, reason: str) -> None:
    told = judged(signs)
    assert (told.ready, told.reasons) == (False, (reason,))
    assert reason not in told.degraded, "nothing is told twice"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"standby": True}, "standing by: another connection took over"),
        (
            {"writes": False},
            "the store takes no writes (is the disk full?); nothing is acknowledged that is not stored",
        ),
        (
            {"connection": connected(refused=frozenset({Channel.QUOTES}))},
            "quotes was refused: add the scope prices:read to the API key",
        ),
        (
            {"backfills": backfill(standing=Standing.REFUSED, last_error="403", hint="Add a scope.")},
            "backfill of alerts.in_force is refused: 403. Add a scope.",
        ),
        (
            {"backfills": backfill(standing=Standing.RETRYING, last_error="HTTP 500", failing_seconds=600.0)},
            "backfill of alerts.in_force has failed for more than 10 minutes: HTTP 500",
        ),
        (
            {"refused_lookup": RelayError("403", hint="Add states:read.")},
            "states can't be looked up: 403. Add states:read.",
        ),
        ({"reload_fault": "a.yaml:1:1: no\nmore"}, "the config's last reload changed nothing: a.yaml:1:1: no"),
        (
            {"lanes": {"bot": IDLE, "ops": msgspec.structs.replace(IDLE, switch=Switch.OFF, reason=GONE)}},
            (
                f"ops is switched off ({GONE}), its queue is kept: mend it, then `relay resume ops`, "
                f"or with another url {RELOADED}"
            ),
        ),
    ],
)
def test_it_is_ready_and_says_what_falls_short(changed: dict[str, object], said: str) -> None:
    told = judged(msgspec.structs.replace(WELL, **changed))
    assert (told.ready, told.reasons, told.degraded) == (True, (), (said,))


@pytest.mark.parametrize(
    ("lane", "said"),
    [
        (IDLE, ""),
        (msgspec.structs.replace(IDLE, paced_seconds=9_000.0, in_flight=3), ""),
        (FAILING, ""),
        (msgspec.structs.replace(FAILING, failing_seconds=LONG_SECONDS - 1), ""),
        (
            msgspec.structs.replace(FAILING, failing_seconds=LONG_SECONDS),
            "bot has failed for more than 10 minutes (connection refused); its queue is kept, and tried again",
        ),
        (
            msgspec.structs.replace(FAILING, failing_seconds=5.0, held_seconds=3_600.0, last_error="answered 429"),
            "bot takes nothing for another 60 minutes (answered 429); its queue is kept",
        ),
        (
            msgspec.structs.replace(IDLE, held_seconds=3_299.9),
            "bot takes nothing for another 54 minutes (it asked for that earlier); its queue is kept",
        ),
        (msgspec.structs.replace(IDLE, last_error="answered 503"), ""),
        (
            msgspec.structs.replace(IDLE, last_error="answered 503", refusal="answered 404 Not Found"),
            "bot did not take its last message (answered 404 Not Found): `relay dead list --to bot`",
        ),
        (
            msgspec.structs.replace(IDLE, refusal="answered 404 Not Found", in_flight=1),
            "bot did not take its last message (answered 404 Not Found): `relay dead list --to bot`",
        ),
        (
            msgspec.structs.replace(FAILING, switch=Switch.OFF),
            (
                "bot is switched off (without a reason), its queue is kept: mend it, then `relay resume bot`, or with "
                "another url reload (`systemctl reload relay`, SIGHUP; where a service's credential holds it, restart)"
            ),
        ),
        (msgspec.structs.replace(FAILING, switch=Switch.PAUSED, failing_seconds=9_999.0), ""),
    ],
)
def test_a_destination_at_which_nothing_arrives_is_told_of(lane: LaneStatus, said: str) -> None:
    assert lane_trouble("bot", lane) == said


def test_a_command_takes_a_name_with_spaces() -> None:
    lanes = {
        "the bot": msgspec.structs.replace(IDLE, switch=Switch.OFF),
        "the ops": msgspec.structs.replace(IDLE, refusal="404"),
        "the desk": msgspec.structs.replace(IDLE, switch=Switch.PAUSED),
    }
    told = judged(msgspec.structs.replace(WELL, lanes=lanes))
    commands = [line.split("`")[1] for line in (*told.degraded, *told.notes)]
    assert commands == ["relay resume 'the bot'", "relay dead list --to 'the ops'", "relay resume 'the desk'"]


def test_what_a_person_paused_is_said_and_is_no_trouble() -> None:
    paused = msgspec.structs.replace(IDLE, switch=Switch.PAUSED, reason="paused by an operator")
    told = judged(msgspec.structs.replace(WELL, lanes={"bot": paused}))
    assert (told.ready, told.degraded) == (True, ())
    assert told.notes == ("bot is paused (paused by an operator): what comes is queued until `relay resume bot`",)


@pytest.mark.parametrize(
    ("writes", "damage", "about"), [(True, "", ""), (False, "", "disk full"), (False, DAMAGED, "relay repair")]
)
def test_the_store_says_what_helps_it(*, writes: bool, damage: str, about: str) -> None:
    said = store_trouble(writes=writes, damage=damage)
    assert about in said
    assert bool(said) is bool(about)


@pytest.mark.parametrize(
    ("dead", "ages_us", "notes"),
    [
        ({}, (), []),
        ({"bot": 0}, (RECENT_US, 2 * RECENT_US), []),
        (
            {"bot": 1_031, "the ops": 1},
            (),
            [
                "1,031 dead letters at bot wait for a decision: `relay dead list --to bot`",
                "1 dead letter at the ops waits for a decision: `relay dead list --to 'the ops'`",
            ],
        ),
        (
            {},
            (RECENT_US - 1,),
            ["1 range of ids shown only in part since yesterday may hide alerts: `relay audit`"],
        ),
        (
            {},
            (0, 1, RECENT_US),
            ["2 ranges of ids shown only in part since yesterday may hide alerts: `relay audit`"],
        ),
    ],
)
def test_what_waits_for_a_person_is_noted(dead: dict[str, int], ages_us: tuple[int, ...], notes: list[str]) -> None:
    now_us = 10 * RECENT_US
    assert list(waiting_notes(dead, (now_us - age for age in ages_us), now_us=now_us)) == notes


def test_whole_destinations_and_rules_that_are_snoozed_are_noted() -> None:
    snoozes = [
        Snooze(SnoozeKind.DESTINATION, "swing", 0, 1_775_828_722_000_000),
        Snooze(SnoozeKind.RULE, "daily bulls", 0, 1_775_828_722_000_000),
        Snooze(SnoozeKind.SYMBOL, "TSLA", 0, 1_775_828_722_000_000),
    ]
    assert list(snooze_notes(snoozes)) == [
        "the destination swing is snoozed until 2026-04-10 13:45 UTC: `relay snooze --destination --clear swing`",
        "the rule daily bulls is snoozed until 2026-04-10 13:45 UTC: `relay snooze --rule --clear 'daily bulls'`",
    ]
