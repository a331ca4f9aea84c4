"""Messages and destination configs for tests."""

from __future__ import annotations

from relay.deliveries import Delivery, Message, RuleMatch, webhook_id
from relay.destinations.kinds import KINDS, AnyConfig
from relay.destinations.webhook.config import WebhookConfig
from relay.events import Event, Source
from tests.support.clock import START_US
from tests.support.events import in_force


def config_of(kind: str, url: str = "https://bot.example/hooks/tok-123456789", **more: object) -> AnyConfig:
    """The config of a destination, read as if it stood in a file."""
    return KINDS[kind].model_validate({"type": kind, "url": url, "timeout": 5.0, **more})


def webhook_config(url: str = "https://bot.example/hooks/tok-123456789", **more: object) -> WebhookConfig:
    """The config of a webhook."""
    return WebhookConfig.model_validate({"type": "webhook", "url": url, "timeout": 5.0, **more})


def message(
    event: Event | None = None,
    *,
    destination: str = "bot",
    rules: tuple[str, ...] = ("daily bulls",),
    source: Source = Source.LIVE,
    received_at_us: int = START_US,
    now_us: int = START_US,
    expires_at_us: int | None = None,
    sequence: int = 7,
    attempt: int = 1,
    simulated: bool = False,
    mentions: tuple[str, ...] = (),
    states: bytes | None = None,
) -> Message:
    """One attempt to send ``event`` (an in-force alert, where none is given)."""
    event = event or in_force(98421)
    delivery = Delivery(
        id=1,
        destination=destination,
        sequence=sequence,
        ordering_key=event.ordering_key,
        webhook_id=webhook_id(event.key(), destination),
        rules=tuple(map(RuleMatch, rules)),
        attempts=attempt - 1,
        first_attempt_at_us=None,
        retry_at_us=0,
        parked=False,
        source=source,
        received_at_us=received_at_us,
        updated_at_us=received_at_us,
        event_key=event.key(),
        event=event,
        states=states,
    )
    return Message(delivery, rules, expires_at_us, attempt, now_us, simulated, mentions)
