"""Messages and destination configs for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from relay.deliveries import Delivery, Message, RuleMatch, webhook_id
from relay.events import Event, Source
from relay.secret import Secret
from tests.support.clock import START_US
from tests.support.events import in_force


@dataclass(frozen=True)
class Config:
    """Stands for a destination's config of any type."""

    url: Secret
    type: str = "webhook"
    timeout: float = 5.0
    secrets: tuple[Secret, ...] = ()
    headers: Mapping[str, Secret] = field(default_factory=dict)
    template: str | None = None
    method: str = "POST"


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
    )
    return Message(delivery, rules, expires_at_us, attempt, now_us, simulated)
