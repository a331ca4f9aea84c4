"""The verbs about what is stored, run alike against a relay's HTTP and against a store that no relay holds."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from relay.cli import invoke as run
from relay.cli.remote import RefusedError
from relay.clock import MICROS, SystemClock
from relay.errors import LockedError, StoreBusyError
from relay.events import Channel, Source
from relay.outbox.channels import Baseline, RoundEnd
from relay.outbox.memory import Snooze, SnoozeKind
from relay.outbox.sqlite import SqliteOutbox
from relay.upstream.decode import decode_event
from relay.web.server import Web
from tests.support.clock import START_US, FakeClock
from tests.support.events import entry, in_force
from tests.support.front_desk import DEAD, EVENTS, LETTERS, fill, front_desk
from tests.support.lane import OK

CONFIG = """
stratalerts: {{api_key: k}}
http: {{listen: "{listen}"}}
destinations:
  bot: {{type: webhook, url: "https://bot.example/x"}}
  swing: {{type: webhook, url: "https://swing.example/x"}}
rules: [{{name: daily bulls, to: [bot, swing]}}]
"""
HOUR_US = 3_600 * MICROS
ALERTS = EVENTS - 1  # the break goes nowhere


class Said(str):
    """What a verb printed, and how it ended."""

    __slots__ = ("code", "err")

    code: int
    err: str


Verb = Callable[..., Awaitable[Said]]


@pytest.fixture(params=["http", "store"])
async def running(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[bool]:
    """Whether a relay runs; its store has dead letters of bot, and a queue of a destination that is gone."""
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    await fill(outbox)
    await outbox.commit([entry(in_force(100, "AAPL"), "gone"), entry(in_force(101, "TSLA"), "gone")])
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(listen="off"))
    if request.param == "store":
        await outbox.close()
        yield False
        return
    async with front_desk(outbox) as desk:
        web = Web(desk)
        await web.start("127.0.0.1", 0)
        config.write_text(CONFIG.format(listen=f"127.0.0.1:{web.port}"))
        yield True
        await web.stop()
    await outbox.close()


@pytest.fixture
def relay(running: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Verb:  # noqa: ARG001  because the relay is up by then
    """Runs a verb beside the relay's event loop."""

    async def verb(*arguments: str) -> Said:
        code = await asyncio.to_thread(run, [*arguments, "-c", str(tmp_path / "config.yaml")])
        out, err = capsys.readouterr()
        said = Said(out)
        said.code, said.err = code, err
        assert "Traceback" not in err
        assert len(err.splitlines()) <= 4
        return said

    return verb


async def items(relay: Verb, *arguments: str) -> list[dict[str, Any]]:
    said = await relay(*arguments, "--json")
    assert said.code == 0
    page = json.loads(said)
    assert set(page) == {"items", "next"}
    found: list[dict[str, Any]] = page["items"]
    return found


async def states(relay: Verb) -> dict[str, int]:
    found = await items(relay, "deliveries", "--to", "bot", "--limit", "1000")
    return {state: sum(item["state"] == state for item in found) for state in {item["state"] for item in found}}


async def test_dead_letters_are_listed_and_shown(relay: Verb) -> None:
    said = await relay("dead", "list")
    assert [line.split("\t")[0] for line in said.splitlines()] == ["3", "2", "1"]
    assert all("\tbot\t404\t1\t404 Not Found\t" in line for line in said.splitlines())
    assert [item["id"] for item in await items(relay, "dead", "list", "--to", "bot", "--rule", "daily bulls")] == [
        3,
        2,
        1,
    ]
    assert [item["id"] for item in await items(relay, "dead", "list", "--symbol", "s2")] == [2]
    assert await items(relay, "dead", "list", "--code", "500") == []
    assert await items(relay, "dead", "list", "--since", "1h") == []
    assert len(await items(relay, "dead", "list", "--until", "1h")) == LETTERS
    assert await relay("dead", "list", "--code", "500") == "There are no dead letters (code 500).\n"
    shown = await relay("dead", "show", "1")
    for fact in ("code: 404", "answer: no such hook", "attempts: 1", "rules: daily bulls", "webhook-id: msg_"):
        assert fact in shown
    assert '"symbol": "S1"' in shown
    [listed] = await items(relay, "dead", "list", "--event", "alerts.in_force:1")
    assert json.loads(await relay("dead", "show", "1", "--json")) == listed


