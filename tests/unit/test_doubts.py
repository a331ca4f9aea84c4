"""What is said of an address that is probably not meant, and that none of it is shown."""

from __future__ import annotations

import base64

import pytest

from relay.destinations.doubts import doubts, unsigned
from relay.destinations.kinds import KINDS
from relay.tls import bundle
from tests.support.tls import CA, pem_of

SIGNED = {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
NO_DISCORD = "bot's url is no Discord webhook; they look like https://discord.com/api/webhooks/ID/TOKEN"
HALF_DISCORD = "bot's url is not a whole Discord webhook; copy it anew, it looks like https://discord.com/api/webhooks"
NO_SLACK = "bot's url is no Slack webhook; they look like https://hooks.slack.com/services/T…/B…/…"
HALF_SLACK = "bot's url is not a whole Slack webhook; copy it anew, it looks like https://hooks.slack.com/services/"
PLAIN = "bot is reached over http://, so others on the way can read what is sent; use https://"


def said(**keys: object) -> list[str]:
    return list(doubts("bot", KINDS[str(keys["type"])].model_validate(keys)))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://discord.com/api/webhooks/1/hunter2", ""),
        ("https://discord.com/api/webhooks/1/hun-ter_2?thread_id=5", ""),
        ("https://discordapp.com/api/webhooks/1/hunter2", ""),
        ("https://ptb.discord.com/api/webhooks/1/hunter2", ""),
        ("https://canary.discord.com/api/v10/webhooks/1/hunter2", ""),
        ("https://Discord.com/api/webhooks/1/hunter2", ""),
        ("http://127.0.0.1:9/hunter2", ""),
        ("https://localhost/api/webhooks/1/hunter2/slack", ""),
        ("https://discord.com/api/webhooks/1/hunter2/slack", "bot's url ends in /slack, where Discord takes messages"),
        ("https://discord.com/api/webhooks/1/hunter2/github", "bot's url ends in /github, where"),
        ("https://discord.com/api/webhooks/1/", HALF_DISCORD),
        ("https://discord.com/api/webhooks/hunter2", HALF_DISCORD),
        ("https://discord.com/api/webhooks/1/hunter2/messages/3", HALF_DISCORD),
        ("https://discord.com/channels/1/hunter2", HALF_DISCORD),
        ("https://discord.com.example/api/webhooks/1/hunter2", NO_DISCORD),
        ("https://discord.gg/hunter2", NO_DISCORD),
        ("https://hooks.slack.com/services/T1/B1/hunter2", "bot's url is one of Slack, where type: slack is wanted"),
        (
            "https://t.me/hunter2",
            "bot's url is one of Telegram, where type: apprise is wanted, with tgram://TOKEN/CHAT",
        ),
        ("http://discord.com/api/webhooks/1/hunter2", "bot's url begins with http://; Discord wants https://"),
    ],
)
def test_a_discord_webhook_has_an_id_and_a_token(url: str, told: str) -> None:
    notes = said(type="discord", url=url)
    assert [note[: len(told)] for note in notes] == ([told] if told else [])
    assert "hunter2" not in "".join(notes)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://hooks.slack.com/services/T000/B000/hunter2", ""),
        ("https://hooks.slack-gov.com/services/T000/B000/hunter2", ""),
        ("http://127.0.0.1:9/hunter2", ""),
        ("https://hooks.slack.com/services/T000/hunter2", HALF_SLACK),
        ("https://hooks.slack.com/", HALF_SLACK),
        ("https://hooks.slack.com/workflows/T000/A000/1/hunter2", "bot's url triggers a workflow, which takes other"),
        ("https://hooks.slack.com/triggers/T000/1/hunter2", "bot's url triggers a workflow, which takes other"),
        ("https://desk.slack.com/archives/hunter2", NO_SLACK),
        ("https://discord.com/api/webhooks/1/hunter2", "bot's url is one of Discord, where type: discord is wanted"),
        ("https://discord.com/api/webhooks/1/hunter2/slack", "bot's url is one of Discord, where type: discord is wa"),
        ("http://hooks.slack.com/services/T000/B000/hunter2", "bot's url begins with http://; Slack wants https://"),
    ],
)
def test_a_slack_webhook_has_a_team_a_hook_and_a_token(url: str, told: str) -> None:
    notes = said(type="slack", url=url)
    assert [note[: len(told)] for note in notes] == ([told] if told else [])
    assert "hunter2" not in "".join(notes)


