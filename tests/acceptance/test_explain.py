"""``relay explain``: each rule's answer to an event, and what would be sent where; nothing ever is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from relay.clock import SystemClock, isoformat
from relay.events import Source
from relay.outbox.base import Entry
from relay.outbox.memory import Mark, Snooze, SnoozeKind
from relay.outbox.sqlite import SqliteOutbox
from relay.readiness import RELOADED
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import in_force
from tests.support.command import relay
from tests.support.events import in_force as an_alert
from tests.support.process import free_port, running, webhook, write_config

MINUTE_US = 60_000_000
DATA = {
    "id": 98421,
    "symbol": "AAPL",
    "timeframe": "D",
    "direction": "bullish",
    "shape": "1-2U",
    "price": 214.32,
    "cc": "2U",
    "triggered_at": "2026-04-10T13:45:22Z",
}
ENVELOPE = {"type": "alert.in_force", "ts": "2026-04-10T13:45:22Z", "seq": "5", "data": DATA}
BREAK = {
    "type": "alert.simultaneous_break",
    "data": {"id": 5, "timeframe": "W", "direction": "bearish", "threshold": 2, "symbols": ["ES1!", "NQ1!"]},
}
RULES: list[dict[str, object]] = [
    {"name": "daily", "timeframe": "D", "direction": "bullish", "to": ["bot", "swing"]},
    {"name": "weekly", "timeframe": [60, "W"], "direction": "bearish", "to": "bot"},
    {"name": "off", "enabled": False, "to": "bot"},
    {"name": "breaks", "channel": "alerts.simultaneous_breaks", "threshold": 3, "to": "swing"},
    {"name": "routed", "cc": "2U", "to": {"by": "timeframe", "routes": {"W": "swing", "M": "bot"}}},
    {"name": "fresh", "max_age": "10m", "to": "fast"},
    {"name": "rest", "otherwise": True, "to": "misc"},
]


def written(
    folder: Path, simulator: Simulator, inbox: Inbox, *rules: dict[str, object], port: int | None = None
) -> str:
    names = ("bot", "swing", "fast", "misc")
    destinations = {name: webhook(inbox.url(f"/{name}")) for name in names}
    return str(write_config(folder, simulator, destinations, rules=list(rules) or RULES, port=port))


def envelope(folder: Path, **data: object) -> str:
    file = folder / "event.json"
    file.write_text(json.dumps({**ENVELOPE, "data": {**DATA, **data}}))
    return str(file)


async def told(*arguments: str, stdin: bytes = b"") -> list[Any]:
    ended = await relay("explain", *arguments, "--json", stdin=stdin)
    assert (ended.code, ended.err, ended.json["ok"]) == (0, "", True)
    events = ended.json["events"]
    assert isinstance(events, list)
    return events


def by_name(items: list[Any]) -> dict[str, Any]:
    return {item["name"]: item for item in items}


@pytest.mark.parametrize("from_stdin", [False, True])
async def test_each_rule_matches_or_tells_the_first_condition_that_failed(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, from_stdin: bool
) -> None:
    config = written(tmp_path, simulator, inbox)
    file = "-" if from_stdin else envelope(tmp_path)
    ended = await relay("explain", file, "-c", config, stdin=json.dumps(ENVELOPE).encode())
    assert (ended.code, ended.err, inbox.arrived) == (0, "", 0)
    lines = ended.out.splitlines()
    assert lines[0] == "AAPL [D] bullish 1-2U  alerts.in_force:98421"
    assert lines[2:15] == [
        "rules:",
        "  daily: matched",
        "  routed: matched; no route for timeframe D",
        lines[5],
        "  weekly: not matched; timeframe: found D, wanted 60 or W",
        "  off: not matched; enabled: found false, wanted true",
        "  breaks: not matched; channel: found alerts.in_force, wanted alerts.simultaneous_breaks",
        "  rest: not matched; otherwise: found daily, routed and fresh, wanted no other rule matches",
        "destinations:",
        "  bot: would be sent; lists daily",
        "  swing: would be sent; lists daily",
        lines[13],
        lines[14],
    ]
    assert lines[5].startswith("  fresh: matched; too old for this rule: ")
    assert lines[5].endswith(", max_age 10m")
    assert lines[13].startswith("  fast: not sent; expired: triggered ")
    assert lines[13].endswith("wanted for 10 minutes; would list fresh")
    assert lines[14].startswith("This command sent nothing.")
    assert ("`relay send bot --event" in lines[14]) is not from_stdin
    assert not (tmp_path / "relay.db").exists()


async def test_a_program_is_told_everything(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    (event,) = await told(envelope(tmp_path), "-c", written(tmp_path, simulator, inbox))
    assert (event["event"], event["channel"], event["source"]) == ("alerts.in_force:98421", "alerts.in_force", "live")
    rules, destinations = by_name(event["rules"]), by_name(event["destinations"])
    assert list(rules) == [rule["name"] for rule in RULES]
    assert rules["weekly"]["failed"] == {"condition": "timeframe", "found": "D", "wanted": "60 or W"}
    assert [failure["condition"] for failure in rules["weekly"]["failures"]] == ["timeframe", "direction"]
    assert (rules["daily"]["matched"], rules["daily"]["failed"]) == (True, None)
    assert rules["routed"]["notes"] == [{"about": "route", "holds": False, "text": "no route for timeframe D"}]
    assert (destinations["bot"]["sent"], destinations["bot"]["rules"]) == (True, ["daily"])
    assert (destinations["fast"]["sent"], destinations["fast"]["reason"]) == (False, "expired")
    assert "misc" not in destinations


async def test_several_events_are_told_one_after_the_other(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = written(tmp_path, simulator, inbox)
    recording = "\n".join(
        json.dumps(message) for message in ({"type": "subscribed", "seq": "1", "data": {}}, ENVELOPE, BREAK)
    )
    events = await told("-", "-c", config, stdin=recording.encode())
    assert [event["event"] for event in events] == ["alerts.in_force:98421", "alerts.simultaneous_breaks:5"]
    assert by_name(events[1]["rules"])["breaks"]["failed"] == {
        "condition": "threshold",
        "found": "2",
        "wanted": "3 or more",
    }
    assert events[1]["destinations"] == []
    shown = await relay("explain", "-", "-c", config, stdin=recording.encode())
    assert shown.out.count("rules:") == 2


async def test_a_stored_event_is_had_from_the_running_relay_and_else_from_its_store(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = written(tmp_path, simulator, inbox, {"name": "weekly", "timeframe": "W", "cooldown": "1h", "to": "bot"})
    async with running(Path(config)) as daemon:
        for _ in range(2):
            simulator.fire(in_force("AAPL", timeframe="W", direction="bullish"))
        await daemon.until("/api/events", lambda _, body: len(json.loads(body)["items"]) == 2)
        await daemon.until_drained()
        second, first = (await daemon.json("/api/events"))["items"]
        arrived = inbox.arrived
        for item in (first, second):
            (event,) = await told(item["event"], "-c", config)
            fate = by_name(event["destinations"])["bot"]
            assert (event["event"], event["source"]) == (item["event"], item["source"])
            assert fate["sent"] is (item is first)
            assert (fate["reason"] == "cooldown") is (item is second)
        assert (await relay("explain", "77777", "-c", config)).code == 64
        assert inbox.arrived == arrived == 1
        assert await daemon.stop() == 0
    (event,) = await told(str(second["id"]), "-c", config)
    assert by_name(event["destinations"])["bot"]["reason"] == "cooldown"
    assert [item["state"] for item in event["became"]["deliveries"]] == ["suppressed"]


async def test_cooldowns_snoozes_and_hours_are_told_of_the_rules_that_matched(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = written(
        tmp_path,
        simulator,
        inbox,
        {"name": "calm", "cooldown": "15m", "to": "bot"},
        {"name": "asleep", "to": "swing"},
        {"name": "by night", "active": {"timezone": "America/New_York", "hours": "22:00-02:00"}, "to": "misc"},
        {"name": "by day", "active": {"timezone": "America/New_York", "days": "fri"}, "to": "fast"},
    )
    alert = an_alert(98420, at="2026-04-10T13:40:22Z")
    assert alert.triggered_at is not None
    at_us, now_us = alert.triggered_at.us, SystemClock().now_us()
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", SystemClock())
    try:
        mark = Mark("calm", "AAPL", "D", "bullish", at_us, 0, now_us)
        await outbox.commit([Entry(alert, Source.LIVE, now_us, (), (mark,))])
        await outbox.memory.snooze(Snooze(SnoozeKind.RULE, "asleep", now_us, now_us + 90 * MINUTE_US))
    finally:
        await outbox.close()
    ended = await relay("explain", envelope(tmp_path), "-c", config, env={"TZ": "UTC"})
    assert ended.code == 0
    for line in (
        "  calm: matched; in its cooldown until 2026-04-10 13:55:22 UTC (an alert of its kind came at",
        "  asleep: matched; snoozed until ",
        "  by night: matched; outside its hours (Fri 09:45 in New York)",
        "  by day: matched; inside its hours (Fri 09:45 in New York)",
        "  bot: not sent; in its cooldown until ",
        "  swing: not sent; snoozed until ",
        "  misc: not sent; outside its hours (Fri 09:45 in New York)",
        "  fast: would be sent; lists by day",
    ):
        assert line in ended.out
    (event,) = await told(envelope(tmp_path), "-c", config)
    reasons = {name: fate["reason"] for name, fate in by_name(event["destinations"]).items()}
    assert reasons == {"bot": "cooldown", "swing": "snooze", "misc": "active", "fast": None}


async def test_states_are_looked_up_unless_it_is_offline(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    colour, other = "green", "red"
    simulator.state({"symbol": "AAPL", "instrument": {"sector": "Technology"}, "tfc": {"D": colour}})
    config = written(
        tmp_path,
        simulator,
        inbox,
        {"name": "as it is", "tfc": {"D": colour}, "to": "bot"},
        {"name": "as it is not", "tfc": {"D": other}, "to": "swing"},
        {"name": "shown", "enrich": True, "to": "misc"},
    )
    (event,) = await told(envelope(tmp_path), "-c", config)
    rules = by_name(event["rules"])
    assert (rules["as it is"]["matched"], rules["as it is not"]["matched"]) == (True, False)
    assert rules["as it is not"]["failed"] == {"condition": "tfc", "found": f"D {colour}", "wanted": f"D {other}"}
    assert by_name(event["destinations"])["misc"]["enriched"] is True
    (event,) = await told(envelope(tmp_path), "-c", config, "--offline")
    rules = by_name(event["rules"])
    assert (rules["as it is"]["matched"], rules["as it is not"]["matched"]) == (None, None)
    assert rules["as it is"]["notes"][0]["text"] == f"D {colour} would be looked up"
    (event,) = await told(envelope(tmp_path, symbol="NOSUCH"), "-c", config)
    destinations = by_name(event["destinations"])
    assert (destinations["bot"]["reason"], destinations["misc"]["sent"]) == ("unknown", True)


async def test_what_a_running_relay_holds_is_not_told_as_sent_nor_its_config_as_the_file(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    rules: list[dict[str, object]] = [
        {"name": "paused", "to": "swing"},
        {"name": "gone", "to": "bot"},
        {"name": "sent", "to": "misc"},
    ]
    port = free_port()
    config = written(tmp_path, simulator, inbox, *rules, port=port)
    file = envelope(tmp_path, triggered_at=isoformat(SystemClock().now_us()))
    expected = {
        "swing": "  swing: would be held; it is paused (paused by an operator): what comes is queued until "
        "`relay resume swing`; would list paused",
        "bot": "  bot: would be queued; it is switched off (answered 410 Gone), its queue is kept: mend it, then "
        f"`relay resume bot`, or with another url {RELOADED}; would list gone",
        "misc": "  misc: would be sent; lists sent",
    }
    async with running(Path(config)) as daemon:
        assert (await relay("pause", "swing", "-c", config)).code == 0
        inbox.answer(410, path="/bot")
        simulator.fire(in_force("TSLA"))
        await daemon.until("/api/status", lambda _, body: '"off"' in body)
        shown = await relay("explain", file, "-c", config)
        assert [line for line in shown.out.splitlines() if line.partition(":")[0].strip() in expected] == list(
            expected.values()
        )
        assert "another config" not in shown.out
        (event,) = await told(file, "-c", config)
        fates = by_name(event["destinations"])
        assert [(fates[name]["sent"], fates[name]["reason"]) for name in expected] == [
            (False, "paused"),
            (False, "off"),
            (True, None),
        ]
        written(tmp_path, simulator, inbox, *rules[:2], {**rules[2], "name": "other"}, port=port)
        changed = await relay("explain", file, "-c", config)
        assert "note: the running relay has another config: this is what the file says; reload it" in changed.out
        written(tmp_path, simulator, inbox, *rules, port=port)
        assert await daemon.stop() == 0
    (event,) = await told(file, "-c", config)
    assert [by_name(event["destinations"])[name]["reason"] for name in expected] == ["paused", "off", None]


async def test_a_quote_is_told_whether_the_condition_holds(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    rule: dict[str, object] = {
        "name": "through",
        "channel": "quotes",
        "symbol": "AAPL",
        "price": {"crosses_above": 200},
        "to": "bot",
    }
    config = written(tmp_path, simulator, inbox, rule)
    quotes = [{"type": "quote", "data": {"symbol": "AAPL", "price": price}} for price in ("201.5", 150)]
    above, below = await told("-", "-c", config, stdin="\n".join(map(json.dumps, quotes)).encode())
    assert below["rules"][0]["failed"] == {"condition": "price", "found": "150", "wanted": "above 200"}
    assert above["rules"][0]["matched"] is True
    assert "not while it stays so" in above["rules"][0]["notes"][0]["text"]
    assert above["destinations"][0]["sent"] is None
    timed = {"type": "quote", "data": {"symbol": "AAPL", "price": 201, "event_ts": "2026-04-10T13:45:22Z"}}
    shown = await relay("explain", "-", "-c", config, stdin=json.dumps(timed).encode())
    first, second = shown.out.splitlines()[:2]
    assert first == "AAPL at 201  quotes, without an id"
    assert second.startswith("triggered 2026-04-10T13:45:22Z, ")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("nowhere.json", b""), "nowhere.json can't be read: no such file or directory"),
        (("-", b"no json"), "standard input holds no event: no JSON object"),
        (("-", b'{"type": "subscribed", "data": {}}'), "a message of the type 'subscribed'"),
        (("-", b'{"type": "alert.in_force", "data": {}}'), "standard input holds no event"),
        (("17", b""), "there is no event 17 in the store"),
    ],
)
async def test_what_is_no_event_ends_with_64(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, given: tuple[str, bytes], said: str
) -> None:
    name, stdin = given
    config = written(tmp_path, simulator, inbox)
    ended = await relay("explain", name, "-c", config, stdin=stdin)
    assert (ended.code, ended.out) == (64, "")
    assert said in ended.err
    assert not (tmp_path / "relay.db").exists()
    ended = await relay("explain", name, "-c", config, "--json", stdin=stdin)
    assert (ended.code, ended.json["ok"]) == (64, False)


async def test_nothing_of_an_event_steers_the_terminal(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    ended = await relay(
        "explain",
        envelope(tmp_path, symbol="A\x1b[31mB", shape="[red]x\x9b", triggered_at=isoformat(SystemClock().now_us())),
        "-c",
        written(tmp_path, simulator, inbox),
    )
    assert ended.code == 0
    assert not {"\x1b", "\x9b"} & set(ended.out)
    assert "[RED]X" in ended.out


async def test_a_terminal_shows_tables_in_colours(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config, file = written(tmp_path, simulator, inbox), envelope(tmp_path)
    ended = await relay("explain", file, "-c", config, env={"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "200"})
    assert ended.code == 0
    assert "  daily   \x1b[32mmatched    \x1b[0m" in ended.out
    assert "  weekly  \x1b[31mnot matched\x1b[0m  timeframe: found D, wanted 60 or W" in ended.out
