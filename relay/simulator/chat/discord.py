"""A Discord on loopback: incoming webhooks with its limits, its rate limits and its refusals.

request ──> edge (ban?) ──> User-Agent? ──> webhook? ──> global, its bucket ──> limits ──> DiscordPosted

Every answer of the API says ``Via: 1.1 google``; the edge's does not. Answers of a webhook tell its bucket in
``X-RateLimit-…``, whose hash is the route's: two webhooks have one hash and two buckets.
Sources: docs.discord.com, webhook resource, rate limits, error codes.
"""

from __future__ import annotations

import math
import random
import re
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from relay.clock import MICROS, Clock
from relay.simulator.chat.buckets import Bucket, FixedWindow, SlidingWindow, Taken, to_millis
from relay.simulator.chat.calls import Call, Reply
from relay.simulator.chat.edge import WINDOW, Edge
from relay.simulator.chat.faults import Fault
from relay.simulator.chat.message import channel_id, message_object, posted
from relay.simulator.chat.page import render_discord
from relay.simulator.chat.posted import DiscordPosted, Names, Webhook
from relay.simulator.chat.refusals import VIA, Refused, answer, check_form, check_thread, decode
from relay.simulator.chat.server import FakeChat

_PATH: Final = re.compile(r"/api(?:/v\d{1,2})?/webhooks/([^/]+)/([^/]+)", re.ASCII)
_DEFAULT_AGENT: Final = re.compile(
    r"\s*$|(python|aiohttp|curl|wget|java|go-http-client|okhttp|axios|node|undici|ruby|libwww|apache)", re.IGNORECASE
)
_EPOCH_MS: Final = 1_420_070_400_000  # snowflakes count from 2015
_LETTERS: Final = string.ascii_letters + string.digits + "-_"
_BUCKETS: Final = {"POST": "5d6c1e0b7f2a4938", "GET": "f01b77c2a9e34d51"}


