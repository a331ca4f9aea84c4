"""What ``relay repair`` says first, and that it says nothing twice."""

from __future__ import annotations

import pytest

from relay.cli.repair import _named, _outcome
from relay.outbox.repair import Repair
from relay.outbox.rescue import Saved
from relay.outbox.rewind import LeftOut

TABLES = {"events": Saved(kept=5, unreadable=2), "deliveries": Saved(kept=5, unreadable=3, refused=1)}


@pytest.mark.parametrize(
    ("waiting", "again", "said"),
    [
        (0, 0, ("none", "none")),
        (1, 0, ("1 delivery", "none")),
        (2, 1_200, ("2 deliveries", "1,200 deliveries")),
        (None, None, ("nobody can tell, 4 deliveries at most",) * 2),
    ],
)
def test_what_matters_comes_first(waiting: int | None, again: int | None, said: tuple[str, str]) -> None:
    first, second = _outcome(Repair("malformed", TABLES, lost_waiting=waiting, may_go_again=again))
    assert first == f"Lost while waiting: {said[0]}."
    assert second == f"Delivered or dead before, may go out again: {said[1]}."


def test_where_all_is_lost_nothing_is_counted() -> None:
    first, second = _outcome(Repair("malformed", {"events": Saved(unreadable=7)}, lost_waiting=0))
    assert "nobody can tell" in first
    assert "whatever the upstream still has" in second


NOTHING = Repair("malformed", {"events": Saved(unreadable=7)}, refetch_from_us=0, begins_at_us=0)


@pytest.mark.parametrize(
    ("dry_run", "since", "why", "hint"),
    [
        (True, False, "the file's last write", "`relay repair --since 12h` begins twelve hours back"),
        (False, False, "the file's last write", "put the damaged file back before the relay starts"),
        (True, True, "as --since says", None),
        (False, True, "as --since says", None),
    ],
)
def test_where_the_relay_begins_anew_it_says_from_when_on_and_how_to_begin_earlier(
    *, dry_run: bool, since: bool, why: str, hint: str | None
) -> None:
    _, again, anew, *further = _outcome(NOTHING, dry_run=dry_run, since=since)
    assert again.endswith("may go out again: what fired since 1970-01-01T00:00:00.000Z.")
    assert anew.startswith(f"The relay begins anew at 1970-01-01T00:00:00.000Z, {why}. Nothing that fired before is")
    assert (len(further), hint is None or hint in further[0]) == (int(hint is not None), True)


def test_what_is_fetched_again_and_what_the_log_lost_is_told() -> None:
    _, _, log, since = _outcome(Repair("malformed", TABLES, lost_log_pages=9, refetch_from_us=0))
    assert log.startswith("9 pages at the end of the log")
    assert "fetches again what came since 1970-01-01T00:00:00" in since


def test_what_may_be_missed_is_named_once_and_what_waited_first() -> None:
    lost = (
        LeftOut("alerts.in_force:1", "dead", "bot"),
        LeftOut("alerts.in_force:2", "pending", "swing"),
        LeftOut("alerts.in_force:2", "pending", "bot"),
        LeftOut("alerts.in_force:2", "delivered", "ops"),
        LeftOut("", "dead"),
        LeftOut("", "dead"),
        LeftOut("", "", "bot", "msg_7"),
    )
    assert list(_named(lost)) == [
        "  lost: alerts.in_force:2 to bot, swing (waited)",
        "  lost: msg_7 to bot (state unknown)",
        "  lost: alerts.in_force:1 to bot (dead letter)",
        "  lost: an unknown alert (dead letter, 2 of them)",
    ]


def test_a_long_list_is_cut() -> None:
    *shown, last = _named(tuple(LeftOut(f"alerts.in_force:{number}", "dead") for number in range(25)))
    assert (len(shown), last) == (20, "  … and 5 more; --json lists a thousand.")
