"""All that a report of a fault should say of where it happened: versions, places, and which config and store are meant.

metadata of the package ──┐
migrations ───────────────┼──> Facts ──> lines | JSON        no secret, and nothing of the config but its place
-c, environment ──────────┘
"""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

import relay
from relay.config import surroundings
from relay.config.found import find_config
from relay.config.whereabouts import whereabouts
from relay.errors import ConfigError
from relay.outbox.sql import migrations

_PACKAGE: Final = "stratalerts-relay"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_VARIABLES: Final = (surroundings.VARIABLE, "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY", "RELAY_ON_EVICTED")


def facts(config: Path | None) -> dict[str, object]:
    """Everything, by name; what is not known is None."""
    path = _config(config)
    place = whereabouts(path, env=os.environ) if path is not None else None
    return {
        "relay": relay.__version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "schema": len(migrations()),
        "executable": sys.executable,
        "package": str(Path(relay.__file__).parent),
        "config": None if path is None else str(path.absolute()),
        "store": None if place is None else str(place.store_path),
        "environment": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
        "dependencies": dict(_dependencies()),
    }


def lines(found: Mapping[str, object]) -> Iterator[str]:
    """To be read, and pasted."""
    known = {**found, "schema": f"{found['schema']} (of the store that this version writes)"}
    known["config"] = found["config"] or "none found"
    known["store"] = found["store"] or "not known without a config that can be read"
    for name, value in known.items():
        if isinstance(value, Mapping):
            yield f"{name}:" if value else f"{name}: nothing is set"
            yield from (f"  {part} {said}" for part, said in value.items())
        else:
            yield f"{name}: {value}"


def _config(given: Path | None) -> Path | None:
    try:
        found = find_config(given, os.environ)
    except ConfigError:
        return None
    return found if found.is_file() else None


def _dependencies() -> Iterator[tuple[str, str]]:
    """What the package asks for, and what there is; those of extras where they are there."""
    try:
        wanted = requires(_PACKAGE) or []
    except PackageNotFoundError:  # run from a folder, without having been installed
        return
    for requirement in wanted:
        name = _NAME.match(requirement)
        assert name is not None
        try:
            yield name[0], version(name[0])
        except PackageNotFoundError:
            if "extra ==" not in requirement:
                yield name[0], "not installed"