class FakeDiscord(FakeChat[DiscordPosted]):
    """A Discord with incoming webhooks; see ``FakeChat`` for how it is run and what it remembers.

    Args:
        clock: Tells times and counts rate limits.
        limit: Requests a webhook takes in one window.
        per: Seconds of that window.
        sliding: The window slides; else it begins with the first request.
        global_limit: Requests a second that all webhooks take together.
        invalid_limit: Answers amiss within ten minutes that lead to a ban.
        ban: Seconds of that ban.
        terse: Refuse a form as webhooks at times do, ``{"embeds": ["0"]}`` without a code.
        names: Of roles, users and channels, for the page.
        seed: Of ids and tokens.
        port: 0 for any free one.
        keep: So many messages are kept, the oldest go; None for all.
        largest: Bytes a request's body may have.
        on_posted: Called with each message as it is taken.

    Attributes:
        merged: Embeds that nobody saw, because another one of their message had the same url.
        edge: Counts answers given amiss, and bans.
    """

    brand = "Discord"

    def __init__(
        self,
        clock: Clock,
        *,
        limit: int = 5,
        per: float = 2.0,
        sliding: bool = False,
        global_limit: int = 50,
        invalid_limit: int = 10_000,
        ban: float = WINDOW,
        terse: bool = False,
        names: Names | None = None,
        seed: int = 0,
        port: int = 0,
        keep: int | None = None,
        largest: int = 1_048_576,
        on_posted: Callable[[DiscordPosted], None] | None = None,
    ) -> None:
        super().__init__(clock, port=port, keep=keep, largest=largest, on_posted=on_posted)
        self.merged = 0
        self.edge = Edge(clock, most=invalid_limit, ban=ban)
        self._names = names or Names()
        self._window: Callable[[], Bucket] = lambda: (SlidingWindow if sliding else FixedWindow)(limit, per)
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._global = FixedWindow(global_limit, 1.0)
        self._terse = terse
        self._headers = True
        self._gone: dict[str, Refused] = {}
        self._token_status = 401
        self._dice = random.Random(seed)
        self._numbers = 0
        self._guild = str(self._dice.randrange(10**17, 10**18))

    def add_webhook(
        self, name: str, *, channel: str | None = None, forum: bool = False, threads: Sequence[str] = ()
    ) -> str:
        """Create a webhook and return its url.

        Args:
            name: Also the sender's name on the page.
            channel: Where it posts to; ``name``, where not given.
            forum: The channel is a forum: a thread must be named with each message.
            threads: Ids of threads that exist.
        """
        id_ = self._new_id()
        token = "".join(self._dice.choices(_LETTERS, k=68))
        path = f"/api/webhooks/{id_}/{token}"
        return self._add(Webhook(name, channel or name, id_, token, path, forum, frozenset(threads)))

    def delete(self, name: str) -> None:
        """Delete a webhook: from now on it is unknown."""
        self._gone[name] = Refused.WEBHOOK

    def invalidate_token(self, name: str, *, status: int = 401) -> None:
        """Refuse a webhook's token from now on, with 401 or 403."""
        self._gone[name], self._token_status = Refused.TOKEN, status

    def restore(self, name: str) -> None:
        """Take back ``delete`` or ``invalidate_token``."""
        self._gone.pop(name, None)

    def cloudflare(self, seconds: float, *, html: bool = False) -> None:
        """Ban the sender for so long: no request reaches Discord."""
        self.edge.close(seconds, html=html)

    def forget_headers(self, *, forget: bool = True) -> None:
        """Answer without ``X-RateLimit-…`` from now on; what is counted stays."""
        self._headers = not forget

    def _webhook_at(self, path: str) -> Webhook | None:
        match = _PATH.fullmatch(path)
        return next((webhook for webhook in self.webhooks.values() if match and webhook.id == match[1]), None)

    def _answer(self, call: Call, webhook: Webhook | None) -> Reply:
        refused = self.edge.refuse() or self._stranger(call, webhook)
        if refused is not None:
            return refused
        assert webhook is not None
        return self._limited(call, webhook)

    def _stranger(self, call: Call, webhook: Webhook | None) -> Reply | None:
        """The answer to who may not post at all; None to who may."""
        match = _PATH.fullmatch(call.path)
        if _DEFAULT_AGENT.match(call.headers.get("User-Agent", "")):
            return Refused.USER_AGENT.reply()
        if match is None or call.method not in _BUCKETS:
            return (Refused.NOT_FOUND if match is None else Refused.METHOD).reply()
        gone = None if webhook is None else self._gone.get(webhook.name)
        if webhook is None or gone is Refused.WEBHOOK:
            return Refused.WEBHOOK.reply()
        if gone is not None or match[2] != webhook.token:
            return Refused.TOKEN.reply(status=self._token_status)
        return None

    def _limited(self, call: Call, webhook: Webhook) -> Reply:
        now = self._clock.monotonic()
        overall = self._global.take(now)
        if not overall.allowed:
            return _too_many(overall, {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"})
        bucket = self._buckets.setdefault((call.method, webhook.id), self._window())
        taken = bucket.take(now)
        headers = self._rate_headers(taken, _BUCKETS[call.method])
        if not taken.allowed:
            return _too_many(taken, {**headers, "X-RateLimit-Scope": "user"})
        reply = self._show(webhook) if call.method == "GET" else self._post(call, webhook)
        return replace(reply, headers={**reply.headers, **headers})

    def _rate_headers(self, taken: Taken, route: str) -> dict[str, str]:
        if not self._headers:
            return {}
        after = to_millis(taken.reset_after)
        return {
            "X-RateLimit-Limit": str(taken.limit),
            "X-RateLimit-Remaining": str(taken.remaining),
            "X-RateLimit-Reset": f"{self._clock.now_us() / MICROS + after:.3f}",
            "X-RateLimit-Reset-After": f"{after:.3f}",
            "X-RateLimit-Bucket": route,
        }

    def _show(self, webhook: Webhook) -> Reply:
        shown = {
            "application_id": None,
            "avatar": None,
            "channel_id": channel_id(webhook.channel),
            "guild_id": self._guild,
            "id": webhook.id,
            "name": webhook.name,
            "type": 1,
            "token": webhook.token,
            "url": self._at(webhook.path),
        }
        return answer(200, shown)

    def _post(self, call: Call, webhook: Webhook) -> Reply:
        payload = decode(call.headers.get("Content-Type", ""), call.body)
        if isinstance(payload, Refused):
            return payload.reply()
        thread_id = call.query.get("thread_id")
        wrong = check_form(payload, terse=self._terse) or check_thread(webhook, thread_id, payload.get("thread_name"))
        if wrong is not None:
            return wrong
        at, at_us = self._clock.monotonic(), self._clock.now_us()
        message = posted(webhook, payload, id_=self._new_id(), thread_id=thread_id, arrived_at=at, at_us=at_us)
        self.merged += message.merged
        self._take(message)
        waits = call.query.get("wait", "").lower() in {"true", "1"}
        return answer(200, message_object(message, webhook)) if waits else Reply(204, VIA)

    def _fault_reply(self, fault: Fault) -> Reply:
        return Reply(fault.status, {**({} if fault.edge else VIA), **fault.headers}, fault.body)

    def _left(self, reply: Reply) -> None:
        if "Via" in reply.headers:
            self.edge.saw(reply)

    def _render(self, channel: str, messages: Sequence[DiscordPosted], refresh: int) -> str:
        return render_discord(
            messages,
            title=channel,
            channels=self.channels,
            names=self._names,
            now_us=self._clock.now_us(),
            refresh=refresh,
        )

    def _new_id(self) -> str:
        self._numbers += 1
        return str((self._clock.now_us() // 1_000 - _EPOCH_MS) << 22 | self._numbers & 0x3FFFFF)


def _too_many(taken: Taken, headers: Mapping[str, str]) -> Reply:
    after = to_millis(taken.reset_after)
    told = {"message": "You are being rate limited.", "retry_after": after, "global": "X-RateLimit-Global" in headers}
    return answer(429, told, {**headers, "Retry-After": str(math.ceil(after))})
