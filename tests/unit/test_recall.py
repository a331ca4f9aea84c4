"""What is remembered, for a verb that sends nothing: of the running relay, of the store, or not known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from relay.cli import recall, remote
from relay.cli.recall import Memory
from relay.config.model import Config
from relay.errors import RelayError, StoreError
from relay.outbox.glance import Glance
from relay.outbox.memory import Mark, Snooze, SnoozeKind
from tests.support.config_text import read

CONFIG = read(
    """
    stratalerts: {api_key: k}
    destinations: {bot: {type: webhook, url: "https://bot.example/in"}}
    rules: [{name: all, to: bot}]
    """
)
MARK = Mark("calm", "AAPL", "D", "bullish", 5)
STORED = Snooze(SnoozeKind.RULE, "calm", 1_000_000, 2_000_000)
TOLD = Snooze(SnoozeKind.SYMBOL, "AAPL", 1_775_829_600_000_000, 1_775_833_200_000_000)
ITEM = {"kind": "symbol", "name": "AAPL", "since": "2026-04-10T14:00:00.000Z", "until": "2026-04-10T15:00:00.000Z"}
REFUSED = remote.RefusedError(404, "no such path")
A_STRANGER = RelayError("what listens there does not answer like a relay")
LOCKED_AWAY = StoreError("the store can't be opened")


@pytest.mark.parametrize(
    ("running", "stored", "expected"),
    [
        (None, None, Memory((), ())),  # no relay ever ran here
        (None, Glance([MARK], [STORED]), Memory([MARK], [STORED])),
        (A_STRANGER, Glance([MARK], [STORED]), Memory([MARK], [STORED])),
        (REFUSED, Glance([MARK], [STORED]), Memory([MARK], [STORED])),
        ({"items": [ITEM]}, Glance([MARK], [STORED]), Memory([MARK], [TOLD])),
        ({"items": [{"kind": "symbol"}]}, Glance([MARK], [STORED]), Memory([MARK], [STORED])),
        ({"items": [{**ITEM, "until": "soon"}]}, Glance([MARK], [STORED]), Memory([MARK], [STORED])),
        ({"items": [{**ITEM, "kind": "mood"}]}, Glance([MARK], [STORED]), Memory([MARK], [STORED])),
        (
            {"items": [ITEM]},
            None,
            Memory(None, [TOLD], ("cooldowns are not known: the running relay's store is not at f.db",)),
        ),
        (
            REFUSED,
            LOCKED_AWAY,
            Memory(
                None,
                None,
                (
                    "cooldowns are not known: the store can't be opened",
                    "snoozes are not known: the store can't be opened",
                ),
            ),
        ),
    ],
)
async def test_what_is_remembered(
    monkeypatch: pytest.MonkeyPatch,
    running: Mapping[str, object] | RelayError | None,
    stored: Glance | StoreError | None,
    expected: Memory,
) -> None:
    async def fetch(_config: Config, path: str) -> Mapping[str, object] | None:
        assert path == "/api/snooze"
        if isinstance(running, RelayError):
            raise running
        return running

    def glance(path: Path) -> Glance | None:
        assert path == CONFIG.store_path
        if isinstance(stored, StoreError):
            raise stored
        return stored

    monkeypatch.setattr(remote, "fetch", fetch)
    monkeypatch.setattr(recall, "glance", glance)
    found = await recall.recall(CONFIG, cooldowns=True)
    doubts = tuple(doubt.replace("f.db", str(CONFIG.store_path)) for doubt in expected.doubts)
    assert found == Memory(expected.marks, expected.snoozes, doubts)
    quiet = await recall.recall(CONFIG, cooldowns=False)
    assert not any("cooldowns" in doubt for doubt in quiet.doubts)
