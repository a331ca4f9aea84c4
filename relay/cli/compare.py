"""``relay check --diff RUNNING``: what a reload of this config would change where another runs.

RUNNING: a file ──load──────────────┐
         http://host:port ──GET─────┼──> Outline ──changes──> lines | JSON
         the word running ──GET─────┘    (the relay that http.listen names)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from yarl import URL

from relay.cli import remote
from relay.config.diff import Changes, changes
from relay.config.load import load
from relay.config.model import Config
from relay.config.outline import Outline, outline_of
from relay.document.faults import InvalidConfigError
from relay.document.listening import DEFAULT_LISTEN
from relay.errors import RelayError, UsageError

RUNNING: Final = "running"

_PATH: Final = "/api/config"


async def compare(config: Config, with_: str) -> Changes:
    """What changes where ``config`` takes the place of what ``with_`` names.

    Raises:
        RelayError: That can't be asked.
    """
    return changes(await _running(config, with_), outline_of(config))


async def _running(config: Config, named: str) -> Outline:
    if named == RUNNING:
        told = await remote.fetch(config, _PATH)
        if told is None:
            raise RelayError(
                f"no relay answers on http.listen, {config.http.listen}",
                hint="Start one, or name the file it uses, or its http://host:port.",
            )
        return _read(told, f"what listens on {config.http.listen}")
    if named.startswith(("http://", "https://")):
        told = await remote.fetch_from(_origin(named), config, _PATH)
        if told is None:
            raise RelayError(f"nobody answers on {named}", hint="Check the address, and that the relay runs.")
        return _read(told, named)
    try:
        return outline_of(load(Path(named), env=os.environ))
    except InvalidConfigError as error:
        raise RelayError(f"there is nothing to compare with: {error}", hint="Name a config that is right.") from error


def _origin(address: str) -> str:
    try:
        return str(URL(address).origin())
    except ValueError as error:
        raise UsageError(f"{address} is no address: {error}", hint=f"Like http://{DEFAULT_LISTEN}.") from error


def _read(told: Mapping[str, object], whom: str) -> Outline:
    try:
        return msgspec.convert(told, Outline)
    except msgspec.ValidationError as error:
        raise RelayError(
            f"{whom} does not tell a config as this version does ({error})",
            hint="Compare with the file that the running relay uses.",
        ) from error
