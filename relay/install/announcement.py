"""The announcement that the relay is up: one notice, which pings nobody, to whom the config names for notices.

Config ──whom──> alerts_to, else the first chat ──told──> Outcome of the last attempt
"""

from __future__ import annotations

import random
import socket
from typing import Final

from relay import __version__
from relay.backoff import Backoff
from relay.clock import Clock
from relay.config.model import Config
from relay.deliveries import Outcome, Verdict
from relay.destinations.config import InOrderConfig
from relay.destinations.factory import Factory
from relay.destinations.http import HttpClient
from relay.destinations.notice import news_of
from relay.loopback import is_loopback_url
from relay.wording import counted

_RETRIES: Final = 2
_LONGEST_WAIT: Final = 30.0  # seconds; somebody sits before it


def whom(config: Config) -> str | None:
    """The destination that hears of it; None where there is no chat and nobody is named."""
    if config.alerts_to is not None:
        return config.alerts_to
    chats = (name for name, destination in config.destinations.items() if isinstance(destination, InOrderConfig))
    return next(chats, None)


def text(config: Config, host: str) -> str:
    """``Relay is up: version 0.1.0 on vps, 3 rules to 2 destinations``."""
    rules = counted(sum(rule.enabled for rule in config.rules), "rule")
    destinations = counted(len(config.destinations), "destination")
    return f"Relay is up: version {__version__} on {host}, {rules} to {destinations}"


async def told(config: Config, name: str, clock: Clock) -> Outcome:
    """Tell a destination that the relay is up; again where it could not be told, a few times."""
    simulated = is_loopback_url(config.stratalerts.websocket_url)
    notice = news_of(text(config, socket.gethostname()), now_us=clock.now_us(), simulated=simulated)
    backoff = Backoff(random.Random(), first=1.0, cap=10.0)  # noqa: S311  because it only spreads the attempts
    client = HttpClient()
    try:
        destination = Factory(client, clock).build(name, config.destinations[name])
        for _ in range(_RETRIES):
            outcome = await destination.tell(notice)
            if outcome.verdict is not Verdict.RETRY:
                return outcome
            await clock.sleep(min(max(backoff.next(), outcome.retry_after or 0.0), _LONGEST_WAIT))
        return await destination.tell(notice)
    finally:
        await client.close()