@pytest.mark.parametrize(
    ("keys", "notes"),
    [
        ({"type": "webhook", "url": "http://bot.example/hunter2", **SIGNED}, [PLAIN]),
        ({"type": "webhook", "url": "http://localhost/hunter2", **SIGNED}, []),
        ({"type": "webhook", "url": "https://bot.example/hunter2", **SIGNED}, []),
        ({"type": "webhook", "url": "http://bot.example/hunter2"}, []),
        ({"type": "apprise", "url": "json://bot.example/hunter2"}, []),
    ],
)
def test_what_is_signed_is_nobody_elses_to_read(keys: dict[str, object], notes: list[str]) -> None:
    assert said(**keys) == notes


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "https://api.telegram.org/bot1:hunter2/sendMessage",
            "one of Telegram, where type: apprise is wanted, with tgram",
        ),
        ("https://ntfy.sh/hunter2", "one of ntfy, where type: apprise is wanted, with ntfy://ntfy.sh/TOPIC (docs/app"),
        ("https://discord.com/api/webhooks/1/hunter2", "one of Discord, where type: discord is wanted, or a template"),
        ("https://hooks.slack.com/services/T1/B1/hunter2", "one of Slack, where type: slack is wanted, or a template"),
    ],
)
def test_a_chat_takes_no_webhook_but_one_whose_template_says_what_it_takes(url: str, told: str) -> None:
    [note] = said(type="webhook", url=url)
    assert note.startswith(f"bot's url is {told}")
    assert "hunter2" not in note
    assert said(type="webhook", url=url, template='{"text": {{ symbol | tojson }}}') == []


@pytest.mark.parametrize(
    ("keys", "doubted"),
    [
        ({}, True),
        ({"url": "http://bot.example/hunter2"}, True),
        ({"url": "http://127.0.0.1:9/hunter2"}, False),
        ({"url": "https://localhost/hunter2"}, False),
        ({"headers": {"X-Team": "alpha"}}, True),
        ({"headers": {"authorization": "Bearer x"}}, False),
        ({"headers": {"X-Api-Key": "x"}}, False),
        ({"template": "{{ symbol }}"}, False),
        (SIGNED, False),
    ],
)
def test_a_webhook_is_signed_unless_its_receiver_knows_the_relay_otherwise(
    keys: dict[str, object], *, doubted: bool
) -> None:
    config = KINDS["webhook"].model_validate({"type": "webhook", "url": "https://bot.example/hunter2", **keys})
    said = list(unsigned({"bot": config}))
    assert len(said) == doubted
    assert "hunter2" not in "".join(said)


def test_what_makes_a_secret_makes_one_that_is_taken() -> None:
    made = base64.b64encode(bytes(range(32))).decode()  # as `openssl rand -base64 32` prints it
    assert said(type="webhook", url="https://bot.example/x", secret=made) == []


@pytest.mark.parametrize(
    ("keys", "unused"),
    [
        ({"type": "webhook", "url": "http://127.0.0.1:9/hunter2"}, True),
        ({"type": "webhook", "url": "HTTP://bot.example/hunter2"}, True),
        ({"type": "webhook", "url": "https://127.0.0.1:9/hunter2"}, False),
        ({"type": "slack", "url": "http://127.0.0.1:9/hunter2"}, True),
    ],
)
def test_certificates_for_what_is_reached_without_tls_are_noted(keys: dict[str, object], *, unused: bool) -> None:
    note = "bot's ca_file is never used: its url is http://, without TLS"
    assert said(**keys, ca_file=bundle("ca.pem", pem_of(CA()))) == [note] * unused
