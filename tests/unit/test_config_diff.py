"""What changes from one config to another: nothing is missed, nothing is invented, no secret is told."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.config.diff import NOTHING, Changes, changes, lines, plain
from relay.config.outline import (
    DestinationOutline,
    Outline,
    RuleOutline,
    Setting,
    effective,
    outline_of,
)
from tests.support.config_text import config_text, read

URL = "http://127.0.0.1/a-secret-path-of-a-webhook"


def outline(*parts: tuple[str, str]) -> Outline:
    """Of the small config with each of ``parts`` (where, text) in its place."""
    text = config_text("more", "")
    for where, part in parts:
        if where == "more":
            text += part
        else:
            old = next(line for line in text.splitlines() if line.startswith(f"{where}:"))
            text = text.replace(old, part)
    return outline_of(read(text))


RULES = "rules: [{name: a, to: bot}, {name: b, timeframe: D, to: bot}, {name: c, timeframe: W, to: bot}]"
MOVED = "rules: [{name: c, timeframe: W, to: bot}, {name: a, to: bot}, {name: b, timeframe: D, to: bot}]"
WEBHOOK = f"destinations: {{bot: {{type: webhook, url: '{URL}', %s}}}}"
DISCORD = f"destinations: {{bot: {{type: discord, url: '{URL}', %s}}}}"
TWO = f"destinations: {{bot: {{type: webhook, url: 'http://127.0.0.1/x'}}, new: {{type: slack, url: '{URL}'}}}}"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([], [], [NOTHING]),
        ([], [("more", "# a comment")], [NOTHING]),
        (
            [],
            [("rules", "rules: [{name: a, to: bot}, {name: b, timeframe: D, to: bot}]")],
            ["+ rule b: in-force alerts, on the daily timeframe, go to bot."],
        ),
        (
            [("rules", RULES)],
            [("rules", "rules: [{name: a, to: bot}, {name: c, timeframe: W, to: bot}]")],
            ["- rule b: in-force alerts, on the daily timeframe, go to bot."],
        ),
        (
            [],
            [("rules", "rules: [{name: a, timeframe: D, to: bot}]")],
            [
                "~ rule a: all in-force alerts go to bot.",
                "    now a: in-force alerts, on the daily timeframe, go to bot.",
            ],
        ),
        (
            [("rules", RULES)],
            [("rules", MOVED)],
            ["~ order of rules: c"],
        ),
        (
            [],
            [("rules", "rules: [{name: a, enabled: false, to: bot}]")],
            [
                "~ rule a: all in-force alerts go to bot.",
                "    now a (switched off): all in-force alerts go to bot.",
                "- subscription to alerts.in_force",
            ],
        ),
        (
            [],
            [("destinations", f"destinations: {{bot: {{type: webhook, url: '{URL}', timeout: 3s}}}}")],
            ["~ destination bot: timeout: 10s -> 3s", "~ destination bot: url"],
        ),
        (
            [("destinations", f"destinations: {{bot: {{type: webhook, url: '{URL}'}}}}")],
            [("destinations", f"destinations: {{bot: {{type: discord, url: '{URL}'}}}}")],
            ["~ destination bot: type: webhook -> discord"],
        ),
        (
            [("destinations", WEBHOOK % "template: '{}', max_age: 10s")],
            [("destinations", WEBHOOK % "template: '[]', sources: live, rate_limit: 50/1s, retry: {max: 1m}")],
            [
                "~ destination bot: max_age: 10s -> none",
                "~ destination bot: sources: backfill, live -> live",
                "~ destination bot: retry.max: 5m -> 1m",
                "~ destination bot: rate_limit: none -> 50/1s",
                "~ destination bot: template",
            ],
        ),
        (
            [("destinations", DISCORD % "username: a, silent: true")],
            [("destinations", DISCORD % "username: b, late: {over: 5m, as: drop}")],
            [
                "~ destination bot: late.over: 10m -> 5m",
                "~ destination bot: late.as: mark -> drop",
                "~ destination bot: silent: true -> false",
                "~ destination bot: username",
            ],
        ),
        (
            [],
            [("destinations", TWO)],
            ["+ destination new"],
        ),
        ([], [("stratalerts", "stratalerts: {api_key: other}")], ["~ stratalerts.api_key: changed (needs a restart)"]),
        (
            [],
            [("more", "log: {level: debug}\nshutdown_grace: 5s\nbackfill: {every: 90s}\nhttp: {token: abcdefgh}")],
            [
                "~ log.level: info -> debug",
                "~ shutdown_grace: 20s -> 5s",
                "~ backfill.every: 5m -> 90s (needs a restart)",
                "~ http.token: none -> *** (needs a restart)",
            ],
        ),
        (
            [],
            [("more", f"heartbeat: {{url: '{URL}'}}\nalerts_to: bot")],
            ["~ alerts_to: none -> bot", "~ heartbeat.url: none -> ***", "~ heartbeat.every: none -> 1m"],
        ),
        (
            [("more", f"heartbeat: {{url: '{URL}'}}")],
            [("more", f"heartbeat: {{url: '{URL}/2'}}")],
            ["~ heartbeat.url: changed"],
        ),
    ],
)  # fmt: skip
def test_a_change_is_said_once(before: list[tuple[str, str]], after: list[tuple[str, str]], said: list[str]) -> None:
    assert list(lines(changes(outline(*before), outline(*after)))) == said


def test_a_rule_that_differs_beyond_its_sentence_is_changed() -> None:
    def symbols(*more: str) -> Outline:
        named = ", ".join([*(f"S{n}" for n in range(20)), *more])
        return outline(("rules", f"rules: [{{name: a, symbol: [{named}], to: bot}}]"))

    found = changes(symbols("X"), symbols("Y"))
    assert [rule.name for rule in found.rules.changed] == ["a"]
    assert next(lines(found)).endswith("(it differs in what is not said here)")


def test_of_symbols_only_the_difference_is_subscribed() -> None:
    quotes = "{name: a, channel: quotes, symbol: [%s], price: {above: 1}, to: bot}"
    states = "{name: b, channel: states, symbol: SPY, ftfc: bullish, to: bot}"
    before = outline(("rules", f"rules: [{quotes % 'AAPL, SPY'}]"))
    after = outline(("rules", f"rules: [{quotes % 'SPY, TSLA'}, {states}]"))
    found = changes(before, after).subscriptions
    assert found.added == {"quotes": ("TSLA",), "states": ("SPY",)}
    assert found.removed == {"quotes": ("AAPL",)}


def test_an_older_relay_that_tells_no_values_is_compared_by_keys() -> None:
    before, after = outline(), outline(("destinations", WEBHOOK % "max_age: 10s"))
    old = {name: msgspec.structs.replace(one, values={}) for name, one in before.destinations.items()}
    assert list(lines(changes(msgspec.structs.replace(before, destinations=old), after))) == [
        "~ destination bot: url and max_age"
    ]


def test_an_outline_holds_no_secret_and_survives_json() -> None:
    text = config_text(
        "destinations", f"destinations: {{bot: {{type: webhook, url: '{URL}', headers: {{X-Key: hidden-value}}}}}}"
    ).replace("api_key: k", "api_key: the-key-itself")
    found = outline_of(read(text + "http: {token: the-token-itself}"))
    sent = msgspec.json.encode(found)
    for secret in ("secret-path", "hidden-value", "the-key-itself", "the-token-itself"):
        assert secret.encode() not in sent
    assert msgspec.json.decode(sent, type=Outline) == found


def test_what_needs_a_restart_stays_as_it_runs(tmp_path: Path) -> None:
    running = read(config_text("more", ""), path=tmp_path / "f")
    loaded = read(
        config_text(
            "more",
            "storage: {url: 'sqlite:other.db'}\nbackfill: {every: 1m}\nlog: {level: error, format: json}\n"
            "http: {listen: 'off'}\nshutdown_grace: 1s\nheartbeat: {url: 'http://a/b'}\nalerts_to: bot",
        ).replace("api_key: k", "api_key: other, on_evicted: standby"),
        path=tmp_path / "f",
    )
    now = effective(running, loaded)
    assert now.store_path == running.store_path
    assert now.stratalerts.api_key == running.stratalerts.api_key
    assert (now.stratalerts.on_evicted, now.log.level, now.shutdown_grace) == ("standby", "error", 1.0)
    assert (now.log.format, now.http.listen) == ("auto", "127.0.0.1:8787")
    assert (now.heartbeat, now.alerts_to) == (loaded.heartbeat, "bot")
    assert {change.key for change in changes(outline_of(now), outline_of(loaded)).settings} == {
        "storage.url", "backfill.every", "log.format", "http.listen", "stratalerts.api_key"
    }  # fmt: skip


NAMES = st.sampled_from("abcdefgh")
PRINTS = st.sampled_from(["0", "1"])


def _rule(name: str, mark: str) -> RuleOutline:
    return RuleOutline(name, enabled=True, sentence=f"{name} {mark}.", fingerprint=mark)


def _destination(marks: dict[str, str]) -> DestinationOutline:
    return DestinationOutline("webhook", (), repr(sorted(marks.items())), marks)


OUTLINES = st.builds(
    Outline,
    file=st.just("f"),
    destinations=st.dictionaries(NAMES, st.dictionaries(st.sampled_from(["url", "retry"]), PRINTS).map(_destination)),
    rules=st.lists(st.builds(_rule, NAMES, PRINTS), unique_by=lambda rule: rule.name).map(tuple),
    subscriptions=st.dictionaries(
        st.sampled_from(["quotes", "states"]), st.sets(NAMES, min_size=1).map(lambda names: tuple(sorted(names)))
    ),
    settings=st.dictionaries(st.sampled_from(["log.level", "storage.url"]), st.builds(Setting, PRINTS)),
)


@given(OUTLINES)
def test_nothing_changes_to_the_same(same: Outline) -> None:
    assert not changes(same, same)
    assert changes(same, same) == Changes()


@given(OUTLINES, OUTLINES)
def test_the_changes_lead_from_one_to_the_other_and_back(before: Outline, after: Outline) -> None:
    there, back = changes(before, after), changes(after, before)
    assert {rule.name for rule in there.rules.added} == {rule.name for rule in back.rules.removed}
    assert there.subscriptions.added == back.subscriptions.removed
    assert set(there.destinations.added) == set(back.destinations.removed)
    names = {rule.name for rule in before.rules} - {rule.name for rule in there.rules.removed}
    assert names | {rule.name for rule in there.rules.added} == {rule.name for rule in after.rules}
    same = names - {rule.name for rule in there.rules.changed}
    assert {rule for rule in before.rules if rule.name in same} == {rule for rule in after.rules if rule.name in same}
    for channel, symbols in after.subscriptions.items():
        kept = set(before.subscriptions.get(channel, ())) - set(there.subscriptions.removed.get(channel, ()))
        assert kept | set(there.subscriptions.added.get(channel, ())) == set(symbols)
    assert bool(there) is bool(back)


@given(st.permutations(list(range(8))))
def test_rules_that_did_not_move_are_in_the_order_they_were_in(order: list[int]) -> None:
    def of(names: list[int]) -> Outline:
        return Outline("f", {}, tuple(_rule(str(name), "0") for name in names), {}, {})

    moved = set(changes(of(list(range(8))), of(order)).rules.moved)
    kept = [name for name in order if str(name) not in moved]
    assert kept == sorted(kept)
    assert len(moved) < 8


@given(OUTLINES, OUTLINES)
def test_a_program_is_told_all_that_a_person_is(before: Outline, after: Outline) -> None:
    found = changes(before, after)
    told = plain(found)
    assert msgspec.convert({name: part for name, part in told.items() if name != "restart"}, Changes) == found
    assert told["restart"] == list(found.restart)
    assert (list(lines(found)) == [NOTHING]) is not bool(found)
