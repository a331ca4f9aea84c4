"""What looks odd about where a destination leads, although it may be meant; a table in its test.

    discord  https://discord.com/api/webhooks/ID/TOKEN      also ptb. and canary., discordapp.com, /api/v10/…
    slack    https://hooks.slack.com/services/T…/B…/TOKEN
    webhook  a secret, unless the receiver knows the relay otherwise or has a form of its own; no chat's address, unless
             a template says what that chat takes
    any      http:// where what is sent is nobody else's; a ca_file only where there is TLS

A url that stays on this machine is odd in nothing but a ca_file that it does not use. A url is a secret: no piece of it
is in what is said. (Sources: docs.discord.com, webhook resource, execute webhook and its Slack- and GitHub-compatible
twins; docs.slack.dev, sending messages using incoming webhooks.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from relay.destinations.discord.config import DiscordConfig
from relay.destinations.kinds import AnyConfig
from relay.destinations.slack.config import SlackConfig
from relay.destinations.webhook.config import WebhookConfig
from relay.rules.words import listing

DISCORD_FORM: Final = "https://discord.com/api/webhooks/ID/TOKEN"
SLACK_FORM: Final = "https://hooks.slack.com/services/T…/B…/…"

_DISCORD_HOST: Final = re.compile(r"(?:(?:ptb|canary)\.)?discord(?:app)?\.com")
_DISCORD_PATH: Final = re.compile(r"/api(?:/v\d+)?/webhooks/\d+/[\w-]+(?:/(slack|github))?/?", re.ASCII)
_SLACK_HOST: Final = re.compile(r"hooks\.slack(?:-gov)?\.com")
_SLACK_PATH: Final = re.compile(r"/services/[TE]\w*/B\w*/\w+/?", re.ASCII)
_WORKFLOW: Final = re.compile(r"/(?:workflows|triggers)/")
_ELSEWHERE: Final = (
    (re.compile(r"api\.telegram\.org|t\.me|telegram\.me"), "Telegram", "tgram://TOKEN/CHAT"),
    (re.compile(r"ntfy\.sh"), "ntfy", "ntfy://ntfy.sh/TOPIC"),
    (re.compile(r"api\.pushover\.net"), "Pushover", "pover://USER@TOKEN"),
)
"""Services that take messages of their own form: host, name, and their address for apprise."""
_CREDENTIAL: Final = re.compile(r"auth|key|password|secret|token", re.IGNORECASE)


def doubts(name: str, config: AnyConfig) -> Iterator[str]:
    """At most one sentence about the url of the destination ``name``, and one about its ca_file; no url is shown."""
    doubt = None if config.stays_here else _of_url(config)
    if doubt is not None:
        yield f"{name}{doubt}"
    if config.ca_file is not None and _in_the_clear(config):
        yield f"{name}'s ca_file is never used: its url is http://, without TLS"


def unsigned(destinations: Mapping[str, AnyConfig]) -> Iterator[str]:
    """One sentence about all the webhooks whose receivers can't tell who sends."""
    names = [name for name, config in destinations.items() if isinstance(config, WebhookConfig) and _anybodys(config)]
    if names:
        one = len(names) == 1
        yield (
            f"{listing(names, 'and')} {'has' if one else 'have'} no secret, so "
            f"{'its receiver' if one else 'their receivers'} can't tell the relay from anybody else; "
            f"`openssl rand -base64 32` makes one"
        )


def _anybodys(config: WebhookConfig) -> bool:
    """Whether nothing but knowing the url tells the relay from others.

    A body of the user's own is for a service that knows no signature of ours; it has its own way, or none.
    """
    return not (config.stays_here or config.secret or config.template or _names_itself(config.headers))


def _names_itself(headers: Iterable[str]) -> bool:
    return any(_CREDENTIAL.search(name) for name in headers)


def _in_the_clear(config: AnyConfig) -> bool:
    return config.url.reveal().lower().startswith("http:")


def _of_url(config: AnyConfig) -> str | None:
    """What is odd about where ``config`` leads; it goes on after the destination's name."""
    doubt = None
    match config:
        case DiscordConfig():
            doubt = _of_discord(urlsplit(config.url.reveal()))
        case SlackConfig():
            doubt = _of_slack(urlsplit(config.url.reveal()))
        case WebhookConfig(template=None):
            doubt = _of_webhook(urlsplit(config.url.reveal()))
    if doubt is not None:
        return f"'s url {doubt}"
    if _in_the_clear(config) and not (isinstance(config, WebhookConfig) and not config.secret):
        return " is reached over http://, so others on the way can read what is sent; use https://"
    return None


def _of_discord(url: SplitResult) -> str | None:
    """What is odd about a Discord webhook's ``url``; it goes on after "the url"."""
    host, path = url.hostname or "", _DISCORD_PATH.fullmatch(url.path)
    if _SLACK_HOST.fullmatch(host):
        return f"is one of Slack, where type: slack is wanted; Discord's look like {DISCORD_FORM}"
    if not _DISCORD_HOST.fullmatch(host):
        return _of_apprise(host) or f"is no Discord webhook; they look like {DISCORD_FORM}"
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
        return _of_apprise(host) or f"is no Slack webhook; they look like {SLACK_FORM}"
    if _WORKFLOW.match(url.path):
        return f"triggers a workflow, which takes other messages; an incoming webhook looks like {SLACK_FORM}"
    if not _SLACK_PATH.fullmatch(url.path):
        return f"is not a whole Slack webhook; copy it anew, it looks like {SLACK_FORM}"
    return None if url.scheme == "https" else "begins with http://; Slack wants https://"


def _of_webhook(url: SplitResult) -> str | None:
    """What is odd about a ``url`` that is sent JSON of ours; it goes on after "the url"."""
    host = url.hostname or ""
    if _DISCORD_HOST.fullmatch(host):
        return "is one of Discord, where type: discord is wanted, or a template"
    if _SLACK_HOST.fullmatch(host) and not _WORKFLOW.match(url.path):
        return "is one of Slack, where type: slack is wanted, or a template"
    return _of_apprise(host)


def _of_apprise(host: str) -> str | None:
    """That a service is reached by ``type: apprise``, and how its address is written there."""
    named = ((name, form) for pattern, name, form in _ELSEWHERE if pattern.fullmatch(host))
    return next(
        (f"is one of {name}, where type: apprise is wanted, with {form} (docs/apprise.md)" for name, form in named),
        None,
    )
