"""A webhook: the default JSON body or the user's template, signed by Standard Webhooks 1.0.

    Message ──render──> bytes ──sign──> headers ──Endpoint──> Outcome

``data`` in the body is the upstream's object byte for byte. ``webhook-id`` is the delivery's, the same in every
attempt; ``webhook-timestamp`` is the moment of this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from multidict import CIMultiDict

from relay.clock import MICROS, Clock
from relay.deliveries import Message, Outcome, Verdict
from relay.destinations.body import body_of, variables_of
from relay.destinations.endpoint import Endpoint
from relay.destinations.http import USER_AGENT, HttpClient
from relay.destinations.notice import Notice, payload
from relay.destinations.outcome import judge_webhook
from relay.destinations.webhook.config import WebhookConfig
from relay.destinations.webhook.signing import Signer
from relay.document.addresses import parse_url
from relay.limiter import Limiter
from relay.template import RenderError


class Webhook:
    """Delivers to one address; see ``relay.destinations.base.Destination``."""

    def __init__(self, name: str, config: WebhookConfig, client: HttpClient, clock: Clock) -> None:
        """Make the destination ready to send."""
        self._name = name
        self._clock = clock
        headers = {key: value.reveal() for key, value in config.headers.items()}
        self._signer = Signer(config.secrets)
        self._template = config.template
        self._headers = CIMultiDict({"Content-Type": "application/json", "User-Agent": USER_AGENT})
        self._headers.update(headers)
        self._configured = tuple(headers)
        self._signed = bool(config.secrets)
        self._endpoint = Endpoint(
            client,
            clock,
            url=parse_url(config.url.reveal()),
            timeout=config.timeout,
            reach=config.reach,
            judge=judge_webhook,
            method=config.method,
            secrets=(*headers.values(), *(secret.reveal() for secret in config.secrets)),
        )

    @property
    def name(self) -> str:
        """Its name in the config."""
        return self._name

    def render(self, batch: Sequence[Message]) -> bytes:
        """The body that ``send`` would send.

        Raises:
            RenderError: The template fails for this message.
        """
        (message,) = batch
        body = body_of(message)
        if self._template is None:
            return msgspec.json.encode(body)
        return self._template.render(variables_of(body))

    def headers(self, message: Message, body: bytes) -> Mapping[str, str]:
        """The headers that ``send`` would send with ``body``; they hold secrets."""
        return self._headers_of(message.delivery.webhook_id, message.now_us, body)

    def _headers_of(self, webhook_id: str, now_us: int, body: bytes) -> Mapping[str, str]:
        timestamp = now_us // MICROS
        headers = self._headers.copy()
        headers["webhook-id"] = webhook_id
        headers["webhook-timestamp"] = str(timestamp)
        if self._signed:
            headers["webhook-signature"] = self._signer.sign(webhook_id, timestamp, body)
        return headers

    def shown_headers(self, batch: Sequence[Message]) -> dict[str, str]:
        """The headers that ``send`` would send, with ``***`` for what the config holds and for the signature."""
        (message,) = batch
        hidden = {name.lower() for name in self._configured} | {"webhook-signature"}
        headers = self.headers(message, self.render(batch))
        return {name: "***" if name.lower() in hidden else value for name, value in headers.items()}

    @property
    def capacity(self) -> int:
        """Each alert goes alone."""
        return 1

    @property
    def limiter(self) -> Limiter | None:
        """A webhook tells no limit beforehand; the config may (``rate_limit``)."""
        return None

    def fits(self, waiting: Sequence[Message]) -> int:  # noqa: ARG002  because the protocol hands in what waits
        """Each alert goes alone."""
        return 1

    async def send(self, batch: Sequence[Message]) -> Outcome:
        """Make one attempt; a template that fails is a dead letter, because it will fail again."""
        (message,) = batch
        try:
            body = self.render(batch)
        except RenderError as error:
            return self._endpoint.presentable(Outcome(Verdict.DEAD, "template", str(error)))
        return await self._endpoint.deliver(body, self.headers(message, body))

    async def tell(self, notice: Notice) -> Outcome:
        """Make one attempt with the relay's own notice: always the relay's JSON, whatever the template."""
        body = msgspec.json.encode(payload(notice, self._name))
        return await self._endpoint.deliver(body, self._headers_of(notice.id, self._clock.now_us(), body))
