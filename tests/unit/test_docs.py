"""What the documents show is true: configs load, links lead somewhere, commands exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from relay.cli import VERBS
from relay.config.load import load

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
ENV = {
    "STRATALERTS_API_KEY": "sk-example",
    "DISCORD_SWING": "https://discord.com/api/webhooks/1/x",
    "BOT_URL": "https://bot.example/alerts",
    "BOT_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
HOUSE = {
    "stratalerts": {"api_key": "sk-example"},
    "destinations": {
        "swing": {"type": "discord", "url": "https://discord.com/api/webhooks/1/x"},
        "bot": {"type": "webhook", "url": "https://bot.example/alerts"},
    },
    "rules": [{"name": "all", "to": "bot"}],
}


def yaml_blocks() -> Iterator[object]:
    for document in DOCUMENTS:
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", document.read_text(), re.DOTALL), 1):
            yield pytest.param(block, id=f"{document.relative_to(ROOT)}#{number}")


@pytest.mark.parametrize("block", list(yaml_blocks()))
def test_every_config_in_the_documents_loads(block: str, tmp_path: Path) -> None:
    shown = yaml.safe_load(block)
    assert isinstance(shown, dict)
    path = tmp_path / "config.yaml"
    missing = {key: value for key, value in HOUSE.items() if key not in shown}
    path.write_text(block + "\n" + (yaml.safe_dump(missing) if missing else ""))
    (tmp_path / "watchlist.txt").write_text("AAPL\n")
    assert load(path, env=ENV).rules


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_verb_that_is_named_exists(document: Path) -> None:
    named = set(re.findall(r"`relay ([a-z]+)", document.read_text()))
    assert named <= set(VERBS)
