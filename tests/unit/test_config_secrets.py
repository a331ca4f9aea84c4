"""No secret of a config shows: not in faults, not in tracebacks, not in what is printed of the config."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from relay.document.faults import InvalidConfigError
from tests.support.config_text import config_text, read

SECRET = "hunter2"  # every secret below holds it

RIGHT = f"""\
stratalerts: {{api_key: key-{SECRET}}}
http: {{token: token-{SECRET}}}
destinations:
  bot:
    type: webhook
    url: https://user:{SECRET}@bot.example/{SECRET}?t={SECRET}
    secret: whsec_{SECRET * 8}
    headers: {{X-Authorization: Bearer {SECRET}}}
  swing: {{type: discord, url: "${{SWING}}"}}
rules: [{{name: a, to: [bot, swing]}}]
"""
ENV = {"SWING": f"https://discord.example/{SECRET}", "S": SECRET, "BAD": f"{SECRET} {SECRET}\n"}

WRONG = [
    ("stratalerts", f"stratalerts: {{api_key: '{SECRET} x'}}"),
    ("stratalerts", f"stratalerts: {{api_key: [{SECRET}]}}"),
    ("stratalerts", f"stratalerts: {{api_key: {{value: {SECRET}}}}}"),
    ("stratalerts", "stratalerts: {api_key: '${BAD}'}"),
    ("stratalerts", f"stratalerts: {{api_kee: {SECRET}}}"),
    ("stratalerts", f"stratalerts: {SECRET}"),
    ("stratalerts", f"stratalerts: {{api_key: {SECRET}, api_key: {SECRET}}}"),
    ("stratalerts", f"stratalerts: {{api_key: {SECRET}, api_key_file: x}}"),
    ("stratalerts", f"stratalerts: {{api_key: k, rest_url: 'http://u:{SECRET}@a:b/'}}"),
    ("stratalerts", f"stratalerts: {{api_key: k, websocket_url: 'ftp://u:{SECRET}@a/'}}"),
    ("stratalerts", f"stratalerts: {{api_key: k, websocket_url: 'wss://u:{SECRET}@a/'}}"),
    ("more", f"http: {{token: [{SECRET}]}}"),
    ("more", f"http: {{tokken: {SECRET}}}"),
    ("more", f"http: {{token: 'ü{SECRET}'}}"),
    ("more", f"heartbeat: {{url: 'x {SECRET}'}}"),
    ("more", f"heartbeat: {{url: 'ftp://a/{SECRET}'}}"),
    ("more", f"storage: {{url: 'postgres://u:{SECRET}@a/b'}}"),
    ("more", f"storage: {{url: 'nats://u:{SECRET}@a/b'}}"),
    ("destinations", f"destinations: {{bot: {{type: slack, url: 'htp://{SECRET}'}}}}"),
    ("destinations", f"destinations: {{bot: {{type: slack, url: 'https://{SECRET} /'}}}}"),
    ("destinations", f"destinations: {{bot: {{type: slack, url: 'https://a:{SECRET}/'}}}}"),
    ("destinations", f"destinations: {{bot: {{type: slack, url: 'https://{SECRET}..{SECRET}/'}}}}"),
    ("destinations", "destinations: {bot: {type: slack, url: '${S}'}}"),
    ("destinations", f"destinations: {{bot: {{type: slak, url: 'https://a/{SECRET}'}}}}"),
    ("destinations", f"destinations: {{bot: {{type: apprise, url: 'nosuch://{SECRET}'}}}}"),
    ("destinations", f"destinations: {{bot: {{type: apprise, url: 'tgram://{SECRET}'}}}}"),
    ("destinations", f"destinations: {{bot: {{type: apprise, url: 'json://{SECRET} x'}}}}"),
    ("destinations", f"destinations: {{bot: {{type: 'https://a/{SECRET}'}}}}"),
    ("destinations", f"destinations: {{bot: 'https://a/{SECRET}'}}"),
    ("destinations", "destinations: {bot: '${S}'}"),
    ("webhook", f"secret: {SECRET}"),
    ("webhook", f"secret: [{SECRET}, [whsec_{SECRET}]]"),
    ("webhook", "secret: '${S}'"),
    ("webhook", f"secrets: {SECRET}"),
    ("webhook", f"method: whsec_{SECRET}"),
    ("webhook", f'headers: {{Authorization: "Bearer {SECRET}\\n"}}'),
    ("webhook", f"headers: {{Authorization: [{SECRET}]}}"),
    ("webhook", f"headers: {{Host: {SECRET}}}"),
    ("webhook", "headers: '${S}'"),
    ("webhook", "template: '{% ${S} %}'"),
    ("webhook", "template: '{{ x | ${S} }}'"),
    ("webhook", "timeout: '${S}'"),
    ("webhook", "rate_limit: '${S}'"),
    ("webhook", "concurrency: '${S}'"),
    ("rules", f"rules: [{{name: a, to: 'https://discord.example/{SECRET}'}}]"),
    ("rules", "rules: [{name: a, to: '${S}'}]"),
    ("rule", "timeframe: '${S}'"),
    ("rule", "symbol: '${BAD}'"),
    ("rule", "symbol_file: '${S}'"),
    ("rule", "price: {min: '${S}'}"),
]


@pytest.mark.parametrize(("where", "text"), WRONG)
def test_a_fault_never_shows_a_secret(where: str, text: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        read(config_text(where, text), env=ENV)
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(error.faults) + str(error.__dict__)
    assert SECRET not in shown
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def test_a_fault_of_a_secret_file_never_shows_the_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SECRET} {SECRET}\n")
    (tmp_path / "one").write_text(SECRET)
    text = config_text("stratalerts", "stratalerts: {api_key_file: key}")
    text += "heartbeat: {url_file: one}\n"
    with pytest.raises(InvalidConfigError) as caught:
        read(text, path=tmp_path / "config.yaml")
    assert len(caught.value.faults) == 2
    assert SECRET not in str(caught.value) + repr(caught.value.faults)


def test_a_config_can_be_printed_without_a_secret() -> None:
    config = read(RIGHT, env=ENV)
    parts = [config, config.stratalerts, config.http, *config.destinations.values()]
    assert SECRET not in "".join(f"{part} {part!r}" for part in parts)


def test_a_config_with_a_fault_elsewhere_shows_no_secret() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        read(RIGHT + "lgo: 1\n", env={})
    assert len(caught.value.faults) == 2
    assert SECRET not in str(caught.value)
