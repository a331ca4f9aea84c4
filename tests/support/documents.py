"""Configs as the documents show them: a piece each, to which a house of its own is built."""

from __future__ import annotations

from pathlib import Path

import yaml

from relay.config.load import load
from relay.config.model import Config

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
ENV = {
    "STRATALERTS_API_KEY": "sk-example",
    "DISCORD_SWING": "https://discord.com/api/webhooks/1/x",
    "BOT_URL": "https://bot.example/alerts",
    "PHONE_URL": "ntfy://ntfy.example/topic",
    "HEARTBEAT_URL": "https://watch.example/ping",
    "BOT_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
_HOUSE = {
    "stratalerts": {"api_key": "sk-example"},
    "destinations": {
        "swing": {"type": "discord", "url": "https://discord.com/api/webhooks/1/x"},
        "bot": {"type": "webhook", "url": "https://bot.example/alerts"},
        "ops": {"type": "discord", "url": "https://discord.com/api/webhooks/2/x"},
    },
    "rules": [{"name": "all", "to": "bot"}],
}
_SECRETS = {
    "api_key": ENV["STRATALERTS_API_KEY"],
    "discord_swing": ENV["DISCORD_SWING"],
    "bot_secret": ENV["BOT_SECRET"],
    "http_token": "0123456789abcdef01234567",
}  # in files beside the config, for `x_file`


def shown(block: str, folder: Path) -> Config:
    """The config that a document shows a piece of, with secrets in files and a watchlist of AAPL and SPY beside it."""
    piece = yaml.safe_load(block)
    assert isinstance(piece, dict)
    missing = {key: value for key, value in _HOUSE.items() if key not in piece}
    path = folder / "config.yaml"
    path.write_text(block + "\n" + (yaml.safe_dump(missing) if missing else ""))
    (folder / "watchlist.txt").write_text("AAPL\nSPY\n")
    for name, secret in _SECRETS.items():
        (folder / name).write_text(f"{secret}\n")
    return load(path, env=ENV)
