"""The example and the schema say what is true of the relay as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from relay.config.load import load
from relay.config.model import ConfigFile, Heartbeat
from relay.config.schema import config_schema, schema_text
from relay.events import TIMEFRAMES
from relay.rules.rule import Rule
from tests.support.any_rule import DESTINATIONS, rules
from tests.support.config_text import SIGNING_SECRET, config_text
from tests.support.json_schema import against
from tests.support.rule_text import config_of
from tests.support.tls import CA, pem_of

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.yaml"
COMMENTED = re.compile(r"^(\s*)# ([a-z_]+: .*)$", re.MULTILINE)

ENV = {
    "STRATALERTS_API_KEY": "key",
    "RELAY_TOKEN": "token",
    "DISCORD_SWING_URL": "https://discord.example/api/webhooks/1/a",
    "SLACK_DESK_URL": "https://slack.example/services/a/b",
    "BOT_URL": "https://bot.example/alerts",
    "BOT_SECRET": SIGNING_SECRET,
    "SHEET_URL": "https://sheet.example/rows",
    "PHONE_URL": "ntfy://ntfy.example/topic",
    "DISCORD_OPS_URL": "https://discord.example/api/webhooks/2/b",
    "HEARTBEAT_URL": "https://watch.example/ping",
}


def test_every_line_of_the_example_is_valid() -> None:
    config = load(EXAMPLE, env=ENV)
    assert [rule.name for rule in config.rules] == [
        "daily bulls",
        "anything but crypto",
        "with the trend, outside of the open",
        "the whole market moves",
        "full continuity",
        "through 200",
        "the rest",
    ]
    assert {destination.type for destination in config.destinations.values()} == {"webhook", "discord", "slack"}


def test_its_commented_keys_are_valid_too(tmp_path: Path) -> None:
    text, count = COMMENTED.subn(r"\1\2", EXAMPLE.read_text("utf-8"))
    (tmp_path / "config.yaml").write_text(text)
    (tmp_path / "watchlist.txt").write_text("MSFT\n")
    (tmp_path / "ca.pem").write_text(pem_of(CA()))
    config = load(tmp_path / "config.yaml", env=ENV)
    assert count == 9
    assert config.destinations["phone"].type == "apprise"
    assert config.http.token is not None
    assert config.http.hosts == ("relay.example",)
    assert config.heartbeat is not None
    assert config.heartbeat.every == Heartbeat.model_fields["every"].default
    assert config.alerts_to == "ops"
    assert "MSFT" in config.rules[0].symbols.any
    assert config.stratalerts.ca_file is not None
    assert config.stratalerts.ca_file == config.destinations["bot"].ca_file


def test_the_values_it_gives_are_the_defaults_where_it_says_so() -> None:
    example = load(EXAMPLE, env=ENV)
    fields = ConfigFile.model_fields
    for name in ("storage", "backfill", "http", "log", "shutdown_grace"):
        assert getattr(example, name) == fields[name].get_default(), name
    for name, field in type(example.stratalerts).model_fields.items():
        if name != "api_key":
            assert getattr(example.stratalerts, name) == field.get_default(), name


def test_it_mentions_every_key_that_is_supported() -> None:
    text = EXAMPLE.read_text("utf-8")
    for name, definition in config_schema()["$defs"].items():
        for key, form in definition["properties"].items():
            supported = form.get("not") != {} and not key.endswith("_file")
            assert not supported or re.search(rf"\b{key}:", text) or key == "any", f"{name}.{key}"


def test_its_first_line_names_the_committed_schema() -> None:
    first = EXAMPLE.read_text("utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=./config.schema.json"
    assert (ROOT / "config.schema.json").read_text("utf-8") == schema_text(), "run: relay schema > config.schema.json"


def test_the_schema_takes_the_example_and_its_commented_keys() -> None:
    text = EXAMPLE.read_text("utf-8")
    for shown in (text, COMMENTED.sub(r"\1\2", text)):
        assert against(yaml.safe_load(shown), config_schema()) == []


@settings(deadline=None)  # the machine may be busy; time is not what is tested
@given(rules())
def test_the_schema_takes_whatever_a_rule_can_be(rule: Rule) -> None:
    assert against(yaml.safe_load(config_of([rule], DESTINATIONS)), config_schema()) == []


@pytest.mark.parametrize(
    ("where", "text", "refused"),
    [
        ("rule", "colldown: 5m", ".rules[0].colldown: additionalProperties"),
        ("rule", "timeframe: [D, X]", ".rules[0].timeframe: anyOf"),
        ("rule", "cooldown: 5", ".rules[0].cooldown: type"),
        ("rule", "tfc: {D: blue}", ".rules[0].tfc.D: anyOf"),
        ("rule", "price: {abov: 1}", ".rules[0].price.abov: additionalProperties"),
        ("rule", "active: {days: mon}", ".rules[0].active: required"),
        ("rule", "active: {timezone: UTC, hours: 9-16}", ".rules[0].active.hours: anyOf"),
        ("to", "{by: timeframe}", ".rules[0].to: anyOf"),
        ("to", "{by: [shape], routes: {D: bot}}", ".rules[0].to: anyOf"),
        ("to", "{by: asset, routes: {stocks: []}}", ".rules[0].to: anyOf"),
        ("more", "heartbeat: {url: 'http://a', evry: 1m}", ".heartbeat.evry: additionalProperties"),
        ("webhook", "ca_file: [a.pem]", ".destinations.bot: anyOf"),
        ("webhook", "deny_private: maybe", ".destinations.bot: anyOf"),
        ("destinations", "destinations: {bot: {type: slack}}", ".destinations.bot: anyOf"),
    ],
)
def test_an_editor_sees_what_is_wrong(where: str, text: str, refused: str) -> None:
    assert f"${refused}" in against(yaml.safe_load(config_text(where, text)), config_schema())


def _resolve(schema: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in form:
        form = schema["$defs"][form["$ref"].rsplit("/", 1)[-1]]
    return form


def test_the_schema_has_every_key_of_the_example() -> None:
    schema = config_schema()

    def visit(value: object, form: dict[str, Any], path: str) -> None:
        form = _resolve(schema, form)
        if isinstance(value, dict) and "anyOf" in form:
            tag = value.get("type")
            options = [_resolve(schema, option) for option in form["anyOf"]]
            objects = [option for option in options if option.get("type") == "object"]
            tagged = (o for o in objects if o.get("properties", {}).get("type", {}).get("const") == tag)
            form = next(tagged, objects[0])
        if isinstance(value, dict):
            for key, item in value.items():
                inner = form.get("properties", {}).get(key, form.get("additionalProperties"))
                assert inner, f"{path}.{key}"
                visit(item, inner, f"{path}.{key}")
        elif isinstance(value, list) and form.get("type") == "array":
            for item in value:
                visit(item, form["items"], path)

    visit(yaml.safe_load(EXAMPLE.read_text("utf-8")), schema, "")


def test_the_schema_describes_what_is_written_not_what_it_becomes() -> None:
    schema = config_schema()
    webhook = schema["$defs"]["WebhookConfig"]["properties"]
    assert webhook["timeout"]["type"] == "string"
    assert webhook["timeout"]["default"] == "10s"
    assert re.search(webhook["timeout"]["pattern"], "10s")
    assert not re.search(webhook["timeout"]["pattern"], "10")
    assert {"url_file", "secret_file"} <= webhook.keys()
    assert "required" not in schema["$defs"]["StratAlerts"]
    one, many = schema["$defs"]["RuleConfig"]["properties"]["timeframe"]["anyOf"]
    assert many["items"] == one
    assert {*TIMEFRAMES, 60, "all"} <= set(one["anyOf"][0]["enum"])


def test_only_apprise_refuses_keys_that_its_like_have() -> None:
    refused = {
        (name, key)
        for name, definition in config_schema()["$defs"].items()
        for key, form in definition["properties"].items()
        if form.get("not") == {}
    }
    assert refused == {("AppriseConfig", "ca_file"), ("AppriseConfig", "deny_private")}


def test_the_schema_is_json_and_the_same_every_time() -> None:
    assert json.loads(schema_text()) == config_schema()
    assert schema_text() == schema_text()
