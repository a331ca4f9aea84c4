"""Whether the relay of a config is ready, asked in little time: what a health check runs every few seconds.

    -c FILE ──> its `http.listen` alone ──GET /readyz──> what it answers, or None: ask in full

The whole config is not built, no token is needed, and nothing is imported that takes long. Whatever is not plainly an
answer (a fault in the file, nobody there, another program) is left to who asks in full, and words it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

from relay.config.found import find_config, read_config
from relay.document import yaml
from relay.document.env import expand
from relay.document.faults import Faults, InvalidConfigError
from relay.document.listening import DEFAULT_LISTEN, connectable, split_address

_PATIENCE: Final = 10.0
_ANSWERS: Final = (200, 503)
_FIELDS: Final = {"ready", "reasons", "degraded"}


def readiness(config: Path | None, env: Mapping[str, str]) -> Mapping[str, Any] | None:
    """What ``/readyz`` of the running relay says; None where that can't be known so easily.

    Raises:
        ConfigError: No config is named, and there is none.
    """
    address = _listens(find_config(config, env), env)
    return None if address is None else _asked(*address)


def _listens(path: Path, env: Mapping[str, str]) -> tuple[str, int] | None:
    """Where the relay of this config can be connected to; None where it is off, or hard to tell."""
    try:
        document = yaml.read(read_config(path), Faults(str(path)))
    except InvalidConfigError:
        return None
    section = document.root.get("http", {})
    document.root = {"listen": section.get("listen", DEFAULT_LISTEN) if isinstance(section, dict) else None}
    expand(document, env)
    listen = document.root["listen"]
    if document.faults or not isinstance(listen, str):
        return None
    address = split_address(listen)
    return None if address is None else (connectable(address[0]), address[1])


def _asked(host: str, port: int) -> Mapping[str, Any] | None:
    connection = HTTPConnection(host, port, timeout=_PATIENCE)  # never through a proxy
    try:
        connection.request("GET", "/readyz", headers={"Accept": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    whole = answer.status in _ANSWERS and isinstance(told, dict) and told.keys() >= _FIELDS
    return told if whole else None
