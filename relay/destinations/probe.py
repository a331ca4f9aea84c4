"""Whether a destination is there, without sending it anything.

    discord         ──GET of the webhook──> found 'Swing' | gone | token wrong
    slack, webhook  ──HEAD────────────────> reachable | DNS, TLS, refused, time-out
    apprise         ──nothing─────────────> its URL is understood, or the config would have a fault

Only Discord tells of a webhook without being posted to (docs.discord.com, webhook resource, get webhook with token).
Elsewhere any answer shows that somebody is there, and no more: a receiver need not know HEAD.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, assert_never

import msgspec

from relay.destinations.answer import Answer, Failure, succeeded
from relay.destinations.apprise.config import AppriseConfig
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.discord.discord import USER_AGENT as DISCORD_AGENT
from relay.destinations.http import USER_AGENT, HttpClient, Request
from relay.destinations.kinds import AnyConfig
from relay.destinations.outcome import sentence_of
from relay.destinations.redact import Redactor
from relay.destinations.slack.config import SlackConfig
from relay.destinations.texts import clean, fit
from relay.destinations.webhook.config import WebhookConfig
from relay.document.addresses import parse_url

PATIENCE: Final = 10.0
"""Seconds an answer may take, where the destination's own time-out is not shorter."""

_NAME_SHOWN: Final = 80

_SLACK_TELLS_NO_MORE: Final = "reachable; without a message Slack does not tell whether the webhook exists"


class Probe(msgspec.Struct, frozen=True):
    """What was found.

    Attributes:
        ok: Nothing stands in the way, as far as can be told without sending.
        detail: What was found, for a person; holds no secret.
        name: What the provider calls it; empty where it tells none.
        wrong: The URL itself is: to ask again later would not help.
    """

    ok: bool
    detail: str
    name: str = ""
    wrong: bool = False


class _Webhook(msgspec.Struct, frozen=True):
    """Discord's webhook object, or its error object, as far as it matters."""

    id: str | int | None = None
    name: str | None = None
    code: int | None = None
    message: str = ""


_decode: Final = msgspec.json.Decoder(_Webhook).decode


async def probe(config: AnyConfig, client: HttpClient) -> Probe:
    """Look for a destination; raises nothing but cancellation."""
    if isinstance(config, AppriseConfig):
        return Probe(ok=True, detail="apprise understands the URL; without a message it is not asked")
    answer = await client.exchange(_question(config))
    if isinstance(answer, Failure):
        return Probe(ok=False, detail=answer.detail)
    match config:
        case DiscordConfig():
            return discord_probe(answer, config)
        case SlackConfig():
            return slack_probe(answer)
        case WebhookConfig():
            return webhook_probe(answer)
        case _:
            assert_never(config)


def _question(config: DiscordConfig | SlackConfig | WebhookConfig) -> Request:
    url, timeout = parse_url(config.url.reveal()), min(config.timeout, PATIENCE)
    if isinstance(config, DiscordConfig):  # whose query is about posting
        return Request("GET", url.with_query(None), {"User-Agent": DISCORD_AGENT}, b"", timeout, config.reach)
    return Request("HEAD", url, {"User-Agent": USER_AGENT}, b"", timeout, config.reach)


def discord_probe(answer: Answer, config: DiscordConfig) -> Probe:
    """What Discord's answer to a GET of the webhook means."""
    try:
        said = _decode(answer.text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        said = _Webhook()
    if answer.status == HTTPStatus.OK and said.id is not None:
        hide = Redactor(parse_url(config.url.reveal()))
        name = fit(hide(clean(said.name or "")), _NAME_SHOWN)
        what = f"'{name}'" if name else "a webhook without a name"
        thread = "; whether its thread exists can't be told" if config.thread_id else ""
        return Probe(ok=True, detail=f"found {what}{thread}", name=name)
    told = f"{sentence_of(answer.status)}{f', {said.code}' if said.code else ''}"
    match answer.status:
        case status if succeeded(status):
            return Probe(ok=False, detail=f"answers, but not as a Discord webhook does ({told})", wrong=True)
        case HTTPStatus.NOT_FOUND | HTTPStatus.GONE:
            return Probe(ok=False, detail=f"there is no such webhook; it was deleted or never was ({told})", wrong=True)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return Probe(
                ok=False, detail=f"Discord refuses the webhook's token; copy its URL anew ({told})", wrong=True
            )
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Probe(ok=False, detail=f"Discord takes no requests now, ask again later ({told})")
        case _:
            return Probe(ok=False, detail=told)


def slack_probe(answer: Answer) -> Probe:
    """Slack answers a HEAD in its own way, and says nothing by it."""
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Probe(ok=False, detail=sentence_of(answer.status))
    return Probe(ok=True, detail=_SLACK_TELLS_NO_MORE)


def webhook_probe(answer: Answer) -> Probe:
    """A receiver that knows no HEAD is there all the same; one that is gone, moved or down says so to any method."""
    told = sentence_of(answer.status)
    moved = HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST
    down = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR and answer.status != HTTPStatus.NOT_IMPLEMENTED
    if moved or down or answer.status == HTTPStatus.GONE:
        return Probe(ok=False, detail=f"{told} to a HEAD", wrong=not down)
    if answer.status == HTTPStatus.NOT_FOUND:  # as a mistyped path does, and some that know no HEAD
        return Probe(ok=True, detail=f"{told} to a HEAD: is its path right? `relay send NAME` tells")
    return Probe(ok=True, detail=f"reachable ({told} to a HEAD)")
