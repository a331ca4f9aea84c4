"""Small configs to break: a whole one that is right, and one part of it replaced."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from relay.config.load import loads
from relay.config.model import Config
from relay.document.faults import InvalidConfigError

PARTS = {
    "stratalerts": "stratalerts: {api_key: k}",
    "destinations": "destinations: {bot: {type: webhook, url: 'http://127.0.0.1/x'}}",
    "rules": "rules: [{name: a, to: bot}]",
    "more": "",
}

SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def config_text(where: str, text: str) -> str:
    """A config with ``text`` in one place.

    Lines 1 to 3 are stratalerts, destinations and rules. ``webhook`` and ``discord`` add ``text`` on line 3 to the one
    destination; ``rule`` adds it on line 6 to a rule; ``breaks``, ``quotes`` and ``states`` on line 7 to a rule on that
    channel; ``to`` is what a rule goes to, on line 5; ``more`` is line 4; another name is a part.
    """
    parts = dict(PARTS)
    match where:
        case "webhook" | "discord":
            parts["destinations"] = (
                f"destinations: {{bot: {{type: {where}, url: 'http://127.0.0.1/x',\n  {text}\n  }}}}"
            )
        case "rule":
            parts["rules"] = f"rules:\n  - name: a\n    to: bot\n    {text}"
        case "breaks" | "quotes" | "states":
            channel = "alerts.simultaneous_breaks" if where == "breaks" else where
            parts["rules"] = f"rules:\n  - name: a\n    to: bot\n    channel: {channel}\n    {text}"
        case "to":
            parts["rules"] = f"rules:\n  - name: a\n    to: {text}"
        case _:
            parts[where] = text
    return "\n".join(parts.values()) + "\n"


def read(text: str, *, env: Mapping[str, str] | None = None, path: Path = Path("f")) -> Config:
    """The config in ``text``."""
    return loads(text, path=path, env=env or {})


def faults_of(text: str, *, env: Mapping[str, str] | None = None, path: Path = Path("f")) -> list[str]:
    """``LINE:COLUMN: path: message`` of every fault in ``text``, in order; none where it is right."""
    try:
        read(text, env=env, path=path)
    except InvalidConfigError as error:
        return [fault.line("").removeprefix(":") for fault in error.faults]
    return []
