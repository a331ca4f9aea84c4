"""A number that nothing can hold, somewhere in an alert, keeps no template from showing the rest."""

from __future__ import annotations

import asyncio

import pytest

from relay.destinations.factory import Factory
from relay.destinations.http import HttpClient
from relay.events import Channel
from relay.upstream.decode import decode_event
from tests.support.clock import FakeClock
from tests.support.messages import config_of, message

_URLS = {
    "discord": "https://discord.example/api/webhooks/12345/tok-123456789",
    "slack": "https://hooks.slack.example/services/T1/B1/tok-123456789",
    "webhook": "https://bot.example/hooks/tok-123456789",
}


@pytest.mark.parametrize("kind", _URLS)
@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 5000])
def test_an_alert_with_a_number_out_of_range_is_still_shown(kind: str, number: bytes) -> None:
    data = b'{"id":1,"symbol":"AAPL","timeframe":"D","volume":%s}' % number

    async def shown() -> bytes:
        client = HttpClient()
        try:
            config = config_of(kind, _URLS[kind], template="{{ symbol }} {{ volume }}")
            destination = Factory(client, FakeClock()).build("chat", config)
            waiting = [message(decode_event(Channel.IN_FORCE, data))]
            assert destination.fits(waiting) == 1
            return destination.render(waiting)
        finally:
            await client.close()

    assert b"AAPL None" in asyncio.run(shown())
