"""A webhook: the default JSON body or the user's template, signed by Standard Webhooks 1.0.

    Message ──render──> bytes ──sign──> headers ──Endpoint──> Outcome

``data`` in the body is the upstream's object byte for byte. ``webhook-id`` is the delivery's, the same in every
attempt; ``webhook-timestamp`` is the moment of this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from multidict import CIMultiDict

from relay import __version__
from relay.clock import MICROS, Clock, isoformat
from relay.deliveries import Message, Outcome, Verdict
from relay.destinations.endpoint import Endpoint
from relay.destinations.http import HttpClient
from relay.destinations.outcome import judge_webhook
from relay.destinations.webhook.config import WebhookConfig
from relay.destinations.webhook.signing import Signer
from relay.document.addresses import parse_url
from relay.events import Source
from relay.limiter import Limiter
from relay.template import RenderError

USER_AGENT: Final = f"relay/{__version__}"

TEST_TYPE: Final = "relay.test"


class Envelope(msgspec.Struct, frozen=True):
    """The ``relay`` object of the body: how this alert came here.

    Attributes:
        event: The event's key as first stored.
        key: Its natural fields, for receivers that know alerts by those.
        rules: Names of the rules that still want it.
        destination: The name in the config.
        source: ``live``, ``backfill``, ``replay`` or ``test``.
        received_at: When the relay first saw it.
        expires_at: When the last rule stops wanting it; None is never.
        sequence: Rises per destination.
        attempt: 1 for the first.
        simulated: The upstream is a simulator.
    """

    event: str
    key: str
    rules: tuple[str, ...]
    destination: str
    source: str
    received_at: str
    expires_at: str | None
    sequence: int
    attempt: int
    simulated: bool


class Body(msgspec.Struct, frozen=True):
    """The default body.

    Attributes:
        type: ``alert.in_force``, ``alert.simultaneous_break``, ``state``, ``quote`` or ``relay.test``.
        timestamp: When it triggered, as precisely as the upstream said; else when it was received.
        data: The upstream's object, unchanged.
        relay: What the relay adds.
    """

    type: str
    timestamp: str
    data: msgspec.Raw
    relay: Envelope


def body_of(message: Message) -> Body:
    """The default body of a message, not yet encoded."""
    delivery = message.delivery
    event = delivery.event
    received_at = isoformat(delivery.received_at_us)
    return Body(
        type=TEST_TYPE if delivery.source is Source.TEST else event.type,
        timestamp=event.triggered_at.isoformat() if event.triggered_at else received_at,
        data=msgspec.Raw(event.data),
        relay=Envelope(
            event=delivery.event_key,
            key=event.natural(),
            rules=message.rules,
            destination=delivery.destination,
            source=delivery.source.value,
            received_at=received_at,
            expires_at=None if message.expires_at_us is None else isoformat(message.expires_at_us),
            sequence=delivery.sequence,
            attempt=message.attempt,
            simulated=message.simulated,
        ),
    )


def variables_of(body: Body) -> dict[str, object]:
    """What a template sees: the fields of ``data`` by name, and ``type``, ``timestamp``, ``data``, ``relay``."""
    data = msgspec.json.decode(body.data)
    fields = data if isinstance(data, dict) else {}
    return {
        **fields,
        "type": body.type,
        "timestamp": body.timestamp,
        "data": data,
        "relay": msgspec.to_builtins(body.relay),
    }


class Webhook:
    """Delivers to one address; see ``relay.destinations.base.Destination``."""

    def __init__(self, name: str, config: WebhookConfig, client: HttpClient, clock: Clock) -> None:
        """Make the destination ready to send."""
        self._name = name
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
        timestamp = message.now_us // MICROS
        headers = self._headers.copy()
        headers["webhook-id"] = message.delivery.webhook_id
        headers["webhook-timestamp"] = str(timestamp)
        if self._signed:
            headers["webhook-signature"] = self._signer.sign(message.delivery.webhook_id, timestamp, body)
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
