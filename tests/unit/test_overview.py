"""How a status is drawn: a table, sentences where none fits, and what is said where nobody answers."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from relay.cli.overview import of_store, shown, stuck
from relay.clock import MICROS
from relay.deliveries import State
from relay.outbox.base import DestinationState, QueueStats, Switch
from relay.outbox.ending import Ending
from relay.readiness import RELOADED
from tests.support.clock import START_US

ON = DestinationState()
STATS = {
    "bot": QueueStats({State.PENDING: 3, State.DELIVERED: 1_200}, START_US),
    "gone": QueueStats(
        {State.PENDING: 0, State.SUPPRESSED: 2},
        suppressed={"snooze": 2},
        replays={State.DELIVERED: 4},
        pruned={State.EXPIRED: 5},
    ),
}


def stored(
    stats: dict[str, QueueStats] | None = None,
    switches: dict[str, DestinationState] | None = None,
    *,
    held: bool = False,
    damage: str = "",
) -> dict[str, Any]:
    told = STATS if stats is None else stats
    return of_store(told, switches or {"bot": ON}, now_us=START_US + 180 * MICROS, held=held, damage=damage)


def drawn(status: dict[str, Any], width: int | None) -> str:
    told = io.StringIO()
    console = Console(file=told, width=width or 10_000, highlight=False, soft_wrap=True)
    for part in stuck(status, width=width) if "problem" in status else shown(status, width=width):
        console.print(part)
    return told.getvalue()


@pytest.mark.parametrize("width", [None, 120])
def test_each_destination_has_a_row_of_the_ledger(width: int | None) -> None:
    lines = drawn(stored(), width).splitlines()
    (head,) = (line for line in lines if line.startswith("destination"))
    assert head.split() == [
        "destination", "state", "waiting", "delivered", "dead", "expired", "suppressed", "oldest"
    ]  # fmt: skip
    (row,) = (line for line in lines if line.startswith("bot "))
    assert row.split()[:4] == ["bot", "not", "running", "3"]
    assert "1,200" in row


def test_a_narrow_terminal_gets_sentences() -> None:
    told = drawn(stored(), 40)
    assert "bot: not running, 3 waiting, 1,200\n  delivered, oldest 3 minutes\n" in told
    assert "gone: removed, 2 suppressed" in told
    assert "destination" not in told


def test_what_is_held_back_sent_again_and_deleted_is_told_below() -> None:
    told = drawn(stored(), None)
    for line in (
        "gone: suppressed: 2 snooze",
        "gone: sent again by hand: 4 delivered",
        "gone: deleted by retention: 5",
    ):
        assert line in told


@pytest.mark.parametrize(("held", "said"), [(True, "A relay runs"), (False, "No relay runs here")])
def test_a_relay_that_does_not_answer_is_told_from_none(*, held: bool, said: str) -> None:
    assert drawn(stored(held=held), None).startswith(said)


LONG = "a-community-of-swing-traders-with-a-long-name"


def many(count: int) -> dict[str, QueueStats]:
    """Destinations with names and numbers as long as they get."""
    counts = dict.fromkeys(State, 12_345_678)
    return {f"{LONG}-{number}": QueueStats(counts, START_US, {"cooldown": 12_345_678}) for number in range(count)}


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_no_line_is_longer_than_the_terminal_and_no_number_is_cut(width: int) -> None:
    stats = many(3)
    off = DestinationState(Switch.OFF, "the receiver answered 410 Gone, and says that this webhook was deleted")
    told = drawn(stored(stats, dict.fromkeys(stats, off)), width)
    assert max(map(len, told.splitlines())) <= width
    assert told.count("12,345,678") >= 3 * 5
    assert "…" not in told


def test_a_table_is_drawn_where_it_fits_and_not_where_it_does_not() -> None:
    status = stored({"bot": QueueStats({State.DELIVERED: 7})})
    assert "suppressed" in drawn(status, 90)
    assert "bot: not running, 7 delivered" in drawn(status, 60)


@pytest.mark.parametrize(
    ("switch", "said"),
    [
        (
            DestinationState(Switch.OFF, "410 Gone"),
            (
                "degraded: the bot is switched off (410 Gone), its queue is kept: "
                f"mend it, then `relay resume 'the bot'`, or with another url {RELOADED}"
            ),
        ),
        (
            DestinationState(Switch.PAUSED),
            "note: the bot is paused: what comes is queued until `relay resume 'the bot'`",
        ),
        (ON, ""),
    ],
)
def test_what_lets_a_destination_go_on_is_told(switch: DestinationState, said: str) -> None:
    told = drawn(stored({"the bot": QueueStats({})}, {"the bot": switch}), None)
    assert (said in told) if said else "relay resume" not in told


def test_a_destination_that_has_failed_for_a_moment_says_why_and_is_not_degraded() -> None:
    status = stored({"bot": QueueStats({})})
    status["destinations"][0] |= {"state": "backing off", "reason": "timed out"}
    assert "bot: timed out" in drawn(status, None)


@pytest.mark.parametrize("width", range(40, 81, 5))
def test_no_command_is_broken_where_it_fits_on_a_line(width: int) -> None:
    stats = {LONG[:12]: QueueStats({State.PENDING: 2}), "b": QueueStats({State.DEAD: 3})}
    told = drawn(stored(stats), width)
    assert "`relay dead list`" in told
    assert f"`relay dead drop --to {LONG[:12]}`" in told
    assert max(map(len, told.splitlines())) <= width


def test_dead_letters_are_told_with_the_command_that_shows_them() -> None:
    stats = {"a": QueueStats({State.DEAD: 1_200}), "b": QueueStats({State.DEAD: 3}), "c": QueueStats({State.DEAD: 0})}
    assert "dead letters: 1,200 at a, 3 at b; `relay dead list` shows them" in drawn(stored(stats), None)
    assert "dead list" not in drawn(stored({"a": QueueStats({State.DEAD: 0})}), None)


def test_what_waits_for_a_destination_that_is_gone_is_told_with_what_becomes_of_it() -> None:
    assert "relay dead drop --to gone" in drawn(stored({"gone": QueueStats({State.PENDING: 2})}), None)
    assert "dead drop" not in drawn(stored({"gone": QueueStats({State.DELIVERED: 2})}), None)


def test_damage_of_a_stopped_store_stands_above_what_it_holds() -> None:
    assert "damaged" not in drawn(stored(), None)
    lines = drawn(stored(damage="Page 3: never used"), None).splitlines()
    assert lines[1] == (
        "store: its file is damaged (Page 3: never used), and no relay starts on it: `relay repair --dry-run` says "
        "what can be kept"
    )
    assert any(line.startswith("bot ") for line in lines)


def test_why_the_last_run_ended_by_itself_stands_below_that_none_runs() -> None:
    ending = Ending(START_US, 69, "another instance took over", "Stop it.")
    status = of_store(STATS, {"bot": ON}, now_us=START_US + 180 * MICROS, held=False, ending=ending)
    assert drawn(status, None).splitlines()[1] == (
        "It ended 3 minutes ago with exit code 69: another instance took over. Stop it."
    )


@pytest.mark.parametrize(
    ("problem", "reasons", "said"),
    [
        ("the store is damaged (x)", ["the store is damaged (x): stop the relay"], []),
        ("the store took too long.", [], ["store: the store took too long."]),
    ],
)
def test_of_a_relay_whose_store_can_not_be_read_it_is_told_what_is_known(
    problem: str, reasons: list[str], said: list[str]
) -> None:
    known = {"ready": not reasons, "reasons": reasons, "degraded": ["bot is off"], "notes": ["ops is paused"]}
    assert drawn({"running": True, "problem": problem, **known}, None).splitlines() == [
        "What is stored can't be shown",
        *said,
        *(f"not ready: {reason}" for reason in reasons),
        "degraded: bot is off",
        "note: ops is paused",
    ]