async def test_a_listing_goes_on_until_its_limit_and_says_that_there_is_more(relay: Verb) -> None:
    two = await relay("dead", "list", "--limit", "2")
    assert len(two.splitlines()) == 2
    assert two.err == "There are older ones: --limit 20, or --until, shows them.\n"
    assert json.loads(await relay("dead", "list", "--limit", "2", "--json"))["next"] == 2
    assert (await relay("dead", "list", "--limit", "200")).err == ""


async def test_events_are_listed_and_one_is_shown_with_its_deliveries(relay: Verb) -> None:
    assert len(await items(relay, "events")) == EVENTS + 2
    assert [item["symbol"] for item in await items(relay, "events", "--to", "gone")] == ["TSLA", "AAPL"]
    said = await relay("events", "--symbol", "S1")
    assert said.split("\t")[2:4] == ["S1 [D] bullish 1-2U", "bot dead"]
    for name in ("1", "alerts.in_force:1"):
        shown = await relay("events", name)
        assert "key: alerts.in_force:1" in shown
        assert "\tbot\tdead\t404\t" in shown
    told = json.loads(await relay("events", "1", "--json"))
    assert (told["event"], [item["state"] for item in told["items"]]) == ("alerts.in_force:1", ["dead"])


async def test_an_alert_nested_without_end_or_large_keeps_nothing_else_from_being_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    deep = b'{"id":1,"symbol":"DEEP","timeframe":"D","later":%s,"pad":"%s"}' % (b"[" * 900 + b"]" * 900, b"x" * 600_000)
    await outbox.commit([entry(in_force(2, "AAPL"), "bot"), entry(decode_event(Channel.IN_FORCE, deep), *"abc", "bot")])
    for delivery in (await outbox.claim("bot", after=0, limit=9))[0]:
        await outbox.bury(delivery, DEAD, at_us=START_US)
    await outbox.close()
    (tmp_path / "config.yaml").write_text(CONFIG.format(listen="off"))
    listings = ("events", "events --json", "deliveries", "dead list", "dead list --json")
    for verb in (*listings, "dead show 5", "explain 2", "events 2 --json"):
        assert await asyncio.to_thread(run, [*verb.split(), "-c", str(tmp_path / "config.yaml")]) == 0
        said = capsys.readouterr().out
        assert "DEEP" in said
        assert "AAPL" in said or verb not in listings
    assert len(json.loads(said)["items"]) == 4


async def test_what_became_of_an_event_is_told_before_what_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    began = RoundEnd(Channel.IN_FORCE, 3, START_US, START_US, Baseline(3, START_US + MICROS))
    old, late, quiet, sent = in_force(3), in_force(4, "TSLA"), in_force(5, "MSFT"), in_force(6, "NVDA")
    fetched = [entry(event, source=Source.BACKFILL) for event in (old, late)]
    await outbox.commit([*fetched, entry(quiet), entry(sent, "swing")], round_end=began)
    for delivery in (await outbox.claim("swing", after=0, limit=9))[0]:
        await outbox.ack(delivery, OK, at_us=START_US)
    await outbox.memory.snooze(Snooze(SnoozeKind.DESTINATION, "swing", START_US, SystemClock().now_us() + HOUR_US))
    await outbox.close()
    (tmp_path / "config.yaml").write_text(CONFIG.format(listen="off"))

    async def said(*arguments: str) -> str:
        assert await asyncio.to_thread(run, [*arguments, "-c", str(tmp_path / "config.yaml")]) == 0
        return capsys.readouterr().out

    listed = [line.split("\t")[3] for line in (await said("events")).splitlines()]
    assert listed == ["swing delivered", "", "", "(before the first start)"]
    nowhere = ["before the first start, not delivered", "not sent to anyone", "no rule wanted it"]
    for number, why in enumerate(nowhere, 1):
        assert (await said("events", str(number))).splitlines()[-1] == f"deliveries: none: {why}"
        assert (await said("explain", str(number))).splitlines()[2:5] == [
            f"what became of it: {why}",
            "",
            "If it came now:",
        ]
    shown = (await said("explain", "4")).splitlines()
    assert shown[2] == "what became of it:"
    assert re.fullmatch(r"  swing: delivered; at 2026-04-10 .*; for daily bulls", shown[3])
    assert shown[5:7] == ["If it came now:", "rules:"]
    assert any(line.startswith("  swing: not sent; snoozed until ") for line in shown[7:])
    assert shown[-1].startswith("This command sent nothing.")
    became = [json.loads(await said("explain", name, "--json"))["events"][0]["became"] for name in ("1", "4")]
    assert became[0] == {"deliveries": [], "text": nowhere[0]}
    assert [(item["destination"], item["state"]) for item in became[1]["deliveries"]] == [("swing", "delivered")]


