"""How what an audit found is told: what is missing, what is older than the baseline, and what was not seen."""

from __future__ import annotations

import json

import pytest

from relay.cli.findings import Compared, Finding, Missing, Why, lines, plain
from relay.cli.survey import Cut, CutBy, Shown
from relay.clock import MICROS, isoformat
from relay.events import Channel
from relay.outbox.channels import Hole
from tests.support.clock import START_US
from tests.support.events import a_break, in_force

HOUR = 3_600 * MICROS
NOW_US = START_US + HOUR // 2


def found(
    *missing: Missing,
    before: int = 0,
    baseline_us: int | None = START_US,
    runs: bool | None = True,
    cut_by: CutBy | None = None,
    holes: int = 0,
    span: int = 24 * HOUR,
) -> Finding:
    shown = Shown(
        Channel.IN_FORCE, (in_force(1), in_force(2)), None if cut_by is None else Cut("half of it went by", cut_by)
    )
    return Finding(
        since_us=NOW_US - span,
        until_us=NOW_US,
        store_made_us=START_US,
        runs=runs,
        channels=(Compared(shown, before, baseline_us),),
        missing=missing,
        holes=tuple(Hole(Channel.IN_FORCE, number, number + 5, "timeframe=D", NOW_US) for number in range(holes)),
    )


def missing(count: int, why: Why = Why.NOT_YET, at: str | None = "2026-04-10T13:45:22Z") -> list[Missing]:
    return [Missing(in_force(number, at=at), why) for number in range(1, count + 1)]


def text(finding: Finding) -> str:
    return "\n".join(lines(finding))


def test_where_nothing_is_missing_it_is_sound_and_says_so() -> None:
    assert found().sound
    assert text(found()).splitlines()[1:] == [
        "  in-force alerts: REST shows 2, none is missing",
        "  the ledger balances: every delivery is in exactly one state",
    ]


@pytest.mark.parametrize(
    ("before", "baseline_us", "told"),
    [
        (1, START_US, f"    1 of them fired before the baseline ({isoformat(START_US)}): it is not delivered"),
        (2, START_US, f"    2 of them fired before the baseline ({isoformat(START_US)}): they are not delivered"),
        (
            1_041,
            START_US + HOUR,  # a rule that came later, or backfill.on_first_start
            f"    1,041 of them fired before the baseline ({isoformat(START_US + HOUR)}): they are not delivered",
        ),
        (
            2,
            None,
            "    2 of them fired before the baseline, which the first round is yet to set: they are not delivered",
        ),
    ],
)
def test_what_fired_before_the_baseline_is_counted_and_not_missing(
    before: int, baseline_us: int | None, told: str
) -> None:
    finding = found(before=before, baseline_us=baseline_us)
    assert finding.sound
    assert told in text(finding).splitlines()
    [channel] = json.loads(plain(finding))["channels"]
    assert channel["before_baseline"] == before
    assert channel["baseline"] == (None if baseline_us is None else isoformat(baseline_us))
    assert json.loads(plain(finding))["store_made"] == isoformat(START_US)


def test_of_many_that_are_missing_twenty_are_listed_and_the_rest_is_counted() -> None:
    finding = found(*missing(251), *missing(3, Why.LOST))
    told = text(finding).splitlines()
    assert sum(line.startswith("    alerts.in_force ") for line in told) == 23
    assert "    … and 231 more; --json lists all" in told
    assert "  missing, not fetched yet: 251 (the next backfill round fetches them)" in told
    assert len(json.loads(plain(finding))["missing"]) == 254


def test_of_many_holes_twenty_are_listed() -> None:
    told = text(found(holes=30)).splitlines()
    assert sum(line.startswith("  hole: ") for line in told) == 20
    assert "    … and 10 more; --json lists all" in told


