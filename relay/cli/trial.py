"""What a destination would make of an alert: messages that no queue holds.

    Config, name, Event, rules ──message_of──> Message            what ``relay send`` sends
    Config, name ──sampled──> the channels that lead there, each with its rules
    Config ──failing──> a sentence for each template that fails for a sample alert

A sample wears all rules of its channel that lead to the destination, whatever else they ask for: it stands for the
alerts that will come.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from relay.cli import samples
from relay.clock import SystemClock
from relay.config.model import Config
from relay.deliveries import Delivery, Message, RuleMatch
from relay.destinations.base import Previewable
from relay.destinations.factory import Factory
from relay.destinations.http import HttpClient
from relay.destinations.kinds import AnyConfig
from relay.destinations.redact import printable
from relay.destinations.webhook.config import WebhookConfig
from relay.events import ALERT_CHANNELS, Channel, Event, Source
from relay.loopback import is_loopback_url
from relay.rules.rule import Rule
from relay.template import RenderError

_WORDS: Final = {Channel.IN_FORCE: "a sample alert", Channel.BREAKS: "a sample break"}
_BROKEN: Final = "begins with a brace, and is not JSON; values in it want | tojson"


def message_of(
    config: Config,
    name: str,
    event: Event,
    *,
    now_us: int,
    rules: Sequence[Rule] = (),
    key: str | None = None,
    received_at_us: int | None = None,
    source: Source = Source.TEST,
) -> Message:
    """A message for a destination, new each time.

    Args:
        config: Says whether the upstream is a simulator.
        name: The destination.
        event: The alert.
        now_us: The moment of sending, µs since the epoch.
        rules: Those that would send it there.
        key: The event's key; one of a test where there is none.
        received_at_us: When it was first seen; now, where nobody has seen it.
        source: How it came.
    """
    number = uuid.uuid4().hex  # new each time, or a receiver would take the second test for the first come again
    delivery = Delivery(
        id=0,
        destination=name,
        sequence=0,
        ordering_key=event.ordering_key,
        webhook_id=f"msg_{number}",
        rules=tuple(RuleMatch(rule.name, None, rule.mention) for rule in rules),
        attempts=0,
        first_attempt_at_us=None,
        retry_at_us=0,
        parked=False,
        source=source,
        received_at_us=now_us if received_at_us is None else received_at_us,
        updated_at_us=now_us,
        event_key=f"relay.test:{number}" if key is None else key,
        event=event,
    )
    simulated = is_loopback_url(config.stratalerts.websocket_url)
    return delivery.message(delivery.rules, now_us=now_us, simulated=simulated)


def sampled(config: Config, name: str) -> Mapping[Channel, Sequence[Rule]]:
    """The channels whose alerts go to a destination, with the enabled rules that send them; in-force where none do."""
    leading = [rule for rule in config.rules if rule.enabled and name in rule.to]
    found = {channel: [rule for rule in leading if rule.channel is channel] for channel in ALERT_CHANNELS}
    return {channel: rules for channel, rules in found.items() if rules} or {Channel.IN_FORCE: []}


async def failing(config: Config) -> list[str]:
    """One sentence for each destination whose template gives nothing that could be sent for a sample alert."""
    clock = SystemClock()
    client = HttpClient()
    try:
        factory = Factory(client, clock)
        found = (
            _fault(config, name, destination, factory.build(name, destination), clock.now_us())
            for name, destination in config.destinations.items()
            if destination.template is not None
        )
        return [fault for fault in found if fault is not None]
    finally:
        await client.close()


def _fault(config: Config, name: str, destination: AnyConfig, built: Previewable, now_us: int) -> str | None:
    for channel, rules in sampled(config, name).items():
        event = samples.event(channel, now_us)
        message = message_of(config, name, event, now_us=now_us, rules=rules, source=Source.LIVE)
        for reason in _reasons(destination, built, message):
            return f"{name}'s template fails for {_WORDS[channel]}: {reason}"
    return None


def _reasons(destination: AnyConfig, built: Previewable, message: Message) -> Iterator[str]:
    try:
        body = built.render([message])
    except RenderError as error:
        yield " ".join(printable(str(error)).split()).removeprefix("the template ").removeprefix("failed ")
        return
    if isinstance(destination, WebhookConfig) and not _says_its_type(destination) and body.lstrip().startswith(b"{"):
        try:
            msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            yield _BROKEN


def _says_its_type(destination: WebhookConfig) -> bool:
    """Whether the user gave the body a type of its own, so that it need not be JSON."""
    return any(header.lower() == "content-type" for header in destination.headers)
