"""Discord: what waits goes out as one message, at the pace that Discord tells.

    batch ──Renderer──> Payload ──Endpoint──> answer ──told──> Limit     when the next may go
                                                  └──outcome──> Outcome

A payload is within every limit, so Discord refuses none for its size; who is pinged is noted when it was taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace
from yarl import URL

from relay import __version__
from relay.clock import Clock
from relay.deliveries import Message, Outcome, Verdict
from relay.destinations.answer import Answer
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.discord.limiter import DiscordLimits, Limit
from relay.destinations.discord.outcome import outcome_of
from relay.destinations.discord.render import Renderer
from relay.destinations.discord.told import read
from relay.destinations.endpoint import Endpoint
from relay.destinations.http import HttpClient
from relay.destinations.notice import Notice
from relay.destinations.pings import Pings
from relay.document.addresses import parse_url
from relay.limiter import Limiter
from relay.template import RenderError

USER_AGENT: Final = f"DiscordBot (stratalerts-relay, {__version__})"
"""In the form that Discord asks for; an unnamed client may be refused by its edge."""

_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
_WEBHOOK: Final = re.compile(r"/webhooks/(\d+)/", re.ASCII)


class Discord:
    """Delivers to one Discord webhook; see ``relay.destinations.base``."""

    def __init__(
        self, name: str, config: DiscordConfig, client: HttpClient, clock: Clock, limits: DiscordLimits
    ) -> None:
        """Make the destination ready to send.

        Args:
            name: Its name in the config.
            config: Its config.
            client: Shared by all destinations.
            clock: Tells the time.
            limits: Shared by all Discord destinations.
        """
        self._name = name
        self._pings = Pings(config, clock)
        self._renderer = Renderer(config, self._pings)
        url = parse_url(config.url.reveal())
        self._limit = Limit(limits.bucket(webhook_of(url)), limits)
        # With wait=true the answer says whether the message was made, not just whether it was taken.
        query = {"wait": "true"} | ({} if config.thread_id is None else {"thread_id": config.thread_id})
        self._endpoint = Endpoint(
            client, clock, url=url.update_query(query), timeout=config.timeout, reach=config.reach, judge=self._judge
        )

    @property
    def name(self) -> str:
        """Its name in the config."""
        return self._name

    @property
    def capacity(self) -> int:
        """The most alerts that one message may ever carry."""
        return self._renderer.capacity

    @property
    def limiter(self) -> Limiter | None:
        """The webhook's bucket, and what all of Discord's share."""
        return self._limit

    def fits(self, waiting: Sequence[Message]) -> int:
        """How many of the first of ``waiting`` go out as one."""
        return self._renderer.fits(waiting)

    def render(self, batch: Sequence[Message]) -> bytes:
        """The body that ``send`` would send for ``batch``, which ``fits``: JSON.

        Raises:
            RenderError: The user's template fails for one of them.
        """
        return msgspec.json.encode(self._renderer.payload(batch).body)

    async def send(self, batch: Sequence[Message]) -> Outcome:
        """Make one attempt; a template that fails is a dead letter, because it will fail again."""
        try:
            payload = self._renderer.payload(batch)
            outcome = await self._endpoint.deliver(msgspec.json.encode(payload.body), _HEADERS)
        except RenderError as error:
            return self._endpoint.presentable(Outcome(Verdict.DEAD, "template", str(error)))
        finally:
            self._limit.ended()
        if outcome.verdict is Verdict.DELIVERED:
            self._pings.note(payload.pinged)
        return outcome

    async def tell(self, notice: Notice) -> Outcome:
        """Make one attempt with the relay's own notice: plain text that pings nobody."""
        try:
            return await self._endpoint.deliver(msgspec.json.encode(self._renderer.notice(notice)), _HEADERS)
        finally:
            self._limit.ended()

    def _judge(self, answer: Answer, now_us: int) -> Outcome:
        told = read(answer, now_us)
        held = self._limit.learn(told)
        outcome = outcome_of(answer, told, now_us)
        return outcome if held is None else replace(outcome, retry_after=max(held, outcome.retry_after or 0.0))


def webhook_of(url: URL) -> str:
    """What tells a webhook from others: its host and id, whatever the token, the API's version or the thread."""
    found = _WEBHOOK.search(url.path)
    return f"{url.authority} {found[1] if found else url.raw_path}"
