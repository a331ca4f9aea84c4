"""How a verb that answers and ends logs: to standard error, only what goes wrong, and no secret of its config."""

from __future__ import annotations

import sys

from relay import logs
from relay.config.model import Config
from relay.config.secrets import hide_secrets


def log_quietly(config: Config, level: logs.Level = "error") -> None:
    """Log from now on what is of ``level`` or worse."""
    logs.configure(level, "console", sys.stderr)
    hide_secrets(config)
