"""What `relay status --check` makes of what a relay says of itself, asked over a real socket."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from relay.cli.checkup import Checkup, look
from relay.cli.remote import RefusedError, ask, path_of
from relay.config.load import load
from relay.config.model import Config
from relay.errors import StoreBusyError
from relay.web.desk import Readiness
from tests.support.desk import FakeDesk
from tests.support.web import serving


def config_of(client: aiohttp.ClientSession, folder: Path) -> Config:
    """A config whose relay is the one that ``client`` leads to."""
    assert client._base_url is not None
    path = folder / "config.yaml"
    path.write_text(f"""
stratalerts: {{api_key: k}}
http: {{listen: "127.0.0.1:{client._base_url.port}"}}
destinations: {{bot: {{type: webhook, url: "https://bot.example/x"}}}}
rules: [{{name: all, to: bot}}]
""")
    return load(path, env={})


@pytest.mark.parametrize(
    ("readiness", "found"),
    [
        (Readiness(ready=True), Checkup()),
        (Readiness(ready=True, notes=("ops is paused",)), Checkup((), ("ops is paused",))),
        (Readiness(ready=True, degraded=("a disk is full",)), Checkup(("a disk is full",))),
        (Readiness(ready=False, reasons=("not connected",), degraded=("bot is off",)),
         Checkup(("not connected", "bot is off"))),
        (Readiness(ready=False), Checkup(("it is not well, and does not say why",))),
    ],
)  # fmt: skip
async def test_one_answer_tells_whether_all_is_well(
    readiness: Readiness, found: Checkup, desk: FakeDesk, tmp_path: Path
) -> None:
    desk.readiness = readiness
    async with serving(desk) as client:
        config = config_of(client, tmp_path)
        assert await look(config, notes=False) == found
    assert await look(config, notes=True) == Checkup(("no relay runs here",))


@pytest.mark.parametrize("fault", [None, StoreBusyError("it hangs")], ids=["the store counts", "it is stuck"])
async def test_what_waits_for_a_person_is_noted_where_the_store_can_count_it(
    fault: Exception | None, desk: FakeDesk, tmp_path: Path
) -> None:
    desk.readiness = Readiness(ready=True, notes=("ops is paused",))
    desk.change(notes=("31 dead letters at bot wait",))
    desk.fault = fault
    async with serving(desk) as client:
        config = config_of(client, tmp_path)
        assert await look(config, notes=False) == Checkup((), ("ops is paused",))
        more = () if fault else ("31 dead letters at bot wait",)
        assert await look(config, notes=True) == Checkup((), ("ops is paused", *more))


@pytest.mark.parametrize(
    ("healthy", "said"), [((False, ["the store was taken away"]), "taken away"), ((True, []), "it takes too long")]
)
async def test_a_verb_that_the_store_keeps_waiting_says_what_is_wrong_with_it(
    healthy: tuple[bool, list[str]], said: str, desk: FakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pause(_name: str) -> None:
        raise StoreBusyError("it takes too long")

    monkeypatch.setattr(desk, "pause", pause)
    monkeypatch.setattr(desk, "healthy", lambda: healthy)
    async with serving(desk) as client:
        with pytest.raises(RefusedError, match=said):
            await ask(config_of(client, tmp_path), path_of("bot", "pause"))
