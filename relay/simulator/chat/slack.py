"""A Slack on loopback: incoming webhooks with its limits, its rate limit and its refusals.

request ──> webhook? ──> refused for good? ──> token bucket ──> blocks ──> SlackPosted, ``ok``

Answers are one word of plain text (docs.slack.dev, incoming webhooks, handling errors).
"""

from __future__ import annotations

import math
import random
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from relay.clock import MICROS, Clock
from relay.simulator.chat.blocks import check, pinging
from relay.simulator.chat.buckets import TokenBucket
from relay.simulator.chat.calls import Call, Reply
from relay.simulator.chat.faults import Fault
from relay.simulator.chat.mentions import slack_mentions
from relay.simulator.chat.page import render_slack
from relay.simulator.chat.posted import Names, Payload, SlackPosted, Webhook
from relay.simulator.chat.server import FakeChat

REFUSALS: Final[Mapping[str, int]] = {
    "invalid_payload": 400,
    "invalid_blocks": 400,
    "no_text": 400,
    "too_many_attachments": 400,
    "user_not_found": 400,
    "action_prohibited": 403,
    "invalid_token": 403,
    "no_active_hooks": 403,
    "posting_to_general_channel_denied": 403,
    "team_disabled": 403,
    "channel_not_found": 404,
    "no_service": 404,
    "no_team": 404,
    "channel_is_archived": 410,
    "rate_limited": 429,
    "rollup_error": 500,
}
"""The words that Slack refuses with, and the status of each."""

_LETTERS: Final = string.ascii_uppercase + string.digits
_PREFIX: Final = "/services/"


class FakeSlack(FakeChat[SlackPosted]):
    """A Slack with incoming webhooks; see ``FakeChat`` for how it is run and what it remembers.

    Args:
        clock: Tells times and counts the rate limit.
        burst: Messages that a webhook takes at once after a rest.
        per: Seconds until it takes one more.
        names: Of groups, users and channels, for the page.
        seed: Of ids and tokens.
        port: 0 for any free one.
        keep: So many messages are kept, the oldest go; None for all.
        largest: Bytes a request's body may have.
        on_posted: Called with each message as it is taken.
    """

    brand = "Slack"

    def __init__(
        self,
        clock: Clock,
        *,
        burst: int = 4,
        per: float = 1.0,
        names: Names | None = None,
        seed: int = 0,
        port: int = 0,
        keep: int | None = None,
        largest: int = 1_048_576,
        on_posted: Callable[[SlackPosted], None] | None = None,
    ) -> None:
        super().__init__(clock, port=port, keep=keep, largest=largest, on_posted=on_posted)
        self._names = names or Names()
        self._bucket: Callable[[], TokenBucket] = lambda: TokenBucket(burst, per)
        self._buckets: dict[str, TokenBucket] = {}
        self._refused: dict[str, str] = {}
        self._dice = random.Random(seed)
        self._team = self._new_id("T")

    def add_webhook(self, name: str, *, channel: str | None = None) -> str:
        """Create a webhook and return its url; it posts to ``channel``, or to one of its own name."""
        id_ = self._new_id("B")
        token = "".join(self._dice.choices(string.ascii_letters + string.digits, k=24))
        return self._add(Webhook(name, channel or name, id_, token, f"{_PREFIX}{self._team}/{id_}/{token}"))

    def refuse(self, name: str, word: str) -> None:
        """Refuse all that comes to a webhook from now on, with a word of ``REFUSALS``."""
        assert word in REFUSALS, word
        self._refused[name] = word

    def refuse_next(self, *words: str, webhook: str | None = None) -> None:
        """Refuse the next requests, one each, with these words of ``REFUSALS``."""
        replies = map(_refusal, words)
        self.fail_next(*(Fault(reply.status, reply.headers, reply.body) for reply in replies), webhook=webhook)

    def restore(self, name: str) -> None:
        """Take back ``refuse``."""
        self._refused.pop(name, None)

    def _webhook_at(self, path: str) -> Webhook | None:
        return next((webhook for webhook in self.webhooks.values() if webhook.path == path), None)

    def _answer(self, call: Call, webhook: Webhook | None) -> Reply:
        if call.method != "POST":
            return _word(405, "method_not_allowed")
        word = "no_service" if webhook is None else self._refused.get(webhook.name)
        if webhook is None or word is not None:
            return _refusal(word or "no_service")
        taken = self._buckets.setdefault(webhook.id, self._bucket()).take(self._clock.monotonic())
        if not taken.allowed:
            return _refusal("rate_limited", {"Retry-After": str(max(1, math.ceil(taken.reset_after)))})
        payload = _decoded(call.body)
        wrong = "invalid_payload" if payload is None else check(payload)
        if payload is None or wrong is not None:
            return _refusal(wrong or "invalid_payload")
        self._take(self._posted(webhook, payload))
        return _word(200, "ok")

    def _posted(self, webhook: Webhook, payload: Payload) -> SlackPosted:
        blocks = payload.get("blocks")
        at_us = self._clock.now_us()
        mentions = slack_mentions(pinging(payload))
        return SlackPosted(
            id=f"{at_us // MICROS}.{self.posted:06d}",
            webhook=webhook.name,
            channel=webhook.channel,
            arrived_at=self._clock.monotonic(),
            at_us=at_us,
            payload=payload,
            username=str(payload.get("username") or webhook.name),
            avatar_url=str(payload.get("icon_url") or ""),
            text=str(payload.get("text") or ""),
            mentions=mentions,
            pings=mentions,
            blocks=blocks if isinstance(blocks, list) else [],
        )

    def _fault_reply(self, fault: Fault) -> Reply:
        return Reply(fault.status, fault.headers, fault.body)

    def _render(self, channel: str, messages: Sequence[SlackPosted], refresh: int) -> str:
        return render_slack(
            messages,
            title=channel,
            channels=self.channels,
            names=self._names,
            now_us=self._clock.now_us(),
            refresh=refresh,
        )

    def _new_id(self, kind: str) -> str:
        return kind + "".join(self._dice.choices(_LETTERS, k=10))


def _decoded(body: bytes | None) -> dict[str, object] | None:
    try:
        payload = msgspec.json.decode(body or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _refusal(word: str, headers: Mapping[str, str] | None = None) -> Reply:
    return _word(REFUSALS[word], word, headers)


def _word(status: int, word: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, {"Content-Type": "text/html; charset=utf-8", **(headers or {})}, word.encode())
