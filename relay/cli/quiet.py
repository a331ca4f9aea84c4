"""How a verb that answers and ends logs: to standard error, only what goes wrong, and no secret of its config.

-c FILE ──load_quietly──> Config, whose secrets are hidden from now on
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from relay import logs
from relay.config.found import find_config
from relay.config.load import load
from relay.config.model import Config
from relay.config.secrets import hide_secrets
from relay.config.whereabouts import Whereabouts


def log_quietly(config: Config | Whereabouts, level: logs.Level = "error") -> None:
    """Log from now on what is of ``level`` or worse."""
    logs.configure(level, "console", sys.stderr)
    hide_secrets(config)


def load_quietly(path: Path | None) -> Config:
    """The config that a verb was given, or finds by itself; logs are quiet from now on.

    Raises:
        ConfigError: There is none, or it can't be used.
    """
    loaded = load(find_config(path, os.environ), env=os.environ)
    log_quietly(loaded)
    return loaded
