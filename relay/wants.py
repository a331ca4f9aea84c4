"""What a config wants of each part of the relay: pure, so that a reload can have all of it ready before it swaps.

Config ──plan_of──> Plan (judge)    ──topics_of──> what is subscribed
──lane_settings──> LaneSettings (one a destination)
"""

from __future__ import annotations

from collections.abc import Sequence

from relay.config.model import Config
from relay.delivery.settings import LaneSettings
from relay.destinations.kinds import AnyConfig
from relay.judging.plan import Plan, Terms
from relay.rules.match import compile_rules
from relay.rules.rule import Rule
from relay.rules.wanted import channels_of, wanted_symbols
from relay.upstream.protocol import Topic


def plan_of(config: Config) -> Plan:
    """The rules, compiled, and what each destination takes."""
    return Plan(
        compile_rules(config.rules),
        {name: Terms(destination.sources, destination.keeps_for) for name, destination in config.destinations.items()},
        longest_cooldown=max((rule.cooldown or 0.0 for rule in config.rules), default=0.0),
    )


def topics_of(rules: Sequence[Rule]) -> Sequence[Topic]:
    """What the enabled rules want of the socket: alert channels whole, quotes and states by symbol."""
    by_symbol = wanted_symbols(rules)
    return [
        *(Topic(channel) for channel in channels_of(rules)),
        *(Topic(channel, symbols) for channel, symbols in by_symbol.items()),
    ]


def lane_settings(config: AnyConfig, *, simulated: bool) -> LaneSettings:
    """How a destination's lane behaves."""
    limit = config.rate_limit
    return LaneSettings(
        ordering=config.ordering,
        concurrency=config.concurrency,
        rate_limit=None if limit is None else (limit.requests, limit.seconds),
        retry_initial=config.retry.initial,
        retry_max=config.retry.max,
        give_up_after=config.retry.give_up_after,
        max_age=config.keeps_for,
        fingerprint=config.fingerprint(),
        simulated=simulated,
    )
