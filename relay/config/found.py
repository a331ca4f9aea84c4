"""Which file the config is, and its text.

    -c FILE | $RELAY_CONFIG | ./config.yaml | /etc/relay/config.yaml ──find_config──> path ──read_config──> text

It imports nothing that takes long: a health check needs no more than this.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Final

from relay import units
from relay.document import yaml
from relay.document.faults import Faults, Mark
from relay.document.reading import why
from relay.errors import ConfigError

DEFAULT_PLACES: Final = (FilePath("config.yaml"), units.CONFIG)
_MAKE_ONE: Final = "`relay init` makes one, config.example.yaml is one to copy; -c FILE or RELAY_CONFIG names another."
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
    looked = []
    for place in DEFAULT_PLACES:
        try:
            place.stat()
        except FileNotFoundError:
            looked.append(f"{_absolute(place)}")
        except OSError as error:  # one that we must not see: who is meant by it names it, or asks as another user
            looked.append(f"{_absolute(place)} ({why(error)})")
        else:
            return place
    raise ConfigError(f"there is no config: looked for {' and '.join(looked)}", hint=_MAKE_ONE)


def _absolute(path: FilePath) -> FilePath:
    try:
        return path.absolute()
    except OSError:  # the working directory is no more
        return path


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
        if isinstance(error, FileNotFoundError):
            fault = faults.error()
            fault.hint = f"Looked for {_absolute(path)}. {_MAKE_ONE}"
            raise fault from None
    raise faults.error()


def _read(path: FilePath) -> bytes:
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST // 1024 // 1024} MiB")
    return data
