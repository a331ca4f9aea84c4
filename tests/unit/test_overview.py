"""How a status is drawn: a table, sentences where none fits, and what is said where nobody answers."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from relay.cli.overview import of_store, shown
from relay.deliveries import State
from relay.outbox.base import QueueStats
from tests.support.clock import START_US

STATS = {
    "bot": QueueStats({State.PENDING: 3, State.DELIVERED: 1_200}, START_US),
    "gone": QueueStats(
        {State.PENDING: 0, State.SUPPRESSED: 2},
        suppressed={"snooze": 2},
        replays={State.DELIVERED: 4},
        pruned={State.EXPIRED: 5},
    ),
}


def drawn(status: dict[str, Any], width: int | None) -> str:
    told = io.StringIO()
    console = Console(file=told, width=width or 10_000, highlight=False, soft_wrap=True)
    for part in shown(status, width=width):
        console.print(part)
    return told.getvalue()


@pytest.mark.parametrize("width", [None, 120])
def test_each_destination_has_a_row_of_the_ledger(width: int | None) -> None:
    lines = drawn(of_store(STATS, ["bot"], held=False), width).splitlines()
    (head,) = (line for line in lines if line.startswith("destination"))
    assert head.split() == [
        "destination", "state", "waiting", "delivered", "dead", "expired", "suppressed", "oldest"
    ]  # fmt: skip
    (row,) = (line for line in lines if line.startswith("bot "))
    assert row.split()[:4] == ["bot", "not", "running", "3"]
    assert "1,200" in row


def test_a_narrow_terminal_gets_sentences() -> None:
    told = drawn(of_store(STATS, ["bot"], held=False), 40)
    assert "bot: not running, 3 waiting, 1,200 delivered, oldest 2026-" in told
    assert "gone: removed, 2 suppressed" in told
    assert "destination" not in told


def test_what_is_held_back_sent_again_and_deleted_is_told_below() -> None:
    told = drawn(of_store(STATS, ["bot"], held=False), None)
    for line in (
        "gone: suppressed: 2 snooze",
        "gone: sent again by hand: 4 delivered",
        "gone: deleted by retention: 5",
    ):
        assert line in told


@pytest.mark.parametrize(("held", "said"), [(True, "A relay runs"), (False, "No relay runs here")])
def test_a_relay_that_does_not_answer_is_told_from_none(*, held: bool, said: str) -> None:
    assert drawn(of_store(STATS, ["bot"], held=held), None).startswith(said)
