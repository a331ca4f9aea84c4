"""Options several verbs share."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import click

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


destination_argument = click.argument("name", metavar="DESTINATION", shell_complete=completing("destinations"))
