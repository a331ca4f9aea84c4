"""``relay send``: a marked test message to each kind of destination, and events of a file, of a relay, of its store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from relay.simulator.inbox import Answer, Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import fire
from tests.support.command import relay
from tests.support.process import running, webhook, write_config

SECRET = "hunter2-hunter2"
SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ENVELOPE = {
    "type": "alert.in_force",
    "ts": "2026-04-10T13:45:22Z",
    "seq": "5",
    "data": {
        "id": 98421,
        "symbol": "AAPL",
        "timeframe": "D",
        "direction": "bullish",
        "shape": "1-2U",
        "price": 214.32,
        "cc": "2U",
        "triggered_at": "2026-04-10T13:45:22Z",
    },
}
RULES: list[dict[str, object]] = [
    {"name": "daily", "timeframe": "D", "to": ["bot", "swing", "desk", "phone"]},
    {"name": "daily elsewhere", "timeframe": "D", "to": "phone"},
    {"name": "weekly", "timeframe": "W", "to": "bot"},
    {"name": "off", "enabled": False, "to": "bot"},
]


def written(folder: Path, simulator: Simulator, inbox: Inbox, **sections: object) -> str:
    """A config with a destination of each kind, all at ``inbox``."""
    destinations = {
        "bot": webhook(inbox.url(f"/bot/{SECRET}"), secret=SIGNING, headers={"X-Token": SECRET}),
        "swing": {"type": "discord", "url": inbox.url(f"/swing/{SECRET}")},
        "desk": {"type": "slack", "url": inbox.url(f"/desk/{SECRET}")},
        "phone": {"type": "apprise", "url": inbox.url(f"/phone/{SECRET}").replace("http://", "json://")},
    }
    sections.setdefault("rules", RULES)
    return str(write_config(folder, simulator, destinations, **sections))  # type: ignore[arg-type]


def last_body(inbox: Inbox) -> Any:
    return json.loads(inbox.received[-1].body)


def envelope(folder: Path, **data: object) -> str:
    file = folder / "event.json"
    file.write_text(json.dumps({**ENVELOPE, "data": {**ENVELOPE["data"], **data}}))  # type: ignore[dict-item]
    return str(file)


async def test_a_test_message_is_marked_holds_nothing_and_is_new_each_time(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = written(tmp_path, simulator, inbox)
    for _ in range(2):
        ended = await relay("send", "bot", "-c", config)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.splitlines()[:2] == ["bot: delivered", "  code    200"]
    body = last_body(inbox)
    assert (body["type"], body["data"]) == ("relay.test", {})
    assert (body["relay"]["source"], body["relay"]["rules"], body["relay"]["simulated"]) == ("test", [], True)
    first, second = (received.headers["webhook-id"] for received in inbox.received)
    assert first != second
    assert "." not in first + second
    assert inbox.received[-1].headers["webhook-signature"].startswith("v1,")
    assert not (tmp_path / "relay.db").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("swing", "Test message of the relay"),
        ("desk", "Test message of the relay"),
        ("phone", "Test message of the relay"),
    ],
)
async def test_a_chat_shows_that_it_is_a_test(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, name: str, said: str
) -> None:
    ended = await relay("send", name, "-c", written(tmp_path, simulator, inbox), "--json")
    assert (ended.code, ended.json["delivered"], ended.json["verdict"]) == (0, True, "delivered")
    assert said in inbox.received[-1].body.decode()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(404, body=f"no hook /bot/{SECRET} here".encode()), "bot: refused; the relay would keep it"),
        (Answer(410), "bot: refused for good; the relay would switch the destination off"),
        (Answer(503, {"Retry-After": "30"}), "bot: not delivered; the relay would try again"),
        (Answer(reset=True), "bot: not delivered; the relay would try again"),
    ],
)
async def test_what_was_not_delivered_ends_with_1_and_shows_the_answer(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, answer: Answer, words: str
) -> None:
    inbox.always(answer)
    config = written(tmp_path, simulator, inbox)
    ended = await relay("send", "bot", "-c", config)
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.startswith(words)
    assert SECRET not in ended.out
    assert ("no hook *** here" in ended.out) is (answer.status == 404)
    assert ("it asks for 30s of nothing" in ended.out) is (answer.status == 503)
    told = (await relay("send", "bot", "-c", config, "--json")).json
    assert (told["destination"], told["delivered"]) == ("bot", False)
    assert told["code"] == ("reset" if answer.reset else str(answer.status))


async def test_what_explain_takes_goes_out_too(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    file = tmp_path / "alone.json"
    file.write_text(json.dumps(ENVELOPE["data"]))
    config = written(tmp_path, simulator, inbox)
    said = (await relay("explain", str(file), "-c", config, "--offline")).out
    assert f"`relay send bot --event {file} --dry-run`" in said
    assert (await relay("send", "bot", "-c", config, "--event", str(file))).code == 0
    assert last_body(inbox)["data"] == ENVELOPE["data"]


@pytest.mark.parametrize("from_stdin", [False, True])
async def test_an_event_of_a_file_goes_out_as_a_test_with_the_rules_that_would_send_it_there(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, from_stdin: bool
) -> None:
    config, file = written(tmp_path, simulator, inbox), envelope(tmp_path)
    name, stdin = ("-", json.dumps(ENVELOPE).encode()) if from_stdin else (file, b"")
    ended = await relay("send", "bot", "-c", config, "--event", name, stdin=stdin)
    assert (ended.code, ended.err) == (0, "")
    body = last_body(inbox)
    assert (body["type"], body["data"]) == ("relay.test", ENVELOPE["data"])
    assert (body["relay"]["event"], body["relay"]["source"]) == ("alerts.in_force:98421", "test")
    assert body["relay"]["rules"] == ["daily"]
    assert (await relay("send", "bot", "-c", config, "--event", envelope(tmp_path, timeframe="M"))).code == 0
    assert last_body(inbox)["relay"]["rules"] == []


async def test_a_stored_event_is_had_from_the_running_relay_and_else_from_its_store(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = Path(written(tmp_path, simulator, inbox, rules=[{"name": "weekly", "timeframe": "W", "to": "bot"}]))
    async with running(config) as daemon:
        fired = fire(simulator, 1)[0]
        items: list[Any] = []

        def stored(_: int, body: str) -> bool:
            items[:] = json.loads(body)["items"]
            return bool(items)

        await daemon.until("/api/events", stored)
        key, number = items[0]["event"], str(items[0]["id"])
        assert (await relay("send", "bot", "-c", str(config), "--event", key)).code == 0
        assert last_body(inbox)["data"] == items[0]["data"]
        assert (await daemon.json(f"/api/events/{quote(key, safe='')}")) == items[0]
        unknown = await relay("send", "bot", "-c", str(config), "--event", "77777")
        assert (unknown.code, unknown.out) == (64, "")
        assert await daemon.stop() == 0
    for name in (number, key):
        assert (await relay("send", "swing", "-c", str(config), "--event", name)).code == 0
        assert str(fired.object["symbol"]) in inbox.received[-1].body.decode()
    assert (await relay("send", "bot", "-c", str(config), "--event", "77777")).code == 64


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("nowhere.json", b""), "nowhere.json can't be read: no such file or directory"),
        (("-", b"no json"), "standard input holds no event: no JSON object"),
        (("-", b'[{"symbol": "AAPL", "shape": "3"}, {"symbol": "SPY", "shape": "3"}]'), "holds 2 events"),
        (("alerts.in_force:17", b""), "there is no event alerts.in_force:17 in the store"),
    ],
)
async def test_what_is_not_one_event_ends_with_64(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, given: tuple[str, bytes], said: str
) -> None:
    name, stdin = given
    ended = await relay("send", "bot", "-c", written(tmp_path, simulator, inbox), "--event", name, stdin=stdin)
    assert (ended.code, ended.out, inbox.arrived) == (64, "", 0)
    assert said in ended.err
    assert not (tmp_path / "relay.db").exists()


async def test_an_unknown_destination_ends_with_64_and_the_nearest(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    ended = await relay("send", "swin", "-c", written(tmp_path, simulator, inbox))
    assert ended.code == 64
    assert "Did you mean 'swing'?" in ended.err


async def test_what_is_wrong_is_told_to_a_program(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = written(tmp_path, simulator, inbox)
    ended = await relay("send", "swin", "-c", config, "--json")
    assert (ended.code, ended.json["ok"], ended.json["hint"]) == (64, False, "Did you mean 'swing'?")
    assert ended.json["error"] in ended.err
    ended = await relay("send", "swing", "-c", config, "--json", "--event", "-", stdin=b"{}")
    assert (ended.code, ended.json["ok"]) == (64, False)
    ended = await relay("send", "swing", "-c", written(tmp_path, simulator, inbox, rules=[]), "--json")
    checked = await relay("check", "-c", config, "--json")
    assert (ended.code, ended.json) == (78, checked.json)
    assert ended.json["faults"]


@pytest.mark.parametrize("name", ["bot", "swing", "desk", "phone"])
async def test_a_dry_run_sends_nothing_and_shows_the_very_body(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, name: str
) -> None:
    config, file = written(tmp_path, simulator, inbox), envelope(tmp_path, note="\x9b31m \u202e", big=2**60)
    shown = await relay("send", name, "-c", config, "--event", file, "--dry-run")
    told = await relay("send", name, "-c", config, "--event", file, "--dry-run", "--json")
    assert (shown.code, told.code, inbox.arrived) == (0, 0, 0)
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown.out)
    for secret in (SECRET, SIGNING, inbox.url()):
        assert secret not in shown.out + shown.err + told.out + told.err
    text = shown.out[shown.out.index("{") :]
    body, _ = json.JSONDecoder().raw_decode(text)
    sent = told.json["body"]
    assert (await relay("send", name, "-c", config, "--event", file)).code == 0
    arrived = last_body(inbox)
    if name == "bot":
        assert body["data"] == sent["data"] == arrived["data"]
        assert told.json["headers"]["webhook-signature"] == "***"
        assert "X-Token: ***" in shown.out
    elif name == "phone":
        assert body == sent == {"title": arrived["title"], "body": arrived["message"]}
    else:
        assert body == sent == arrived
    assert ("▌" in shown.out) is (name == "swing")


async def test_a_template_that_gives_no_json_is_shown_as_it_is(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    destinations = {"bot": webhook(inbox.url(), template="{{ symbol }} \x9b{{ price }}")}
    config = str(write_config(tmp_path, simulator, destinations))
    shown = await relay("send", "bot", "-c", config, "--event", envelope(tmp_path), "--dry-run")
    assert shown.out.splitlines()[-1] == "AAPL \ufffd214.32"


async def test_a_template_that_fails_is_told(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = str(write_config(tmp_path, simulator, {"bot": webhook(inbox.url(), template="{{ nothing }}")}))
    ended = await relay("send", "bot", "-c", config, "--dry-run")
    assert (ended.code, "'nothing' is undefined" in ended.err) == (1, True)
    ended = await relay("send", "bot", "-c", config)
    assert (ended.code, "template" in ended.out, inbox.arrived) == (1, True, 0)


async def test_a_destination_with_a_template_gets_a_sample_alert_that_is_marked(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    marked = "a test, not an alert"
    destinations = {
        "bot": webhook(inbox.url("/bot"), template='{"to": {{ symbol | tojson }}, "from": "{{ relay.source }}"}'),
        "swing": {"type": "discord", "url": inbox.url("/swing"), "template": "{{ symbol }} {{ cc }} {{ price }}"},
        "desk": {
            "type": "slack",
            "url": inbox.url("/desk"),
            "template": "{{ symbols | join(' ') }} {{ relay.rules[0] }}",
        },
        "phone": {
            "type": "apprise",
            "url": inbox.url("/phone").replace("http://", "json://"),
            "template": "{{ symbol }} {{ shape }}",
        },
    }
    rules: list[dict[str, object]] = [
        {"name": "all", "timeframe": "W", "to": ["bot", "swing", "phone"]},
        {"name": "breaks", "channel": "alerts.simultaneous_breaks", "threshold": 4, "to": "desk"},
    ]
    config = str(write_config(tmp_path, simulator, destinations, rules=rules))
    bodies = {}
    for name in destinations:
        ended = await relay("send", name, "-c", config)
        assert (ended.code, ended.err) == (0, "")
        bodies[name] = last_body(inbox)
    assert bodies["bot"] == {"to": "AAPL", "from": "test"}
    assert bodies["swing"]["content"] == f"⚠️ **{marked}**\nAAPL 2U 214.32"
    said = [block["text"]["text"] for block in bodies["desk"]["blocks"]]
    assert said == [f"⚠️ *{marked}*", "ES1! NQ1! YM1! breaks"]
    assert (bodies["phone"]["title"], bodies["phone"]["message"]) == ("Sample: AAPL [D] 1-2U", f"{marked}\nAAPL 1-2U")


async def test_no_test_of_a_simulator_leaves_the_machine_unless_it_is_allowed(
    tmp_path: Path, simulator: Simulator
) -> None:
    destinations = {"bot": webhook("https://bot.invalid/hook")}
    config = str(write_config(tmp_path, simulator, destinations))
    ended = await relay("send", "bot", "-c", config)
    assert (ended.code, ended.out) == (78, "")
    assert "--allow-real" in ended.err
    assert (await relay("send", "bot", "-c", config, "--dry-run")).code == 0
    allowed = await relay("send", "bot", "-c", config, "--allow-real", "--json")
    assert (allowed.code, allowed.json["code"]) == (1, "dns")
