"""What a destination makes of what its rules send, in a destination's own terms, so that its author can hear it back.

    live alerts only, nothing older than 10 minutes, pings swing on D, at most every 10 minutes,
    late after 10 minutes: in a digest, a table when more than 60 wait, own template

What is left at its default is not said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from relay.destinations.config import ChatConfig, Late
from relay.destinations.discord.config import DiscordConfig
from relay.destinations.kinds import AnyConfig
from relay.events import Source
from relay.rules.words import listing, span, timeframes

_LATE_FORMS: Final = {"mark": "", "digest": ": in a digest", "drop": ": dropped"}


def terms(config: AnyConfig) -> Iterator[str]:
    """Each term in a few words, in an order that reads on from the destination's type."""
    if config.sources != {Source.LIVE, Source.BACKFILL}:
        yield f"{' and '.join(sorted(config.sources))} alerts only"
    if config.max_age is not None:
        yield f"nothing older than {span(config.max_age)}"
    if config.rate_limit is not None:
        yield f"at most {config.rate_limit.requests} in {span(config.rate_limit.seconds)}"
    if isinstance(config, ChatConfig):
        yield from _of_a_chat(config)
    if config.template is not None:
        yield "own template"
    if isinstance(config, DiscordConfig):
        yield from _of_discord(config)


def _of_a_chat(config: ChatConfig) -> Iterator[str]:
    on: dict[tuple[str, ...], list[str]] = {}
    for timeframe in timeframes(config.mentions):
        on.setdefault(config.mentions[timeframe], []).append(timeframe)
    for whom, when in on.items():
        yield f"pings {listing(whom, 'and')} on {listing(when, 'and')}"
    if config.ping is not None:
        yield f"{'' if on else 'pings '}at most every {span(config.ping.every)}"
    if config.late != Late():
        yield f"late after {span(config.late.over)}{_LATE_FORMS[config.late.form]}"
    if config.digest_over is not None:
        yield f"a table when more than {config.digest_over} wait"


def _of_discord(config: DiscordConfig) -> Iterator[str]:
    if config.thread_id is not None:
        yield f"in thread {config.thread_id}"
    if config.silent:
        yield "silent"
    if config.username is not None:
        yield f"as '{config.username}'"
