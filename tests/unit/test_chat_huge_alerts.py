"""However much text an alert has, it is rendered without keeping the event loop from everything else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from relay.deliveries import Message
from relay.destinations.base import Previewable
from relay.destinations.factory import Factory
from relay.destinations.http import HttpClient
from relay.events import Channel, Event, Instant
from tests.support.clock import START_US, FakeClock
from tests.support.messages import config_of, message

_MEGABYTE = 1 << 20  # of a frame, which holds no more
_URLS = {
    "discord": "https://discord.example/api/webhooks/12345/tok-123456789",
    "slack": "https://hooks.slack.example/services/T1/B1/tok-123456789",
}
_ALERTS = {
    "symbol": Event(Channel.IN_FORCE, id=1, symbol="A*" * (_MEGABYTE // 2)),
    "participants": Event(Channel.BREAKS, id=1, symbols=tuple(f"X{number}" for number in range(_MEGABYTE // 9))),
    "continuity": Event(
        Channel.IN_FORCE,
        id=1,
        symbol="AAPL",
        data=b'{"tfc":{%s}}' % b",".join(b'"k%d":"green"' % number for number in range(_MEGABYTE // 17)),
    ),
    "shown by a template": Event(
        Channel.IN_FORCE, id=1, symbol="AAPL", data=b'{"symbol":"%s"}' % (b"A*" * (_MEGABYTE // 2))
    ),
}


_STATES = b'{"AAPL":{"setups":[%s],"tfc":{"D":"green"}}}' % b",".join([b'{"shape":"1-2U"}'] * (_MEGABYTE // 17))


@pytest.mark.parametrize("states", [None, _STATES], ids=["bare", "enriched"])
@pytest.mark.parametrize("kind", _URLS)
@pytest.mark.parametrize("what", _ALERTS)
def test_ten_huge_alerts_do_not_hold_up_the_loop(kind: str, what: str, states: bytes | None) -> None:
    template = {"template": "{{ symbol[:40] }}"} if what == "shown by a template" else {}
    sent = message(_with_time(_ALERTS[what]), states=states)

    async def seconds() -> float:
        client = HttpClient()
        try:
            destination = Factory(client, FakeClock()).build("chat", config_of(kind, _URLS[kind], **template))
            began = time.process_time()
            _render(destination, [sent] * 10)
            return time.process_time() - began
        finally:
            await client.close()

    assert asyncio.run(seconds()) < 1.0  # it was six and more


def _render(destination: Previewable, waiting: Sequence[Message]) -> None:
    destination.render(waiting[: destination.fits(waiting)])


def _with_time(event: Event) -> Event:
    return Event(
        **{**{name: getattr(event, name) for name in event.__struct_fields__}, "triggered_at": Instant(START_US)}
    )