async def test_deliveries_are_listed_by_their_state(relay: Verb) -> None:
    assert len(await items(relay, "deliveries", "--state", "delivered")) == ALERTS - LETTERS
    assert len(await items(relay, "deliveries", "--to", "gone", "--state", "pending")) == 2
    assert await relay("deliveries", "--state", "expired") == "There are no such deliveries.\n"


async def test_dead_letters_are_retried_once(relay: Verb, running: bool) -> None:
    later = "" if running else "; they go out when the relay runs"
    assert await relay("dead", "retry", "2") == f"1 dead letter is queued again{later}.\n"
    assert await relay("dead", "retry", "--to", "bot", "--code", "404") == (
        f"2 dead letters of bot (code 404) are queued again{later}.\n"
    )
    again = await relay("dead", "retry", "--all")
    assert (again.code, again) == (0, "Nothing to retry: there are no dead letters.\n")
    assert json.loads(await relay("dead", "retry", "--all", "--json")) == {
        "ok": True, "done": 0, "overdue": 0, "running": running
    }  # fmt: skip
    assert "dead" not in await states(relay)


async def test_a_dry_run_says_what_a_drop_would_let_go_of_and_changes_nothing(relay: Verb, running: bool) -> None:
    before = await relay("deliveries", "--json", "--limit", "1000")
    assert await relay("dead", "drop", "--all", "--dry-run") == (
        f"{LETTERS} dead letters would be dropped ({LETTERS} at bot); nothing was done.\n"
    )
    assert await relay("dead", "drop", "--to", "gone", "--dry-run") == (
        "2 deliveries of gone would be dropped (2 at gone, 2 of them wait); nothing was done.\n"
    )
    told = {"to_drop": 2, "waiting": 0, "destinations": {"bot": 2}, "bodiless": 0}
    assert json.loads(await relay("dead", "drop", "1", "3", "--dry-run", "--json")) == {
        "ok": True, "dry_run": True, **told, "running": running
    }  # fmt: skip
    assert await relay("deliveries", "--json", "--limit", "1000") == before


async def test_dropped_ones_stay_listed(relay: Verb) -> None:
    assert await relay("dead", "drop", "1", "2") == "2 dead letters are dropped.\n"
    assert await relay("dead", "drop", "--all") == "1 dead letter is dropped.\n"
    again = await relay("dead", "drop", "--to", "bot")
    assert (again.code, again) == (0, "Nothing to drop: there are no dead letters of bot.\n")
    assert (await states(relay))["expired"] == LETTERS
    listed = await relay("deliveries", "--state", "expired")
    assert [line.split("\t")[2:6] for line in listed.splitlines()] == [
        [f"S{number} [D] bullish 1-2U", "bot", "dropped", "404"] for number in (3, 2, 1)
    ]
    assert "state: dropped" in await relay("dead", "show", "1")


async def test_a_removed_destination_s_queue_is_dropped_and_one_that_is_there_keeps_its_own(relay: Verb) -> None:
    assert await relay("dead", "drop", "--to", "gone") == "2 deliveries of gone are dropped.\n"
    assert (await relay("dead", "drop", "--to", "gone")).code == 0
    assert len(await items(relay, "deliveries", "--to", "gone", "--state", "expired")) == 2
    assert (await states(relay))["delivered"] == ALERTS - LETTERS


