"""A config that is right: what the rest of the relay gets of it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pydantic
import pytest

from relay.config.model import store_path
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.slack.config import SlackConfig
from relay.destinations.webhook.config import RateLimit, WebhookConfig
from relay.events import Channel, Source
from relay.rules.rule import PriceRange, Rule, Symbols, Threshold
from tests.support.config_text import SIGNING_SECRET, config_text, faults_of, read

MINIMAL = config_text("more", "")


def test_the_defaults_are_the_documented_ones() -> None:
    config = read(MINIMAL)
    assert config.stratalerts.websocket_url == "wss://app.stratalerts.com/ws/market/v1"
    assert config.stratalerts.rest_url == "https://app.stratalerts.com/api/market/v1"
    assert (config.stratalerts.auth, config.stratalerts.on_evicted) == ("bearer", "exit")
    assert (config.storage.url, config.storage.retention) == ("sqlite:relay.db", 7 * 86400)
    assert (config.backfill.every, config.backfill.on_first_start, config.backfill.page_size) == (300, 0, 200)
    assert (config.http.listen, config.http.address) == ("127.0.0.1:8787", ("127.0.0.1", 8787))
    assert (config.http.token, config.http.hosts) == (None, ())
    assert (config.log.level, config.log.format) == ("info", "auto")
    assert config.shutdown_grace == 20


def test_a_webhooks_defaults_are_the_documented_ones() -> None:
    bot = read(MINIMAL).destinations["bot"]
    assert isinstance(bot, WebhookConfig)
    assert bot.url.reveal() == "http://127.0.0.1/x"
    assert (bot.timeout, bot.max_age, bot.sources) == (10, None, frozenset({Source.LIVE, Source.BACKFILL}))
    assert (bot.retry.initial, bot.retry.max, bot.retry.give_up_after) == (1, 300, 86400)
    assert (bot.secrets, bot.headers, bot.template, bot.method) == ((), {}, None, "POST")
    assert (bot.concurrency, bot.ordering, bot.rate_limit) == (8, "symbol", None)


@pytest.mark.parametrize(("kind", "model"), [("discord", DiscordConfig), ("slack", SlackConfig)])
def test_a_chat_takes_one_at_a_time_in_order(kind: str, model: type) -> None:
    text = config_text("destinations", f"destinations: {{bot: {{type: {kind}, url: 'http://127.0.0.1/x'}}}}")
    chat = read(text).destinations["bot"]
    assert isinstance(chat, model)
    assert (chat.concurrency, chat.ordering, chat.rate_limit) == (1, "strict", None)


def test_a_webhooks_keys_are_read() -> None:
    text = f"""secret: [{SIGNING_SECRET}, {SIGNING_SECRET.removeprefix("whsec_")}],
  headers: {{X-Team: 5, Content-Type: a}}, template: '{{{{ symbol | tojson }}}}', method: PUT,
  timeout: 250ms, max_age: 10s, sources: live, concurrency: 2, ordering: none, rate_limit: 50/1s,
  retry: {{initial: 2s, max: 2s, give_up_after: 1h}}"""
    bot = read(config_text("webhook", text)).destinations["bot"]
    assert isinstance(bot, WebhookConfig)
    assert [secret.reveal() for secret in bot.secrets] == [SIGNING_SECRET, SIGNING_SECRET.removeprefix("whsec_")]
    assert {name: value.reveal() for name, value in bot.headers.items()} == {"X-Team": "5", "Content-Type": "a"}
    assert bot.template is not None
    assert (bot.template.source, bot.method) == ("{{ symbol | tojson }}", "PUT")
    assert (bot.timeout, bot.max_age, bot.sources) == (0.25, 10, frozenset({Source.LIVE}))
    assert (bot.concurrency, bot.ordering, bot.rate_limit) == (2, "none", RateLimit(50, 1.0))
    assert (bot.retry.initial, bot.retry.max, bot.retry.give_up_after) == (2, 2, 3600)


def _rule(text: str) -> Rule:
    return read(config_text("rule", text)).rules[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("enabled: true", Rule("a", ("bot",))),
        ("enabled: false", Rule("a", ("bot",), enabled=False)),
        ("channel: alerts.in_force", Rule("a", ("bot",))),
        ("symbol: aapl", Rule("a", ("bot",), symbols=Symbols(("AAPL",)))),
        ("symbol: [ON, NO, Y, on]", Rule("a", ("bot",), symbols=Symbols(("ON", "NO", "Y")))),
        ('symbol: ["*-usd", 0700]', Rule("a", ("bot",), symbols=Symbols(("*-USD", "0700")))),
        ("symbol: all", Rule("a", ("bot",))),
        ("symbol: [All]", Rule("a", ("bot",))),
        ("symbol: [ALL, AAPL]", Rule("a", ("bot",), symbols=Symbols(("ALL", "AAPL")))),
        ("symbol: {any: spy, not: [tsla, ALL]}", Rule("a", ("bot",), symbols=Symbols(("SPY",), ("TSLA", "ALL")))),
        ("timeframe: [15, 60, 4h, d]", Rule("a", ("bot",), timeframes=frozenset({"15", "60", "4H", "D"}))),
        ("timeframe: 30", Rule("a", ("bot",), timeframes=frozenset({"30"}))),
        ("timeframe: [D, ALL]", Rule("a", ("bot",))),
        ("direction: Bullish", Rule("a", ("bot",), directions=frozenset({"bullish"}))),
        ("direction: all", Rule("a", ("bot",))),
        ("shape: [1-2u, 3-*]", Rule("a", ("bot",), shapes=("1-2U", "3-*"))),
        ("shape: 3", Rule("a", ("bot",), shapes=("3",))),
        ("shape: all", Rule("a", ("bot",))),
        ("cc: 1", Rule("a", ("bot",), candles=frozenset({"1"}))),
        ("cc: [2u, 3]", Rule("a", ("bot",), candles=frozenset({"2U", "3"}))),
        ("cc: all", Rule("a", ("bot",))),
        ("price: {min: 5}", Rule("a", ("bot",), price=PriceRange(5))),
        ("price: {min: -1.5, max: 1e3}", Rule("a", ("bot",), price=PriceRange(-1.5, 1000))),
        ("continuation: false", Rule("a", ("bot",), continuation=False)),
        ("max_age: 10m", Rule("a", ("bot",), max_age=600)),
    ],
)
def test_a_rule_is_typed_and_folded(text: str, expected: Rule) -> None:
    assert _rule(text) == expected


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("threshold: 3", Threshold(minimum=3)),
        ("threshold: [2, 4]", Threshold(exactly=frozenset({2, 4}))),
        ("threshold: [3]", Threshold(exactly=frozenset({3}))),
        ("threshold: ALL", None),
        ("symbol: ES", None),
    ],
)
def test_a_number_of_futures_is_at_least_and_a_list_is_exactly(text: str, threshold: Threshold | None) -> None:
    rule = read(config_text("breaks", text)).rules[0]
    assert rule.channel is Channel.BREAKS
    assert rule.threshold == threshold


def test_a_rule_names_each_destination_once_in_order() -> None:
    destinations = "destinations: {b: {type: slack, url: 'http://a'}, 5: {type: slack, url: 'http://a'}}"
    text = config_text("rules", "rules: [{name: 2024, to: [5, b, 5]}]")
    text = text.replace(text.splitlines()[1], destinations)
    assert read(text).rules[0].to == ("5", "b")
    assert read(text).rules[0].name == "2024"


def test_a_section_whose_lines_are_all_commented_out_has_its_defaults() -> None:
    assert read(config_text("more", "backfill:\n  # every: 1m\nlog:\n")).backfill.every == 300


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("'off'", None),
        ("off", None),
        ("localhost:0", ("localhost", 0)),
        ("127.8.9.1:80", ("127.8.9.1", 80)),
        ("'[::1]:8787'", ("::1", 8787)),
        ("0.0.0.0:8787", ("0.0.0.0", 8787)),
        ("relay.example:1", ("relay.example", 1)),
    ],
)
def test_an_address_is_host_and_port(listen: str, address: tuple[str, int] | None) -> None:
    assert read(config_text("more", f"http: {{listen: {listen}, token: t}}")).http.address == address


@pytest.mark.parametrize(
    ("url", "env", "expected"),
    [
        ("sqlite:relay.db", {}, "/etc/relay/relay.db"),
        ("sqlite:a/b.db", {"STATE_DIRECTORY": "/var/lib/relay"}, "/var/lib/relay/a/b.db"),
        ("sqlite:relay.db", {"STATE_DIRECTORY": "/var/lib/one:/var/lib/two"}, "/var/lib/one/relay.db"),
        ("sqlite:/srv/relay.db", {"STATE_DIRECTORY": "/var/lib/relay"}, "/srv/relay.db"),
        ("sqlite:///srv/relay.db", {}, "/srv/relay.db"),
    ],
)
def test_the_store_is_in_the_state_directory_else_beside_the_config(
    url: str, env: dict[str, str], expected: str
) -> None:
    assert store_path(url, config=Path("/etc/relay/config.yaml"), env=env) == Path(expected)


def test_the_stores_path_is_absolute() -> None:
    assert read(MINIMAL).store_path == Path.cwd() / "relay.db"


def test_a_url_loses_the_slash_at_its_end_and_a_webhooks_is_kept_as_it_is() -> None:
    text = config_text("stratalerts", "stratalerts: {api_key: k, rest_url: 'http://127.0.0.1:9/api/'}")
    config = read(text.replace("http://127.0.0.1/x", "http://127.0.0.1/x/?a=b/"))
    assert config.stratalerts.rest_url == "http://127.0.0.1:9/api"
    assert config.destinations["bot"].url.reveal() == "http://127.0.0.1/x/?a=b/"


def test_nothing_can_be_changed_afterwards() -> None:
    config = read(MINIMAL)
    with pytest.raises(FrozenInstanceError):
        config.shutdown_grace = 1  # type: ignore[misc]
    with pytest.raises(pydantic.ValidationError):
        config.storage.retention = 1  # type: ignore[misc]
    with pytest.raises(pydantic.ValidationError):
        config.destinations["bot"].timeout = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "change",
    [
        f"secret: {SIGNING_SECRET}",
        "headers: {X-A: b}",
        "template: x",
        "method: PUT",
        "timeout: 11s",
        "max_age: 1m",
        "sources: live",
        "concurrency: 9",
        "ordering: none",
        "rate_limit: 1/1s",
        "retry: {max: 6m}",
    ],
)
def test_a_fingerprint_changes_with_every_key(change: str) -> None:
    plain = read(MINIMAL).destinations["bot"].fingerprint()
    assert read(MINIMAL).destinations["bot"].fingerprint() == plain
    assert read(config_text("webhook", change)).destinations["bot"].fingerprint() != plain


def test_a_fingerprint_changes_with_url_and_type_and_tells_neither() -> None:
    texts = [MINIMAL, MINIMAL.replace("/x'", "/y'"), MINIMAL.replace("webhook", "slack")]
    prints = {read(text).destinations["bot"].fingerprint() for text in texts}
    assert len(prints) == 3
    assert all(len(one) == 16 for one in prints)


def test_the_smallest_config_has_no_fault() -> None:
    assert faults_of(MINIMAL) == []


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("1h", "that timeframe is written '60'"),
        ("240", "that timeframe is written '4H'"),
        ("daily", "that timeframe is written 'D'"),
        ("5m", "a timeframe is one of 15, 30"),
        ("1m", "a timeframe is one of 15, 30"),
    ],
)
def test_a_timeframe_of_another_program_is_told_by_its_meaning(written: str, told: str) -> None:
    (fault,) = faults_of(config_text("rule", f"timeframe: {written}"))
    assert told in fault


def test_quotes_that_were_pasted_are_no_part_of_a_symbol() -> None:
    (fault,) = faults_of(config_text("rule", "symbol: “AAPL”"))
    assert "no symbol has a quote in it" in fault
