"""Options several verbs share."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import click

from relay.durations import format_duration, parse_duration

CONFIG_BEFORE_VERB: Final = "relay.config"  # where the group keeps a -c given before the verb

F = TypeVar("F", bound=Callable[..., object])


def _from_group(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
    """``relay -c FILE check`` and ``relay check -c FILE`` say the same; the one nearer to the verb wins."""
    if value is not None:
        return value
    before: Path | None = ctx.meta.get(CONFIG_BEFORE_VERB)
    return before


def config_option(function: F) -> F:
    """``-c/--config FILE``, else ``RELAY_CONFIG``; hands ``config: Path | None`` to the verb."""
    return click.option(
        "-c",
        "--config",
        "config",
        type=click.Path(path_type=Path),
        callback=_from_group,
        help="The config file. Default: $RELAY_CONFIG, ./config.yaml, /etc/relay/config.yaml.",
    )(function)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program instead.")


def completing(kind: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """What completes a name: ``destinations`` or ``rules`` of the config, or ``both``."""

    def complete(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        names = importlib.import_module("relay.cli.names")  # only a shell that completes needs it
        path: Path | None = ctx.params.get("config") or ctx.meta.get(CONFIG_BEFORE_VERB)
        kinds = ("destinations", "rules") if kind == "both" else (kind,)
        return list(names.beginning([name for one in kinds for name in getattr(names, one)(path)], incomplete))

    return complete


class Span(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has no parameter there
    """A duration as people write it, ``90s`` or ``7d``; the verb gets seconds.

    Args:
        least: Seconds; what is shorter is refused.
        most: Likewise, what is longer.
        why_most: Why nothing longer is taken.
    """

    name = "duration"

    def __init__(self, *, least: float = 0.0, most: float = math.inf, why_most: str = "") -> None:
        self._least = least
        self._most = most
        self._why_most = why_most

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds; what can't be used is refused in the name of its option."""
        try:
            seconds = parse_duration(str(value))
        except ValueError as fault:
            self.fail(str(fault), param, ctx)
        if seconds < self._least:
            self.fail(f"{format_duration(self._least)} at least", param, ctx)
        if seconds > self._most:
            why = f": {self._why_most}" if self._why_most else ""
            self.fail(f"{format_duration(self._most)} at most{why}", param, ctx)
        return seconds


MOMENT: Final = 0.001
"""The least ``Span`` that is not nothing, in seconds."""

destination_argument = click.argument("name", metavar="DESTINATION", shell_complete=completing("destinations"))