@pytest.mark.parametrize(
    ("runs", "why", "said"),
    [
        (False, Why.NOT_YET, True),
        (True, Why.NOT_YET, False),
        (None, Why.NOT_YET, False),
        (False, Why.LOST, False),
    ],
)
def test_that_no_relay_runs_is_said_where_one_would_fetch_what_is_missing(
    *, runs: bool | None, why: Why, said: bool
) -> None:
    finding = found(*missing(1, why), runs=runs)
    assert ("no relay runs: nothing is fetched until one does" in text(finding)) is said
    assert text(finding).endswith("when a relay runs.") is (runs is False)
    assert json.loads(plain(finding))["relay_runs"] is runs


@pytest.mark.parametrize(
    ("at", "span", "command"),
    [
        ("2026-04-10T14:15:00Z", 24 * HOUR, "relay backfill --since 1h"),
        ("2026-04-10T13:45:22Z", 24 * HOUR, "relay backfill --since 1h"),
        ("2026-04-10T13:10:00Z", 24 * HOUR, "relay backfill --since 2h"),  # it takes a while to type it
        ("2026-04-08T15:15:22Z", 72 * HOUR, "relay backfill --since 48h"),
        ("2026-04-08T13:15:22Z", 72 * HOUR, "relay backfill --since 3d"),
        (None, 24 * HOUR, "relay backfill --since 25h"),
    ],
)
def test_the_command_that_fetches_what_is_missing_reaches_far_enough_back(
    at: str | None, span: int, command: str
) -> None:
    finding = found(*missing(1, at="2026-04-10T14:15:00Z"), *missing(1, at=at), span=span)
    assert finding.fetched_by == command
    assert f"`{command}` fetches what is missing." in text(finding)
    assert found().fetched_by == ""


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (24 * HOUR, "a shorter --since does not change that"),
        (HOUR, "a shorter --since does not change that"),
        (48 * HOUR, "--since 24h asks for less"),
    ],
)
def test_where_rest_itself_cuts_it_is_told_that_nobody_can_know_more(span: int, said: str) -> None:
    finding = found(cut_by=CutBy.HIDDEN, span=span)
    assert not finding.sound
    told = text(finding).splitlines()
    assert "  in-force alerts: REST shows 2, none is missing among those shown" in told
    assert f"    half of it went by: whether it hid one can't be told; {said}" in told
    assert "not looked at" not in text(finding)


@pytest.mark.parametrize("cut_by", [one for one in CutBy if one is not CutBy.HIDDEN])
def test_where_not_all_were_seen_nothing_is_promised_of_the_rest(cut_by: CutBy) -> None:
    finding = found(cut_by=cut_by)
    assert not finding.sound
    told = text(finding).splitlines()
    assert "  in-force alerts: REST shows 2, none is missing among those shown" in told
    assert "    there may be more that were not looked at: half of it went by" in told
    [advice] = [line for line in told if line.startswith("    whether one of those is missing is not known: ")]
    assert ("--since" in advice) is (cut_by is CutBy.TOO_MANY)
    [channel] = json.loads(plain(finding))["channels"]
    assert (channel["cut"], channel["cut_by"]) == ("half of it went by", cut_by.value)


def test_where_none_were_seen_nothing_is_promised_at_all() -> None:
    unseen = Compared(Shown(Channel.IN_FORCE, (), Cut("REST fails", CutBy.FAILING)), 0, START_US)
    told = text(Finding(NOW_US - HOUR, NOW_US, START_US, runs=True, channels=(unseen,)))
    assert (
        "in-force alerts: REST showed none of them\n    there may be more that were not looked at: REST fails" in told
    )
    assert "none is missing" not in told


def test_a_break_is_named_by_its_symbols_and_a_fault_of_the_ledger_is_told() -> None:
    finding = Finding(NOW_US - HOUR, NOW_US, START_US, True, (), (Missing(a_break(7), Why.LOST),), (), ("twice: 1",))
    assert "alerts.simultaneous_breaks 7 ES1!, NQ1!, YM1! [D] bullish" in text(finding)
    assert "  the ledger does not balance: twice: 1" in text(finding)
    assert "the ledger balances" not in text(finding)