async def test_a_dry_run_says_what_a_replay_would_send_and_changes_nothing(relay: Verb, running: bool) -> None:
    before = await relay("deliveries", "--json", "--limit", "1000")
    said = await relay("replay", "--since", "2026-04-10", "--dry-run")
    assert said == f"{ALERTS} deliveries (since 2026-04-10) would be queued again; nothing was done.\n"
    told = json.loads(await relay("replay", "--since", "2026-04-10", "--to", "bot", "--dry-run", "--json"))
    assert told == {
        "ok": True,
        "dry_run": True,
        "queued": ALERTS,
        "overdue": 0,
        "left": {"waiting": 0, "suppressed": 0, "dropped": 0, "bodiless": 0},
        "running": running,
    }
    assert await relay("deliveries", "--json", "--limit", "1000") == before


async def test_a_replay_goes_to_what_the_config_has_and_leaves_the_rest(relay: Verb, running: bool) -> None:
    later = "" if running else "; they go out when the relay runs"
    said = await relay("replay", "--since", "2026-04-10")
    assert said == f"{ALERTS} deliveries (since 2026-04-10) were queued again{later}.\n"
    assert said.err == ""
    sent_again = [item for item in await items(relay, "deliveries", "--limit", "1000") if item["source"] == "replay"]
    assert len(sent_again) == ALERTS
    assert {item["destination"] for item in sent_again} == {"bot"}
    assert len(await items(relay, "deliveries", "--to", "gone", "--state", "pending")) == 2
    assert await relay("replay", "--since", "1h") == (
        "There is nothing to send again (since 1h): nothing that is stored fits.\n"
    )


async def test_a_replay_leaves_what_was_dropped_by_hand_unless_told_otherwise(relay: Verb) -> None:
    await relay("dead", "drop", "1", "2")
    said = await relay("replay", "--since", "2026-04-10", "--dry-run")
    assert said == (
        f"{ALERTS - 2} deliveries (since 2026-04-10) would be queued again; nothing was done. "
        "Left out: 2 were dropped by hand (--dropped takes them).\n"
    )
    said = await relay("replay", "--event", "alerts.in_force:1")
    assert said.startswith("No delivery (event alerts.in_force:1) was queued again: 1 was dropped by hand")
    told = json.loads(await relay("replay", "--since", "2026-04-10", "--dropped", "--json"))
    assert (told["queued"], told["left"]["dropped"]) == (ALERTS, 0)


