"""What goes to Discord: the payload of a batch, and how much of what waits goes into one.

    waiting ──fits──> count        batch ──payload──> Payload(body, pinged)

Forms: each alert as an embed of its own; a digest; what the user's template writes for each. What pings stands in
``content``, and ``allowed_mentions`` names exactly that, so nothing from upstream can ping, whoever wrote the content.
(Source: docs.discord.com, webhook resource, execute webhook.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from relay.deliveries import Message
from relay.destinations import digest
from relay.destinations.body import chat_variables, unsaid
from relay.destinations.coalesce import Coalescer, Form
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.discord.embeds import ALL, EMBEDS, Embed, digest_of, embed_of, room, size
from relay.destinations.discord.markdown import escape
from relay.destinations.discord.template import CONTENT, Written, marked, write
from relay.destinations.notice import Notice, words
from relay.destinations.pings import Pings
from relay.destinations.texts import fit, headline, width
from relay.mentions import Mention
from relay.template import BodyTemplate, RenderError

DIGEST_ROWS: Final = 200
"""The most rows that a digest is tried with; about 190 fit."""

SILENT: Final = 1 << 12
"""The flag SUPPRESS_NOTIFICATIONS."""

_IDS_END: Final = 1 << 63

MENTIONS: Final = 50
"""The most mentions that one message makes: half of what Discord takes, and half of a content."""


class Payload(NamedTuple):
    """A message as it is sent.

    Attributes:
        body: JSON.
        pinged: Whom it pings.
    """

    body: dict[str, Any]
    pinged: tuple[Mention, ...]


class Renderer:
    """Renders for one destination."""

    def __init__(self, config: DiscordConfig, pings: Pings) -> None:
        self._config = config
        self._template: BodyTemplate | None = config.template
        self._pings = pings
        self._over = config.late.over
        self._coalescer = Coalescer(
            config, full=self._full_fit, digest=self._digest_fit, most=EMBEDS, most_rows=DIGEST_ROWS
        )

    @property
    def capacity(self) -> int:
        """The most alerts that one message may ever carry."""
        return self._coalescer.capacity

    def fits(self, waiting: Sequence[Message]) -> int:
        """How many of the first of ``waiting`` go out as one."""
        return self._coalescer.fits(waiting)

    def payload(self, batch: Sequence[Message]) -> Payload:
        """The message for ``batch``, which ``fits``.

        Raises:
            RenderError: The user's template fails for one of them.
        """
        mentions = self._due(batch)
        content, embeds = "", None
        if self._coalescer.form(batch) is Form.DIGEST:
            embeds = digest_of(batch, self._over)
        if embeds is None and self._template:
            content, embeds = self._written(batch, mentions)
        elif embeds is None:
            embeds = _apart([[embed_of(message, self._over)] for message in batch])
        content = _with_mentions(content, mentions)
        pinged = tuple(mention for mention in mentions if mention.text in content)
        return Payload(self._body(content, embeds, pinged), pinged)

    def notice(self, notice: Notice) -> dict[str, Any]:
        """The body of the relay's own notice."""
        return self._body(fit(escape(words(notice)), CONTENT), (), ())

    def _due(self, batch: Sequence[Message]) -> tuple[Mention, ...]:
        """Whom ``batch`` pings; ids that Discord can't have would get the whole message refused."""
        due = self._pings.due(batch)
        return tuple(mention for mention in due if 0 < int(mention.id) < _IDS_END)[:MENTIONS]

    def _body(self, content: str, embeds: Sequence[Embed], pinged: Sequence[Mention]) -> dict[str, Any]:
        config = self._config
        body: dict[str, Any] = {}
        if config.username:
            body["username"] = config.username
        if config.avatar_url:
            body["avatar_url"] = config.avatar_url
        if content:
            body["content"] = content
        if embeds:
            body["embeds"] = list(embeds)
        body["allowed_mentions"] = {"parse": [], **_allowed(pinged)}
        if config.silent:
            body["flags"] = SILENT
        return body

    def _digest_fit(self, waiting: Sequence[Message]) -> int:
        return digest.fitting(waiting[:DIGEST_ROWS], lambda batch: digest_of(batch, self._over) is not None)

    # --- each alert in full

    def _full_fit(self, waiting: Sequence[Message]) -> int:
        if self._template:
            return self._written_fit(waiting, self._template)
        left = ALL
        count = 0
        for message in waiting[:EMBEDS]:
            left -= room(embed_of(message, self._over))
            if left < 0:
                break
            count += 1
        return max(1, count)

    # --- each alert as the template has it

    def _written_fit(self, waiting: Sequence[Message], template: BodyTemplate) -> int:
        """Up to where the message is full, or the template fails: that one goes alone, and dies alone."""
        mentions = self._due(waiting)
        left, content, embeds = ALL, CONTENT - width(_mention_text(mentions)) - 1, EMBEDS
        count = 0
        try:
            for written in self._each(waiting[:EMBEDS], template, mentions):
                left -= sum(map(size, written.embeds))
                content -= width(written.content) + 1
                embeds -= len(written.embeds)
                if min(left, content, embeds) < 0:
                    break
                count += 1
        except RenderError:
            pass
        return max(1, count)

    def _written(self, batch: Sequence[Message], mentions: Sequence[Mention]) -> tuple[str, list[Embed]]:
        assert self._template is not None
        all_written = list(self._each(batch, self._template, mentions))
        contents = "\n".join(written.content for written in all_written if written.content)
        embeds = _apart([written.embeds for written in all_written])
        return contents, _within(embeds)

    def _each(self, batch: Sequence[Message], template: BodyTemplate, mentions: Sequence[Mention]) -> Iterator[Written]:
        """What the template writes for each; a mention is handed to the first alert alone that asks for it."""
        waiting = set(mentions)
        for message in batch:
            asked = [mention for mention in self._due([message]) if mention in waiting]
            waiting.difference_update(asked)
            written = write(template, chat_variables(message, pinged=asked, late_over=self._over))
            yield marked(written, headline(message), unsaid(template, message, self._over))


