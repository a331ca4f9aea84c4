"""What surrounds the config of a service, for a verb that is typed beside it: where its store lies, and its variables.

    RELAY_SERVICE=/etc/relay/config.yaml:/var/lib/relay ──around──> the environment in which that config is read:
                                      relay.env beside it ─┘          STATE_DIRECTORY, and the variables that it names

systemd tells the service both; a shell tells a verb neither. So the `relay` that `relay install` puts on the PATH names
the service's config and the folder of its store. What holds always: any other config is read as without it, so that it
keeps a store of its own; and what is set already counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from relay.config import environment
from relay.document.reading import read_text

VARIABLE: Final = "RELAY_SERVICE"
"""``CONFIG:FOLDER``, both absolute: the service's config, and where its store lies."""

ENVIRONMENT: Final = "relay.env"
"""The file of variables beside the service's config, which root alone can read."""

_LARGEST: Final = 1 << 20


def around(path: Path, env: Mapping[str, str]) -> Mapping[str, str]:
    """The environment in which the config in ``path`` is read."""
    config, _, folder = env.get(VARIABLE, "").partition(":")
    if not folder or path.resolve() != Path(config).resolve():
        return env
    return {**_variables(Path(config).with_name(ENVIRONMENT)), "STATE_DIRECTORY": folder, **env}


def _variables(place: Path) -> dict[str, str]:
    """What the file says; nothing where it is not there or not for whoever asks, who then hears what is not set."""
    try:
        return environment.read(read_text(place, limit=_LARGEST))
    except (OSError, ValueError):
        return {}
