"""What `relay init` looks up while somebody answers: over REST and at the destination, never by the socket.

    API key ──a page of alerts, a symbol's state──> KeyFound: rejected | a scope is missing | out of reach | accepted
    URL     ──probe──> found 'Swing' | wrong | out of reach
    the key ──the last day's alerts, once──> Shown

Nothing is posted and nothing is opened. A secret that is not there yet (a variable that is set later) is not looked up.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import yaml

from relay.cli.endpoints import alerts, states
from relay.cli.quiet import log_quietly
from relay.cli.setup.answers import NOWHERE, Kind, SecretAnswer, revealed
from relay.cli.survey import Survey, survey
from relay.clock import SystemClock
from relay.config.load import loads
from relay.config.model import Config
from relay.destinations.doubts import doubts
from relay.destinations.http import HttpClient
from relay.destinations.probe import Probe
from relay.destinations.probe import probe as probe_destination
from relay.errors import ConfigError
from relay.events import Channel
from relay.secret import Secret
from relay.upstream.access import SCOPES
from relay.upstream.probe import Standing, probe, probe_states

_PATIENCE: Final = 10.0
_ANY_SYMBOL: Final = "AAPL"  # of the vendor's own examples
_NAME: Final = "looked up"
_IT: Final = "this destination"  # which has no name yet


class KeyFound(msgspec.Struct, frozen=True):
    """What the upstream says to a key.

    Attributes:
        standing: Of the alerts, which is what most rules are about.
        detail: One sentence for a person.
        lacks: Scopes that REST says are missing.
    """

    standing: Standing
    detail: str
    lacks: tuple[str, ...] = ()


@dataclass(slots=True)
class Scout:
    """Looks ahead, for one run.

    Attributes:
        env: Where variables are.
        upstream: Addresses other than the vendor's.
        day: What the last day had, once it was fetched.
    """

    env: Mapping[str, str]
    upstream: tuple[tuple[str, str], ...] = ()
    day: Survey | None = None

    def key(self, answer: SecretAnswer) -> KeyFound | None:
        """Ask about a key; None where it is not there yet."""
        secret = revealed(answer, self.env)
        return None if secret is None else asyncio.run(_key(self._config(secret)))

    def place(self, kind: Kind, url: SecretAnswer) -> Probe | None:
        """Look for a destination; None where its URL is not there yet."""
        secret = revealed(url, self.env)
        if secret is None:
            return None
        try:
            config = self._config(Secret("none"), kind, secret)
        except ConfigError:
            return Probe(ok=False, detail=f"this is no URL of a {kind} destination", wrong=True)
        return asyncio.run(_place(config))

    def doubt(self, kind: Kind, url: SecretAnswer) -> str:
        """What is odd about a URL, a sentence without it; empty where nothing is, or where it is not there yet."""
        secret = revealed(url, self.env)
        try:
            config = None if secret is None else self._config(Secret("none"), kind, secret)
        except ConfigError:
            return ""  # which `place` tells
        return "" if config is None else next(doubts(_IT, config.destinations[_NAME]), "")

    def last_day(self, answer: SecretAnswer, symbols: Collection[str]) -> Survey | None:
        """The in-force alerts of the last day, fetched once; None where the key is not there yet.

        Args:
            answer: The key.
            symbols: Those asked for: they help to split an answer that REST cuts.
        """
        secret = revealed(answer, self.env)
        if secret is not None and self.day is None:
            named = [symbol for symbol in symbols if not set(symbol) & set("*?[")]
            self.day = asyncio.run(_day(self._config(secret), named))
        return self.day

    def _config(self, key: Secret, kind: Kind = "webhook", url: Secret | None = None) -> Config:
        """As it would be read from a file, where variables hold the secrets."""
        text = yaml.safe_dump(
            {
                "stratalerts": {"api_key": "${KEY}", **{name: _plain(value) for name, value in self.upstream}},
                "destinations": {_NAME: {"type": kind, "url": "${URL}"}},
                "rules": [{"name": _NAME, "to": _NAME}],
            }
        )
        env = {"KEY": key.reveal(), "URL": NOWHERE if url is None else url.reveal()}
        config = loads(text, path=Path("config.yaml"), env=env)
        log_quietly(config)
        return config


def _plain(text: str) -> str:
    return text.replace("$", "$$")


async def _key(config: Config) -> KeyFound:
    async with alerts(config, patience=_PATIENCE) as rest, states(config, patience=_PATIENCE) as lookup:
        of_alerts, of_states = await asyncio.gather(
            probe(rest, Channel.IN_FORCE, patience=_PATIENCE), probe_states(lookup, _ANY_SYMBOL, patience=_PATIENCE)
        )
    lacks = [SCOPES[Channel.IN_FORCE]] if of_alerts.standing is Standing.MISSING_SCOPE else []
    lacks += [SCOPES[Channel.STATES]] if of_states.standing is Standing.MISSING_SCOPE else []
    return KeyFound(of_alerts.standing, of_alerts.detail, tuple(lacks))


async def _place(config: Config) -> Probe:
    client = HttpClient()
    try:
        return await probe_destination(config.destinations[_NAME], client)
    finally:
        await client.close()


async def _day(config: Config, symbols: Collection[str]) -> Survey:
    async with alerts(config, patience=_PATIENCE) as rest:
        return await survey(
            rest,
            [Channel.IN_FORCE],
            clock=SystemClock(),
            rng=random.Random(),  # noqa: S311  because it only spreads waits
            page_size=config.backfill.page_size,
            symbols=symbols,
        )
