"""Names of a config, for a shell that completes: read from the file as it stands, faults or not.

    -c FILE | RELAY_CONFIG | ./config.yaml | … ──> its YAML ──> names of destinations and rules, those that begin so

The config is not built, so no variable need be set; what can't be read completes nothing, and says nothing: the person
is in the middle of a line.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from relay.config.found import find_config, read_config
from relay.document import yaml
from relay.document.faults import Faults
from relay.errors import RelayError


def destinations(config: Path | None) -> list[str]:
    """Those of the config, in its order."""
    section = _read(config).get("destinations")
    return [str(name) for name in section] if isinstance(section, dict) else []


def rules(config: Path | None) -> list[str]:
    """Likewise."""
    section = _read(config).get("rules")
    named = (rule.get("name") for rule in section if isinstance(rule, dict)) if isinstance(section, list) else ()
    return [str(name) for name in named if name is not None]


def beginning(names: Iterable[str], incomplete: str) -> Iterator[str]:
    """Those that begin as what was typed; capitals don't matter."""
    return (name for name in names if name.casefold().startswith(incomplete.casefold()))


def _read(config: Path | None) -> dict[str, object]:
    try:
        path = find_config(config, os.environ)
        root = yaml.read(read_config(path), Faults(str(path))).root
    except (RelayError, click.ClickException):
        return {}
    return root
