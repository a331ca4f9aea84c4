"""Slack: what waits goes out as one message, each alert in full, or as a digest where that was chosen.

    waiting ──fits──> how many of the first        (coalesce: in full, or as rows)
    batch ──send──> who is pinged, blocks, text ──Endpoint──> Outcome ──> limiter, pings

Between ``fits`` and ``send`` nothing is remembered: the form follows from the batch. What is remembered is what the
provider and the readers bear: the pace, and who was pinged when.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from relay.clock import Clock
from relay.deliveries import Message, Outcome, Verdict
from relay.destinations import digest
from relay.destinations.coalesce import Coalescer, Form
from relay.destinations.endpoint import Endpoint
from relay.destinations.http import USER_AGENT, HttpClient
from relay.destinations.notice import Notice
from relay.destinations.pings import Pings
from relay.destinations.slack.config import SlackConfig
from relay.destinations.slack.limiter import SlackLimiter, SlackLimits
from relay.destinations.slack.outcome import TOO_MANY, judge_slack
from relay.destinations.slack.render import (
    BLOCKS,
    MESSAGE,
    PINGS,
    alert_blocks,
    digest_blocks,
    fallback,
    mention_block,
    notice_of,
    size,
)
from relay.destinations.slack.template import Part, part_of
from relay.document.addresses import parse_url
from relay.mentions import Mention
from relay.template import RenderError

ROWS: Final = 340
"""About so many usual alerts go into a digest."""

_UNFURLED: Final = {"unfurl_links": False, "unfurl_media": False}
_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": USER_AGENT}


class Slack:
    """Delivers to one incoming webhook; see ``relay.destinations.base.Destination``."""

    def __init__(self, name: str, config: SlackConfig, client: HttpClient, clock: Clock, limits: SlackLimits) -> None:
        """Make the destination ready to send.

        Args:
            name: Its name in the config.
            config: Its config.
            client: Sends.
            clock: Counts the pace and the pings.
            limits: Shared by all Slack destinations.
        """
        self._name = name
        self._config = config
        self._clock = clock
        self._limiter = limits.of(config.url)
        self._pings = Pings(config, clock)
        most = BLOCKS - 1 if config.template is not None else (BLOCKS - 1) // 2
        self._coalescer = Coalescer(config, full=self._full, digest=self._digest, most=most, most_rows=ROWS)
        url = parse_url(config.url.reveal())
        self._endpoint = Endpoint(client, clock, url=url, timeout=config.timeout, reach=config.reach, judge=judge_slack)

    @property
    def name(self) -> str:
        """Its name in the config."""
        return self._name

    @property
    def capacity(self) -> int:
        """The most alerts that one message may ever carry."""
        return self._coalescer.capacity

    @property
    def limiter(self) -> SlackLimiter:
        """The pace of its webhook, shared with whoever else posts to it."""
        return self._limiter

    def fits(self, waiting: Sequence[Message]) -> int:
        """How many of the first of ``waiting`` go out as one."""
        return self._coalescer.fits(waiting)

    def render(self, batch: Sequence[Message]) -> bytes:
        """The body that ``send`` would send for ``batch``, which ``fits``.

        Raises:
            RenderError: The user's template fails for one of them.
        """
        return self._render(batch, self._pinged(batch))

    async def send(self, batch: Sequence[Message]) -> Outcome:
        """Make one attempt; a template that fails is a dead letter, because it will fail again."""
        pinged = self._pinged(batch)
        try:
            body = self._render(batch, pinged)
        except RenderError as error:
            return self._endpoint.presentable(Outcome(Verdict.DEAD, "template", str(error)))
        outcome = await self._deliver(body)
        if outcome.verdict is Verdict.DELIVERED:
            self._pings.note(pinged)
        return outcome

    async def tell(self, notice: Notice) -> Outcome:
        """Make one attempt with the relay's own notice: plain text that pings nobody."""
        return await self._deliver(msgspec.json.encode({**notice_of(notice), **_UNFURLED}))

    async def _deliver(self, body: bytes) -> Outcome:
        outcome = await self._endpoint.deliver(body, _HEADERS)
        now = self._clock.monotonic()
        if outcome.code == TOO_MANY:
            self._limiter.refused(now, outcome.retry_after)
        else:
            self._limiter.answered(now)
        return outcome

    def _render(self, batch: Sequence[Message], pinged: Sequence[Mention]) -> bytes:
        if self._coalescer.form(batch) is Form.DIGEST:
            parts = [Part(digest_blocks(batch, self._late_over))]
        else:
            parts = [self._part(message, () if index else pinged) for index, message in enumerate(batch)]
        blocks = [block for part in parts for block in part.blocks]
        written = msgspec.json.encode(blocks).decode()
        lead = mention_block(mention for mention in pinged if mention.text not in written)
        text = (parts[0].text if len(batch) == 1 else "") or fallback(batch, self._late_over)
        body = {"text": text, "blocks": [*lead, *blocks], **_UNFURLED}
        return msgspec.json.encode(body)

    def _pinged(self, batch: Sequence[Message]) -> list[Mention]:
        """Whom a message pings: who is due, as far as there is room for it."""
        kept: list[Mention] = []
        for mention in self._pings.due(batch):
            if size(mention_block([*kept, mention])) <= PINGS:
                kept.append(mention)
        return kept

    @property
    def _late_over(self) -> float:
        return self._config.late.over

    def _part(self, message: Message, pinged: Sequence[Mention]) -> Part:
        template = self._config.template
        if template is None:
            return Part(alert_blocks(message, self._late_over))
        return part_of(template, message, pinged=pinged, late_over=self._late_over)

    def _full(self, waiting: Sequence[Message]) -> int:
        room, count = MESSAGE - PINGS, BLOCKS - 1
        for taken, message in enumerate(waiting):
            try:
                blocks = self._part(message, ()).blocks
            except RenderError:
                return max(1, taken)  # it goes alone, so that it fails alone
            room -= size(blocks)
            count -= len(blocks)
            if min(room, count) < 0:
                return max(1, taken)
        return len(waiting)

    def _digest(self, waiting: Sequence[Message]) -> int:
        def holds(some: Sequence[Message]) -> bool:
            blocks = digest_blocks(some, self._late_over)
            return size(blocks) <= MESSAGE - PINGS and len(blocks) < BLOCKS

        return digest.fitting(waiting, holds)
