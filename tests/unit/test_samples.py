"""Sample alerts, and what they tell of the templates that there are: ours render, broken ones are noted."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from relay.cli import invoke as run
from relay.cli import samples
from relay.cli.trial import failing, sampled
from relay.config.load import load
from relay.events import ALERT_CHANNELS, Channel
from tests.support.clock import START_US
from tests.support.config_text import SIGNING_SECRET, read

ROOT = Path(__file__).parents[2]
ENV = dict.fromkeys(("STRATALERTS_API_KEY", "RELAY_TOKEN"), "key") | {
    "DISCORD_SWING": "https://discord.com/api/webhooks/1/x",
    "DISCORD_SWING_URL": "https://discord.com/api/webhooks/1/x",
    "SLACK_DESK_URL": "https://hooks.slack.com/services/T0/B0/x",
    "BOT_URL": "https://bot.example/alerts",
    "SHEET_URL": "https://bot.example/rows",
    "PHONE_URL": "ntfy://ntfy.example/topic",
    "BOT_SECRET": SIGNING_SECRET,
}
ALERTS = "{name: a, to: bot}"
BREAKS = "{name: b, channel: alerts.simultaneous_breaks, to: bot}"


def config_with(kind: str, template: str, *rules: str, more: str = "") -> str:
    url = "json://127.0.0.1/x" if kind == "apprise" else "http://127.0.0.1/x"
    return (
        "stratalerts: {api_key: k}\n"
        f"destinations: {{bot: {{type: {kind}, url: '{url}', template: {json.dumps(template)}{more}}}}}\n"
        f"rules: [{', '.join(rules or (ALERTS,))}]\n"
    )


def noted(text: str) -> list[str]:
    return asyncio.run(failing(read(text)))


def test_a_sample_is_what_the_socket_sends_and_triggered_when_it_is_wanted() -> None:
    sent = samples.envelope(Channel.IN_FORCE, START_US + 250_000)
    assert (sent["type"], sent["ts"]) == ("alert.in_force", "2026-04-10T13:45:22Z")
    alert = samples.event(Channel.IN_FORCE, START_US + 250_000)
    assert (alert.symbol, alert.timeframe, alert.direction, alert.shape) == ("AAPL", "D", "bullish", "1-2U")
    assert (alert.price, alert.cc, alert.triggered_at and alert.triggered_at.us) == (214.32, "2U", START_US)
    broke = samples.event(Channel.BREAKS, START_US)
    assert (broke.symbols, broke.threshold) == (("ES1!", "NQ1!", "YM1!"), 3)


def configs_of_the_documents() -> Iterator[object]:
    yield pytest.param((ROOT / "config.example.yaml").read_text("utf-8"), id="config.example.yaml")
    for document in sorted((ROOT / "docs").glob("*.md")):
        for block in re.findall(r"```yaml\n(.*?)```", document.read_text("utf-8"), re.DOTALL):
            if "template:" in block:
                yield pytest.param(block, id=document.name)


@pytest.mark.parametrize("text", list(configs_of_the_documents()))
def test_every_template_that_we_show_renders_for_a_sample(text: str, tmp_path: Path) -> None:
    shown = yaml.safe_load(text)
    house = {"stratalerts": {"api_key": "k"}, "rules": [{"name": "all", "to": next(iter(shown["destinations"]))}]}
    path = tmp_path / "config.yaml"
    missing = {key: value for key, value in house.items() if key not in shown}
    path.write_text(text + "\n" + (yaml.safe_dump(missing) if missing else ""))
    assert asyncio.run(failing(load(path, env=ENV))) == []


BLOCKS_SHOWN = re.findall(r"```json\n(.*?)```", (ROOT / "docs/checking.md").read_text("utf-8"), re.DOTALL)
BODY, *_ = re.findall(r"```json\n(.*?)```", (ROOT / "docs/webhooks.md").read_text("utf-8"), re.DOTALL)


def test_the_documents_show_the_samples() -> None:
    assert list(map(json.loads, BLOCKS_SHOWN)) == [samples.envelope(channel, START_US) for channel in ALERT_CHANNELS]


@pytest.mark.parametrize("text", [*BLOCKS_SHOWN, BODY])
def test_what_the_documents_show_can_be_sent(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "alert.json").write_text(text)
    (tmp_path / "config.yaml").write_text(config_with("discord", "{{ data.id }}"))
    arguments = ["-c", str(tmp_path / "config.yaml"), "--event", str(tmp_path / "alert.json"), "--dry-run", "--json"]
    assert run(["send", "bot", *arguments]) == 0
    content = json.loads(capsys.readouterr().out)["body"]["content"]
    assert content.endswith(f"\n{json.loads(text)['data']['id']}")


def test_the_help_of_send_has_examples_on_lines_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["send", "--help"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "relay send swing --event alerts.in_force:98421 --dry-run" in lines
    [echo] = [line for line in lines if line.startswith("echo '")]
    assert json.loads(echo.split("'")[1])["type"] == "alert.in_force"


@pytest.mark.parametrize(
    ("kind", "template", "said"),
    [
        ("webhook", "{{ nope }}", "in its line 1: 'nope' is undefined"),
        ("webhook", '{"a": {{ symbol }}}', "begins with a brace, and is not JSON; values in it want | tojson"),
        ("discord", "{{ symbol.price }}", "in its line 1: 'str object' has no attribute 'price'"),
        ("discord", '{"content": "hi"', "begins with a brace, and what it gives is not JSON"),
        ("discord", '{"username": "x"}', "may give content and embeds alone, not username"),
        ("slack", '{"text": "hi"', "begins with a brace, and is not JSON; texts in it want | tojson"),
        ("slack", "{% if false %}x{% endif %}", "gives nothing to show"),
        ("apprise", "{{ ' ' }}", "gives no text for this alert"),
    ],
)
def test_a_template_that_can_never_work_is_noted(kind: str, template: str, said: str) -> None:
    assert noted(config_with(kind, template)) == [f"bot's template fails for a sample alert: {said}"]


@pytest.mark.parametrize("kind", ["webhook", "discord", "slack", "apprise"])
def test_a_template_is_tried_with_what_goes_there(kind: str) -> None:
    of_alerts, of_breaks = "{{ symbol }} {{ relay.rules[0] }}", "{{ symbols | join }} {{ relay.rules[0] }}"
    for_breaks = ["bot's template fails for a sample break: in its line 1: 'symbol' is undefined"]
    assert noted(config_with(kind, of_alerts, ALERTS)) == []
    assert noted(config_with(kind, of_alerts, ALERTS, BREAKS)) == for_breaks
    assert noted(config_with(kind, of_alerts, BREAKS)) == for_breaks
    assert noted(config_with(kind, of_breaks, BREAKS)) == []
    assert len(noted(config_with(kind, of_breaks, ALERTS, BREAKS))) == 1
    off = "{name: b, enabled: false, channel: alerts.simultaneous_breaks, to: bot}"
    assert noted(config_with(kind, of_alerts, ALERTS, off)) == []


@pytest.mark.parametrize(
    ("template", "more"),
    [
        ("{{ symbol }},{{ price }}", ""),
        ("<a>{{ symbol }}</a>", ""),
        ("{{ '{' }}{{ symbol }}}", ", headers: {content-type: text/plain}"),
    ],
)
def test_a_webhook_may_send_what_is_no_json(template: str, more: str) -> None:
    assert noted(config_with("webhook", template, more=more)) == []


def test_where_no_rule_leads_an_alert_in_force_is_tried() -> None:
    config = read(config_with("webhook", "x", "{name: a, enabled: false, to: bot}"))
    assert sampled(config, "bot") == {Channel.IN_FORCE: []}


def test_check_says_it_to_people_and_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(config_with("discord", "{{ nope }}"))
    note = "bot's template fails for a sample alert: in its line 1: 'nope' is undefined"
    assert run(["check", "-c", str(path)]) == 0
    assert f"note: {note}" in capsys.readouterr().out.splitlines()
    assert run(["check", "-c", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == [note]
