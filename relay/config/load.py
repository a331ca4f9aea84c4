"""From a file to a ``Config``, or every fault of it at once.

find_config ──> load: read ─> yaml ─> env and files ─> ConfigFile ─> checks ─┬─> Config
                                                                             └─> InvalidConfigError
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from relay.config import checks
from relay.config.bundles import read_bundles
from relay.config.model import Config, ConfigFile, store_path
from relay.config.rules import rule_of
from relay.config.translate import translate
from relay.config.watchlist import read_watchlists
from relay.destinations.kinds import AnyConfig
from relay.document import yaml
from relay.document.env import expand, fill_in, read_secret_files
from relay.document.faults import Faults, Mark
from relay.document.fields import READERS
from relay.document.reading import why
from relay.errors import ConfigError

DEFAULT_PLACES: Final = (FilePath("config.yaml"), FilePath("/etc/relay/config.yaml"))
_LARGEST: Final = 16 * 1024 * 1024  # bytes; a hundred thousand rules fit in


def find_config(explicit: FilePath | None, env: Mapping[str, str]) -> FilePath:
    """The config to use: ``explicit``, else ``$RELAY_CONFIG``, else the first of ``DEFAULT_PLACES`` that is there.

    Raises:
        ConfigError: None was named and none is there.
    """
    if explicit is not None:
        return explicit
    if env.get("RELAY_CONFIG"):
        return FilePath(env["RELAY_CONFIG"])
    for place in DEFAULT_PLACES:
        if place.exists():
            return place
    raise ConfigError(
        f"there is no config: looked for {' and '.join(map(str, DEFAULT_PLACES))}",
        hint="Name one with -c FILE or RELAY_CONFIG, or make one: relay init, or a copy of config.example.yaml.",
    )


def load(path: FilePath, *, env: Mapping[str, str]) -> Config:
    """Read, complete and check the config in ``path``; files that it names are read too.

    Raises:
        InvalidConfigError: It can't be used; every fault is in it, sorted by position.
    """
    return loads(read_config(path), path=path, env=env)


def read_config(path: FilePath) -> str:
    """The text in ``path``.

    Raises:
        InvalidConfigError: There is none.
    """
    faults = Faults(str(path))
    try:
        data = _read(path)
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", errors="replace")
        faults.add(yaml.position(before, len(before)), (), "this is not UTF-8 text; save the file as UTF-8")
    except (OSError, ValueError) as error:
        faults.add(Mark(1, 1), (), f"the file can't be read: {why(error)}")
    raise faults.error()


def _read(path: FilePath) -> bytes:
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST // 1024 // 1024} MiB")
    return data


def loads(text: str, *, path: FilePath, env: Mapping[str, str]) -> Config:
    """``load`` for a text that is at hand; ``path`` is what faults call it and what names are relative to.

    Raises:
        InvalidConfigError: It can't be used.
    """
    faults = Faults(str(path))
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
