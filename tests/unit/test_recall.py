"""What is remembered, for a verb that sends nothing: of the running relay, of the store, or not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from relay.cli import recall, remote
from relay.cli.recall import Memory
from relay.config.model import Config
from relay.errors import RelayError, StoreError
from relay.outbox.base import DestinationState, Switch
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
GONE = DestinationState(Switch.OFF, "gone", 5, CONFIG.destinations["bot"].fingerprint())
PAUSED = DestinationState(Switch.PAUSED, "paused by an operator", 5)
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
        ({"snoozes": [ITEM]}, Glance([MARK], [STORED]), Memory([MARK], [TOLD])),
        (
            {"snoozes": [ITEM], "destinations": [{"name": "bot", "state": "paused", "reason": "by hand"}, 5]},
            Glance(switched={"bot": GONE}),
            Memory((), [TOLD], {"bot": DestinationState(Switch.PAUSED, "by hand")}),
        ),
        (
            {"snoozes": [ITEM], "destinations": [{"name": "bot", "state": "backing off"}]},
            Glance(switched={"bot": GONE}),
            Memory((), [TOLD]),
        ),
        (None, Glance(switched={"bot": GONE}), Memory((), (), {"bot": GONE})),
        (None, Glance(switched={"bot": PAUSED}), Memory((), (), {"bot": PAUSED})),
        (None, Glance(switched={"bot": DestinationState(Switch.OFF, "gone", 5, "another")}), Memory((), ())),
        ({"snoozes": [{"kind": "symbol"}]}, Glance([MARK], [STORED]), Memory([MARK], [STORED])),
        ({"snoozes": [{**ITEM, "until": "soon"}]}, Glance([MARK], [STORED]), Memory([MARK], [STORED])),
        ({"snoozes": [{**ITEM, "kind": "mood"}]}, Glance([MARK], [STORED]), Memory([MARK], [STORED])),
        (
            {"snoozes": [ITEM]},
            None,
            Memory(None, [TOLD], {}, ("cooldowns are not known: the running relay's store is not at f.db",)),
        ),
        (
            REFUSED,
            LOCKED_AWAY,
            Memory(
                None,
                None,
                {},
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
        assert path == "/api/status"
        if isinstance(running, RelayError):
            raise running
        return running

    def glance(path: Path, destinations: Iterable[str]) -> Glance | None:
        assert (path, list(destinations)) == (CONFIG.store_path, ["bot"])
        if isinstance(stored, StoreError):
            raise stored
        return stored

    monkeypatch.setattr(remote, "fetch", fetch)
    monkeypatch.setattr(recall, "glance", glance)
    found = await recall.recall(CONFIG, cooldowns=True)
    doubts = tuple(doubt.replace("f.db", str(CONFIG.store_path)) for doubt in expected.doubts)
    assert found == Memory(expected.marks, expected.snoozes, expected.switched, doubts)
    quiet = await recall.recall(CONFIG, cooldowns=False)
    assert not any("cooldowns" in doubt for doubt in quiet.doubts)