def _within(embeds: Sequence[Embed]) -> list[Embed]:
    """As many of the first as one message holds."""
    kept: list[Embed] = []
    left = ALL
    for embed in embeds[:EMBEDS]:
        left -= size(embed)
        if left < 0:
            break
        kept.append(embed)
    return kept


def _apart(of_alerts: Sequence[Sequence[Embed]]) -> list[Embed]:
    """All embeds, with urls that differ from alert to alert: Discord merges embeds that have the same."""
    taken: set[str] = set()
    embeds = []
    for of_alert in of_alerts:
        renamed: dict[str, str] = {}
        for embed in of_alert:
            url = embed.get("url")
            if isinstance(url, str):
                renamed.setdefault(url, _not_in(taken, url))
                embeds.append({**embed, "url": renamed[url]})
            else:
                embeds.append(embed)
        taken.update(renamed.values())
    return embeds


def _not_in(taken: set[str], url: str) -> str:
    names = (url, *(f"{url}#{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _with_mentions(content: str, mentions: Sequence[Mention]) -> str:
    """``content`` with those before it that it does not make itself, within the limit; a cut costs nobody a ping."""
    if width(whole := _led(content, mentions)) <= CONTENT:
        return whole
    return _led(fit(content, CONTENT - width(_led("", mentions)) - 1), mentions)


def _led(content: str, mentions: Iterable[Mention]) -> str:
    missing = _mention_text([mention for mention in mentions if mention.text not in content])
    return f"{missing} {content}".strip()


def _mention_text(mentions: Iterable[Mention]) -> str:
    return " ".join(mention.text for mention in mentions)


def _allowed(mentions: Iterable[Mention]) -> dict[str, list[str]]:
    allowed: dict[str, list[str]] = {}
    for mention in mentions:
        allowed.setdefault(f"{mention.kind}s", []).append(mention.id)
    return allowed
