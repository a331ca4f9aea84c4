"""What a service is handed: a config that means the same, holds no secret, and a way for each secret to reach it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.config.load import load
from relay.errors import ConfigError
from relay.install.secrets import masked
from tests.support.handovers import EVERYTHING, SECRETS, SIGNING, handed


def test_every_secret_leaves_the_text_and_nothing_else_does() -> None:
    made = handed(EVERYTHING)
    assert not [secret for secret in SECRETS if secret in made.text]
    assert made.text.splitlines()[:2] == ["# mine", 'stratalerts: {api_key_file: "api_key", auth: bearer} # the key']
    assert '  url_file: "heartbeat_url" # a dead man\'s switch\n' in made.text
    assert 'headers: {A: "${RELAY_SECRET_2}", B: "Bearer ${TEAM}"}' in made.text
    assert sorted(made.credentials) == ["api_key", "discord_swing", "heartbeat_url", "http_token"]
    assert sorted(made.variables) == ["BOT", "RELAY_SECRET_1", "RELAY_SECRET_2", "TEAM"]


def test_what_was_handed_over_is_handed_over_as_it_is() -> None:
    first = handed(EVERYTHING)
    env = {name: value.reveal() for name, value in first.variables.items()}
    there = {name: f"{value.reveal()}\n" for name, value in first.credentials.items()}
    assert handed(first.text, env=env, there=there) == first


names = st.sampled_from(["swing", "on", "a b", "x.y", "1"])
literal = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=9).map("zq7x{}".format)
secret = literal.map(lambda text: text.replace("$", "$$")) | literal.map(
    lambda text: f"${{UNSET:-{text.replace('}', '-')}}}"
)
header = st.builds(str.replace, st.sampled_from(["X", "Bearer X", "X ${TEAM}", "${TEAM}X"]), st.just("X"), secret)
TEAM = {"TEAM": "acme"}


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    destinations = {
        name: {
            "type": "webhook",
            "url": draw(st.sampled_from([f"https://bot.example/{number}zq7", "${U:-https://zq7}"])),
        }
        | draw(st.fixed_dictionaries({}, optional={"headers": st.fixed_dictionaries({"A": header, "B-c": header})}))
        for number, name in enumerate(draw(st.lists(names, min_size=1, max_size=3, unique=True)))
    }
    return {
        "stratalerts": {"api_key": draw(secret)},
        "destinations": destinations,
        "rules": [{"name": "all", "to": list(destinations)}],
    }


@given(configs(), st.sampled_from([True, False, None]), st.sampled_from([None, "'", '"']))
@settings(max_examples=50)
def test_a_service_reads_what_its_owner_wrote(config: dict[str, Any], flow: bool | None, quotes: str | None) -> None:
    text = yaml.safe_dump(config, default_flow_style=flow, default_style=quotes, sort_keys=False, width=1000)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "mine.yaml").write_text(text)
        before = load(folder / "mine.yaml", env=TEAM)
        key = before.stratalerts.api_key.reveal()
        made = handed(text := f"# was {key}\n{text}# {key}", env=TEAM)
        (folder / "config.yaml").write_text(made.text)
        for name, value in made.credentials.items():
            (folder / name).write_text(f"{value.reveal()}\n")
        env = {name: value.reveal() for name, value in made.variables.items()}
        after = load(folder / "config.yaml", env=env)
    assert after.stratalerts == before.stratalerts
    assert after.destinations == before.destinations
    assert after.rules == before.rules
    assert "zq7" not in f"{made.text}{masked(text)}"


def test_the_line_by_which_editors_find_the_schema_is_not_handed_over_as_the_schema_is_not() -> None:
    line, text = "# yaml-language-server: $schema=./config.schema.json\n", "# mine\ndestinations: {}\n"
    for start in (line, f"{line}#\n", f"\ufeff{line}", ""):
        assert handed(f"{start}{text}").text == text
    elsewhere = line.replace("./", "https://example.com/")
    assert handed(f"{elsewhere}{text}").text == f"{elsewhere}{text}"


@pytest.mark.parametrize(
    ("header", "stays"),
    [
        ("Bearer ${TEAM}", True),
        ("token ${TEAM}", True),
        ("${TEAM} ${BOT:-}", True),
        ("", True),
        ("Bearer ${TEAM:-zq7}", False),
        ("Basic zq7 ${TEAM}", False),
        ("zq7$${TEAM}", False),
        ("$${TEAM}", False),
        ("zq7", False),
    ],
)
def test_a_header_stays_where_nothing_but_variables_stands_in_it(header: str, *, stays: bool) -> None:
    text = f"destinations: {{bot: {{headers: {{A: '{header}'}}}}}}\n"
    made = handed(text)
    assert (made.text == text) is stays
    assert (masked(text) == text) is stays
    assert "zq7" not in f"{made.text}{masked(text)}"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("url: https://discord.com/api/webhooks/123/AbCdEf", "url: ***"),
        ("https://ptb.discordapp.com/api/v10/webhooks/1/Ab, in May", "***, in May"),
        ("(hooks.slack.com/services/T0/B0/x)", "(***)"),
        ("api_key: sk-ocelot-of-old", "api_key: ***"),
        (f"bot: {{secret: [{SIGNING}, '{SIGNING}'], x: y}}", "bot: {secret: [***, '***'], x: y}"),
        ("headers: {Authorization: Bearer 0123456789abcdef}", "headers: {Authorization: Bearer ***}"),
        ("was sk-ocelot; sk-oce", "was ***; sk-oce"),
        ("head-coati", "***"),
        ("token: ${RELAY_TOKEN}", "token: ${RELAY_TOKEN}"),
        ("before: https://hooks.slack-gov.com/services/T0/B0/zq7", "before: ***"),
        ("or tgram://123:tok/-100 here", "or *** here"),
        ("url: sqlite:somewhere/else.db", "url: sqlite:somewhere/else.db"),
        ("websocket_url: wss://staging.example/api", "websocket_url: wss://staging.example/api"),
        (
            "see https://discord.com/developers/docs, secret: yes",
            "see https://discord.com/developers/docs, secret: yes",
        ),
    ],
)
def test_a_comment_tells_no_secret(said: str, told: str) -> None:
    text = "stratalerts: {{api_key: {}}}\t# {}\nx: [ # {}\n  1 ]\nt: |2- # {}\n   # {} stays\n# {}"
    text += "\ndestinations: {{bot: {{headers: {{A: Bearer head-coati}}}}}}\n"
    made = handed(text.format("sk-ocelot", *[said] * 3, "x", said)).text
    assert made.splitlines()[0].endswith(f"\t# {told}")
    assert made.count(f"# {told}\n") == 4
    assert "   # x stays\n" in made
    shown = masked(text.format("sk-ocelot", *[said] * 3, "x", said)) or ""
    assert shown.count(f"# {told}\n") == 4


@pytest.mark.parametrize(
    "text",
    [
        "stratalerts: {api_key: &k sk-ocelot}\nhttp: {token: *k}\n",
        "x: &x {api_key: sk-ocelot}\nstratalerts: *x\nheartbeat: {url: y, <<: *x}\n",
    ],
)
def test_what_can_not_be_taken_out_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ConfigError, match="can't be taken out of by itself") as caught:
        handed(text)
    assert "ocelot" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("stratalerts:\r\n  api_key: sk-x # a\r\n  auth: bearer\r\n", "sk-x"),
        ("# \U0001f600\nstratalerts: {api_key: 'sk-x'} # \U0001f600\n", "sk-x"),
        ('stratalerts: {"api_key": "sk-\\x41"}\n', "sk-A"),
        ("%YAML 1.2\n---\nstratalerts:\n  api_key: sk-x\n...\n", "sk-x"),
        ("stratalerts:\n  ? api_key\n  : !!str sk-x\n", "sk-x"),
        ("stratalerts:\n  api_key: 1.50\n", "1.50"),
        ("stratalerts: {api_key: 'a$$b'}\n", "a$b"),
        ("\ufeffstratalerts: {api_key: '${KEY:-sk-x}'}\n", "sk-x"),
    ],
)
def test_however_a_secret_is_written_it_is_that_one_that_is_handed_over(text: str, key: str) -> None:
    made = handed(text)
    assert made.credentials["api_key"].reveal() == key
    assert yaml.safe_load(made.text)["stratalerts"]["api_key_file"] == "api_key"


def test_a_file_of_a_secret_goes_by_its_name_and_two_of_one_name_are_told_apart() -> None:
    text = (
        "stratalerts: {api_key_file: /home/me/key}\n"
        "destinations: {a: {type: slack, url_file: ./secrets/key}, b: {type: slack, url_file: relay.env}}\n"
    )
    made = handed(text, there={"/home/me/key": "k\n", "./secrets/key": "u\n", "relay.env": "v"})
    assert {name: value.reveal() for name, value in made.credentials.items()} == {
        "key": "k",
        "key_2": "u",
        "slack_b": "v",
    }
    assert yaml.safe_load(made.text)["destinations"]["a"]["url_file"] == "key_2"


def test_watchlists_and_certificates_beside_the_config_go_with_it() -> None:
    text = "stratalerts: {ca_file: own.pem}\nrules: [{symbol_file: lists/a.txt}, {symbol_file: /srv/b.txt}]\n"
    made = handed(text, there={"own.pem": "PEM", "lists/a.txt": "AAPL"})
    assert made.beside == {"own.pem": "PEM", "lists/a.txt": "AAPL"}
    assert made.elsewhere == (Path("/srv/b.txt"),)
    with pytest.raises(ConfigError, match="not below its folder"):
        handed("stratalerts: {ca_file: ../own.pem}\n")


@pytest.mark.parametrize("name", ["relay.env", "./config.yaml", "config.schema.json", "key", "webhook_bot"])
def test_a_watchlist_takes_no_other_files_place(name: str) -> None:
    text = f"stratalerts: {{api_key_file: key}}\nrules: [{{symbol_file: {name}}}]\n"
    text += "destinations: {bot: {type: webhook, url: 'https://x.example/'}}\n"
    apart = text.replace(f"symbol_file: {name}", "symbol_file: lists/key")
    assert handed(apart, there={"lists/key": "AAPL", "key": "k"}).beside == {"lists/key": "AAPL"}
    with pytest.raises(ConfigError, match="the name of another file"):
        handed(text, there={name: "AAPL", "key": "k"})


def test_a_config_is_shown_with_a_mask_for_each_secret() -> None:
    shown = masked(EVERYTHING)
    assert shown is not None
    assert not [one for one in SECRETS if one in shown]
    assert '"${BOT}"' in shown
    assert masked("a: [") is None
    assert masked("a: &a [*a") is None
