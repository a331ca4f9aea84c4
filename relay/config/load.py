"""From a file to a ``Config``, or every fault of it at once.

found.find_config ──> load: read ─> yaml ─> env and files ─> ConfigFile ─> checks ─┬─> Config
                                                                                   └─> InvalidConfigError
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from relay.config import checks
from relay.config.bundles import read_bundles
from relay.config.found import read_config
from relay.config.model import Config, ConfigFile, store_path
from relay.config.rules import rule_of
from relay.config.surroundings import around
from relay.config.translate import translate
from relay.config.watchlist import read_watchlists
from relay.destinations.kinds import AnyConfig
from relay.document import yaml
from relay.document.env import expand, fill_in, read_secret_files
from relay.document.faults import Faults
from relay.document.fields import READERS


def load(path: FilePath, *, env: Mapping[str, str]) -> Config:
    """Read, complete and check the config in ``path``; files that it names are read too.

    Raises:
        InvalidConfigError: It can't be used; every fault is in it, sorted by position.
    """
    return loads(read_config(path), path=path, env=env)


def loads(text: str, *, path: FilePath, env: Mapping[str, str]) -> Config:
    """``load`` for a text that is at hand; ``path`` is what faults call it and what names are relative to.

    Raises:
        InvalidConfigError: It can't be used.
    """
    faults = Faults(str(path))
    env = around(path, env)
    document = yaml.read(text, faults)
    expand(document, env)
    fill_in(document, env)
    read_secret_files(document, env, path.parent)
    read_watchlists(document, path.parent)
    read_bundles(document, path.parent)
    checks.check_before(document)
    readers: dict[int, Any] = {}
    file: ConfigFile | None = None
    try:
        file = ConfigFile.model_validate(document.root, context={READERS: readers})
    except ValidationError as error:
        translate(error, document, readers)
    checks.check_after(document)
    if faults or file is None:
        raise faults.error() from None
    return _config(file, path, env)


def _config(file: ConfigFile, path: FilePath, env: Mapping[str, str]) -> Config:
    destinations: dict[str, AnyConfig] = {}
    for name, destination in file.destinations.items():
        assert isinstance(destination, AnyConfig)  # the others are faults
        destinations[name] = destination
    return Config(
        path=path,
        store_path=store_path(file.storage.url, config=path, env=env),
        stratalerts=file.stratalerts,
        storage=file.storage,
        backfill=file.backfill,
        http=file.http,
        log=file.log,
        shutdown_grace=file.shutdown_grace,
        destinations=MappingProxyType(destinations),
        rules=tuple(map(rule_of, file.rules)),
        heartbeat=file.heartbeat,
        alerts_to=file.alerts_to,
    )
