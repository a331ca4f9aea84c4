"""How the relay says it is, asked over its own HTTP as a person's browser or a scraper would.

GET /api/status, /metrics ──> RelayStatus
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import aiohttp
import msgspec
import structlog
from prometheus_client.parser import text_string_to_metric_families

from relay.clock import Clock
from relay.web.looks import LinkState

_log = structlog.get_logger()

_EVERY_SECONDS: Final = 0.5
_TIMEOUT: Final = aiohttp.ClientTimeout(total=2)


_DOWN: Final[Mapping[str, str]] = {
    LinkState.CONNECTING: "down, connecting",
    LinkState.WAITING: "down, connects again soon",
    LinkState.STANDBY: "down, in standby",
    LinkState.OFF: "down",
}


class RelayStatus(msgspec.Struct, frozen=True):
    """The relay's word about itself.

    Attributes:
        connection: ``connected``, ``connecting``, ``waiting``, …
        detail: Why it is not connected.
        reconnects: Connections after the first.
        lanes: The state of each destination's lane.
        seen_again: Sightings of alerts it had already.
    """

    connection: str = "starting"
    detail: str = ""
    reconnects: int = 0
    lanes: dict[str, str] = {}
    seen_again: int = 0

    @property
    def link(self) -> str:
        """The connection for somebody who does not know its words: that no alert can come is said first."""
        return _DOWN.get(self.connection, self.connection)


class _Connection(msgspec.Struct):
    state: str
    detail: str
    reconnects: int


class _Lane(msgspec.Struct):
    name: str
    state: str


class _Status(msgspec.Struct):
    connection: _Connection
    destinations: list[_Lane]


_STATUS: Final = msgspec.json.Decoder(_Status)


def status_of(answer: bytes, metrics: str) -> RelayStatus:
    """How it is, from the answers of ``/api/status`` and ``/metrics``.

    Raises:
        msgspec.DecodeError: The status is none.
        ValueError: The metrics are none.
    """
    read = _STATUS.decode(answer)
    again = [
        sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == "relay_events_duplicate_total"
    ]
    return RelayStatus(
        connection=read.connection.state,
        detail=read.connection.detail,
        reconnects=read.connection.reconnects,
        lanes={lane.name: lane.state for lane in read.destinations},
        seen_again=int(sum(again)),
    )


class StatusPoller:
    """Asks again and again.

    Attributes:
        status: The last answer.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self.status = RelayStatus()

    async def run(self) -> None:
        """Ask twice a second; keep the last answer where there is none."""
        async with aiohttp.ClientSession(base_url=self._url, timeout=_TIMEOUT) as session:
            while True:
                try:
                    status, metrics = await asyncio.gather(_get(session, "/api/status"), _get(session, "/metrics"))
                    self.status = status_of(status, metrics.decode())
                except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError, ValueError):
                    _log.debug("the relay does not answer", url=self._url)
                await self._clock.sleep(_EVERY_SECONDS)


async def _get(session: aiohttp.ClientSession, path: str) -> bytes:
    async with session.get(path) as answer:
        answer.raise_for_status()
        return await answer.read()
