"""What looks odd about where a destination leads, although it may be meant; a table in its test.

    discord  https://discord.com/api/webhooks/ID/TOKEN      also ptb. and canary., discordapp.com, /api/v10/…
    slack    https://hooks.slack.com/services/T…/B…/TOKEN
    any      http:// where what is sent is nobody else's

A url that stays on this machine is never odd. (Sources: docs.discord.com, webhook resource, execute webhook and its
Slack- and GitHub-compatible twins; docs.slack.dev, sending messages using incoming webhooks.) A url is a secret: no
piece of it is in what is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, urlsplit

from relay.destinations.discord.config import DiscordConfig
from relay.destinations.kinds import AnyConfig
from relay.destinations.slack.config import SlackConfig
from relay.destinations.webhook.config import WebhookConfig

DISCORD_FORM: Final = "https://discord.com/api/webhooks/ID/TOKEN"
SLACK_FORM: Final = "https://hooks.slack.com/services/T…/B…/…"

_DISCORD_HOST: Final = re.compile(r"(?:(?:ptb|canary)\.)?discord(?:app)?\.com")
_DISCORD_PATH: Final = re.compile(r"/api(?:/v\d+)?/webhooks/\d+/[\w-]+(?:/(slack|github))?/?", re.ASCII)
_SLACK_HOST: Final = re.compile(r"hooks\.slack(?:-gov)?\.com")
_SLACK_PATH: Final = re.compile(r"/services/[TE]\w*/B\w*/\w+/?", re.ASCII)
_WORKFLOW: Final = re.compile(r"/(?:workflows|triggers)/")


def doubts(name: str, config: AnyConfig) -> Iterator[str]:
    """At most one sentence about the url of the destination ``name``; none of it is shown."""
    if config.stays_here:
        return
    url = config.url.reveal()
    doubt = None
    match config:
        case DiscordConfig():
            doubt = _of_discord(urlsplit(url))
        case SlackConfig():
            doubt = _of_slack(urlsplit(url))
    if doubt is not None:
        yield f"{name}'s url {doubt}"
    elif url.lower().startswith("http:") and not (isinstance(config, WebhookConfig) and not config.secret):
        yield f"{name} is reached over http://, so others on the way can read what is sent; use https://"


def _of_discord(url: SplitResult) -> str | None:
    """What is odd about a Discord webhook's ``url``; it goes on after "the url"."""
    host, path = url.hostname or "", _DISCORD_PATH.fullmatch(url.path)
    if _SLACK_HOST.fullmatch(host):
        return f"is one of Slack, where type: slack is wanted; Discord's look like {DISCORD_FORM}"
    if not _DISCORD_HOST.fullmatch(host):
        return f"is no Discord webhook; they look like {DISCORD_FORM}"
    if path is None:
        return f"is not a whole Discord webhook; copy it anew, it looks like {DISCORD_FORM}"
    if path[1]:
        return f"ends in /{path[1]}, where Discord takes messages in another form; leave that off"
    return None if url.scheme == "https" else "begins with http://; Discord wants https://"


def _of_slack(url: SplitResult) -> str | None:
    """What is odd about a Slack webhook's ``url``; it goes on after "the url"."""
    host = url.hostname or ""
    if _DISCORD_HOST.fullmatch(host):
        return f"is one of Discord, where type: discord is wanted; Slack's look like {SLACK_FORM}"
    if not _SLACK_HOST.fullmatch(host):
        return f"is no Slack webhook; they look like {SLACK_FORM}"
    if _WORKFLOW.match(url.path):
        return f"triggers a workflow, which takes other messages; an incoming webhook looks like {SLACK_FORM}"
    if not _SLACK_PATH.fullmatch(url.path):
        return f"is not a whole Slack webhook; copy it anew, it looks like {SLACK_FORM}"
    return None if url.scheme == "https" else "begins with http://; Slack wants https://"
