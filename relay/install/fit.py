"""What keeps a config, or the relay that runs now, from being a service: told before anything is written.

Config ──unfit──> its store lies where the service may not write; its alerts are invented; a file it names is hidden
relay  ──running.hidden──> it lies in somebody's home
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from relay.config.model import Config, store_path
from relay.destinations.factory import refuse_real
from relay.errors import ConfigError, RelayError
from relay.install.running import hidden
from relay.loopback import is_loopback_url
from relay.units import CONFIG, STATE
from relay.wording import agreeing

_SYSTEMS: Final = "/usr/bin/python3 -m venv --clear"  # an environment of another Python may lie there


def check_config(config: Config) -> None:
    """Refuse a config that the service could not run with.

    Raises:
        ConfigError: It could not.
    """
    store = store_path(config.storage.url, config=CONFIG, env={"STATE_DIRECTORY": str(STATE)})
    if not store.is_relative_to(STATE):
        raise ConfigError(
            f"the store {store} lies where the service may not write",
            hint=f"Give storage.url a relative name, which is below {STATE}: sqlite:relay.db, the default.",
        )
    simulated = is_loopback_url(config.stratalerts.websocket_url)
    real = refuse_real(config.destinations, simulated=simulated, allow_real=False)
    if real:
        raise ConfigError(
            f"the upstream is a simulator, and {', '.join(real)} {agreeing(len(real), 'is', 'are')} real",
            hint="Leave out websocket_url and rest_url, or point the destinations at this machine.",
        )


def check_files(elsewhere: Iterable[Path]) -> None:
    """Refuse files that the config names and the service could not see.

    Raises:
        ConfigError: It could not.
    """
    why = hidden(elsewhere)
    if why:
        raise ConfigError(why, hint="Put the file beside the config, and name it without its folder: it is copied.")


def check_relay(places: Iterable[Path], interpreter: Iterable[Path], arguments: Sequence[str]) -> None:
    """Refuse to have a service run what it could not see.

    Args:
        places: Where the relay lies.
        interpreter: Of these, where its Python lies, with which another environment would be no better.
        arguments: Of this command, to be said again.

    Raises:
        RelayError: It could not.
    """
    why = hidden(places)
    if why:
        again = shlex.join(["sudo", "/opt/relay/bin/relay", "install", *arguments])
        how, python = "where everybody can read it, and from there", "python3 -m venv"
        if hidden(interpreter):
            how, python = "with the system's Python (3.11 or newer), for this one is hidden", _SYSTEMS
        raise RelayError(
            f"this relay can't be a service: {why}",
            hint=f"Install it {how}: sudo {python} /opt/relay && sudo /opt/relay/bin/pip install . && {again}",
        )