async def test_a_dry_run_says_what_a_retry_would_send_and_changes_nothing(relay: Verb, running: bool) -> None:
    before = await relay("deliveries", "--json", "--limit", "1000")
    said = await relay("dead", "retry", "--to", "bot", "--dry-run")
    assert re.fullmatch(
        rf"{LETTERS} dead letters of bot would be queued again \({LETTERS} to bot\); nothing was done\. "
        r"Their alerts are \d+ days old\.\n",
        said,
    )
    at = "2026-04-10T13:45:22.000Z"
    told = {"destinations": {"bot": 2}, "earliest": at, "latest": at, "overdue": 0, "bodiless": 0}
    assert json.loads(await relay("dead", "retry", "1", "3", "--dry-run", "--json")) == {
        "ok": True, "dry_run": True, "to_send": 2, **told, "running": running
    }  # fmt: skip
    none = await relay("dead", "retry", "--code", "500", "--dry-run")
    assert none == "Nothing to retry: there are no dead letters (code 500).\n"
    assert await relay("deliveries", "--json", "--limit", "1000") == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("dead", "retry"), "which ones?"),
        (("dead", "drop"), "which ones?"),
        (("dead", "retry", "1", "--all"), "an ID stands alone"),
        (("dead", "drop", "1", "--to", "bot"), "an ID stands alone"),
        (("dead", "retry", "1", "999"), "there is no dead letter 999"),
        (("dead", "retry", "1", "9"), "9 is no dead letter: that delivery is delivered"),
        (("dead", "retry", "--dry-run"), "which ones?"),
        (("dead", "retry", "9", "--dry-run"), "9 is no dead letter: that delivery is delivered"),
        (("dead", "drop", "9"), "9 is no dead letter"),
        (("dead", "show", "999"), "there is no dead letter 999"),
        (("dead", "list", "--to", "bott"), "Did you mean 'bot'?"),
        (("dead", "retry", "--to", "bott"), "Did you mean 'bot'?"),
        (("dead", "drop", "--to", ""), "--to is empty"),
        (("dead", "list", "--since", "soon"), "--since is how long ago"),
        (("dead", "list", "--since", "1h", "--until", "2h"), "--until is not after --since"),
        (("deliveries", "--rule", "dayli bulls"), "Did you mean 'daily bulls'?"),
        (("events", "77"), "there is no event 77"),
        (("events", "1", "--to", "bot"), "EVENT stands alone"),
        (("replay",), "from when on?"),
        (("replay", "--to", "bot"), "from when on?"),
        (("replay", "--since", "2h", "--to", "gone"), "gone is no longer in "),
        (("replay", "--since", "2h", "--to", "bott"), "Did you mean 'bot'?"),
        (("replay", "--since", "2h", "--rule", "weekly"), "there is no rule 'weekly'"),
        (("replay", "--event", "77"), "there is no event 77"),
    ],
    ids=" ".join,
)
async def test_what_can_not_be_meant_is_64_and_changes_nothing(
    relay: Verb, arguments: tuple[str, ...], said: str
) -> None:
    ended = await relay(*arguments)
    assert (ended.code, ended) == (64, "")
    assert said in ended.err
    assert len(ended.err.splitlines()) <= 2
    assert await states(relay) == {"dead": LETTERS, "delivered": ALERTS - LETTERS}
    told = await relay(*arguments, "--json")
    assert (told.code, json.loads(told)["ok"]) == (64, False)


async def test_a_store_too_large_to_be_counted_in_time_is_replayed_all_the_same(
    relay: Verb, running: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_much(*_: object, **__: object) -> NoReturn:
        raise StoreBusyError("the relay took too long over this") if running else RefusedError(503, "too long")

    monkeypatch.setattr("relay.outbox.sqlite_archive.SqliteArchive.count", too_much)
    said = await relay("replay", "--since", "2026-04-10", "--dry-run")
    assert (said.code, "503" in said.err) == (1, True)
    said = await relay("replay", "--since", "2026-04-10")
    assert (
        said
        == f"{ALERTS} deliveries (since 2026-04-10) were queued again; what was left out was too much to be counted.\n"
    )


async def test_a_config_beside_the_running_one_is_told_to_reload_first(relay: Verb, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(path.read_text().replace("to: [bot, swing]", "to: swing").replace("  bot:", "  other:"))
    ended = await relay("dead", "drop", "--to", "bot")
    if "off" in path.read_text():
        assert ended == f"{LETTERS} deliveries of bot are dropped.\n"
    else:
        assert (ended.code, "still has bot" in ended.err, "Reload" in ended.err) == (64, True, True)


async def test_without_a_store_nothing_is_made_and_the_way_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(listen="off"))
    for arguments in (["dead", "list"], ["dead", "retry", "--all"], ["replay", "--since", "2h"], ["events"]):
        assert await asyncio.to_thread(run, [*arguments, "-c", str(config)]) == 74
        assert "there is no store at" in capsys.readouterr().err
    assert not (tmp_path / "relay.db").exists()


async def test_a_relay_without_http_is_looked_at_and_not_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(listen="off"))
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", FakeClock())
    await fill(outbox)
    assert await asyncio.to_thread(run, ["dead", "list", "-c", str(config)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == LETTERS
    assert await asyncio.to_thread(run, ["replay", "--since", "2026-04-10", "--dry-run", "-c", str(config)]) == 0
    assert "would be queued again" in capsys.readouterr().out
    for arguments in (["dead", "retry", "--all"], ["dead", "drop", "1"], ["replay", "--since", "2026-04-10"]):
        assert await asyncio.to_thread(run, [*arguments, "-c", str(config)]) == LockedError("").exit_code
        assert "a relay runs on this store" in capsys.readouterr().err
    await outbox.close()
