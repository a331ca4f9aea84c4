"""Options that choose events and deliveries, and what they choose.

--to bot --since 2h … ──chosen──> Selection ──known──> or an error that names what was probably meant
                                      └──of──> "of bot (rule daily bulls, code 404)"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, TypeVar

import click

from relay.cli.options import completing
from relay.cli.remote import Reach
from relay.clock import SystemClock
from relay.durations import FORMS
from relay.errors import UsageError
from relay.outbox.archive import Archive, Selection
from relay.outbox.selecting import BadSelectionError, selection_of

F = TypeVar("F", bound=Callable[..., object])

_OPTIONS: Final = {
    "destination": ("--to", "DESTINATION", "Those to this destination."),
    "rule": ("--rule", "RULE", "Those that this rule wanted."),
    "symbol": ("--symbol", "SYMBOL", "Those of this symbol, of breaks too."),
    "code": ("--code", "CODE", "Those last answered with this: 404, timeout, connect …"),
    "event": ("--event", "EVENT", "Those of one event, by its number or its key."),
    "since": ("--since", "WHEN", f"Received since then: how long ago ({FORMS}), or 2026-04-10T13:45:00Z."),
    "until": ("--until", "WHEN", "Received before then, likewise."),
}
_NAMED: Final = ("destination", "rule")  # by the config, so that a shell can complete them
_NAMES_SHOWN: Final = 20


def filters(*keys: str) -> Callable[[F], F]:
    """Options for ``keys``, in the order that every verb has them; they reach the verb as keywords of those names."""

    def add(function: F) -> F:
        for key in reversed([key for key in _OPTIONS if key in keys]):
            flag, metavar, text = _OPTIONS[key]
            complete = completing(f"{key}s") if key in _NAMED else None
            function = click.option(flag, key, metavar=metavar, help=text, shell_complete=complete)(function)
        return function

    return add


limit_option = click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="How many at most."
)


def chosen(given: Mapping[str, Any]) -> Selection:
    """What the options in ``given`` select.

    Raises:
        UsageError: Naming the option whose text can't be used.
    """
    said = {key: str(given[key]) for key in _OPTIONS if given.get(key) is not None}
    try:
        return selection_of(said, now_us=SystemClock().now_us())
    except BadSelectionError as fault:
        flag = _OPTIONS[fault.key][0]
        raise UsageError(f"{flag} {fault.said.replace('`since`', '--since')}") from fault


async def known(config: Reach, archive: Archive, selection: Selection) -> None:
    """Refuse names that neither the config has nor anything stored: most likely they are mistyped.

    Raises:
        UsageError: With the nearest name, or all of them.
    """
    for key, names in (("destination", list(config.destinations)), ("rule", [rule.name for rule in config.rules])):
        name = getattr(selection, key)
        if name is None or name in names:
            continue
        if not (await archive.list_deliveries(selection=Selection(**{key: name}), limit=1)).items:
            raise _unknown(key, name, names, config)


def _unknown(key: str, name: str, names: Iterable[str], config: Reach) -> UsageError:
    """There is no destination or rule of that name; which are there."""
    names = list(names)
    near = get_close_matches(name, names, n=1)
    hint = f"There are: {', '.join(names)}." if len(names) <= _NAMES_SHOWN else ""
    return UsageError(
        f"there is no {key} {name!r} in {config.path}", hint=f"Did you mean {near[0]!r}?" if near else hint
    )


def of(given: Mapping[str, Any], *, joined: str = "of") -> str:
    """What was selected, to follow a noun: `` of bot (rule daily bulls, since 2h)``; empty where all is."""
    whose = f" {joined} {given['destination']}" if given.get("destination") is not None else ""
    rest = [f"{key} {given[key]}" for key in _OPTIONS if key != "destination" and given.get(key) is not None]
    return whose + (f" ({', '.join(rest)})" if rest else "")
