"""Any service that apprise knows, one call at a time, each in a daemon thread of its own.

    batch ──render──> Note ──thread: Service.send──> Said ──redact, cut──> Outcome

A plugin blocks, and one that hangs can't be ended: the attempt times out, the thread is left behind and holds up
nobody, least of all the exit. While it has not come back no other call is made, so there is never more than one.
Apprise tells only whether it worked, so whatever went wrong is tried again; its log says why, without the address:
a token may stand in any part of it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import unquote

import msgspec
from yarl import URL

from relay.deliveries import Message, Outcome, Verdict
from relay.destinations.apprise.config import AppriseConfig
from relay.destinations.apprise.loading import Said, Service
from relay.destinations.apprise.render import MOST, Note, fits, note_of, notice_note
from relay.destinations.endpoint import DETAIL_SHOWN
from relay.destinations.notice import Notice
from relay.destinations.redact import Redactor, printable
from relay.durations import format_duration
from relay.limiter import Limiter
from relay.template import RenderError
from relay.threads import call_in_daemon

_HANGS: Final = "an earlier call to apprise has not come back yet; there is no other until it does"
_DELIMITERS: Final = re.compile(r"[/:@?&=+,;#|]+")


class Apprise:
    """Delivers to one apprise URL; see ``relay.destinations.base.Destination``."""

    def __init__(self, name: str, config: AppriseConfig, service: Service) -> None:
        """Make the destination ready to send; ``service`` is who is reached by the config's url."""
        self._name = name
        self._template = config.template
        self._timeout = config.timeout
        self._service = service
        self._redact = Redactor(URL(), parts_of(config.url.reveal()))
        self._call: asyncio.Future[Said] | None = None

    @property
    def name(self) -> str:
        """Its name in the config."""
        return self._name

    @property
    def capacity(self) -> int:
        """Ten short ones; what a template gives may be long and goes alone."""
        return MOST if self._template is None else 1

    @property
    def limiter(self) -> Limiter | None:
        """Apprise tells no limit; a plugin keeps to its own service's."""
        return None

    def fits(self, waiting: Sequence[Message]) -> int:
        """As many as the text has room for."""
        return fits(waiting[: self.capacity])

    def render(self, batch: Sequence[Message]) -> bytes:
        """Title and text that apprise is given, as JSON.

        Raises:
            RenderError: The template fails for this message, or gives no text.
        """
        return msgspec.json.encode(note_of(batch, self._template))

    async def send(self, batch: Sequence[Message]) -> Outcome:
        """Make one attempt; one that is under way when the time is over is not waited for, and may still arrive."""
        try:
            note = note_of(batch, self._template)
        except RenderError as error:
            return Outcome(Verdict.DEAD, "template", self._presentable(str(error)))
        return await self._say(note)

    async def tell(self, notice: Notice) -> Outcome:
        """Make one attempt with the relay's own notice."""
        return await self._say(notice_note(notice))

    async def _say(self, note: Note) -> Outcome:
        if self._call is not None and not self._call.done():
            return Outcome(Verdict.RETRY, "timeout", _HANGS)
        try:
            self._call = call_in_daemon(lambda: self._service.send(note.title, note.body), name="relay-apprise")
        except RuntimeError:  # the system has no thread left
            return Outcome(Verdict.RETRY, "apprise", "no thread could be started to call apprise in")
        done, _ = await asyncio.wait((self._call,), timeout=self._timeout)
        if not done:
            within = format_duration(self._timeout)
            return Outcome(Verdict.RETRY, "timeout", f"the call to apprise did not come back within {within}")
        failed = self._call.exception() is not None  # foreign code: it says that it raises nothing
        return self._judge(Said(sent=False, why="it ended without a word") if failed else self._call.result())

    def _judge(self, said: Said) -> Outcome:
        if said.sent:
            return Outcome(Verdict.DELIVERED, "ok", "apprise sent it")
        why = self._presentable(said.why or "it gave no reason")
        return Outcome(Verdict.RETRY, "apprise", f"apprise could not send it: {why}")

    def _presentable(self, text: str) -> str:
        return " ".join(printable(self._redact(text)).split())[:DETAIL_SHOWN]


def parts_of(url: str) -> Iterator[str]:
    """Every part of an apprise URL but its scheme, as written, unquoted and folded: any of them may be the token."""
    rest = url.partition("://")[2]
    for text in (rest, unquote(rest)):
        for part in (text, *re.split(r"[/?&]+", text), *_DELIMITERS.split(text)):
            yield part
            yield part.lower()
