"""What is wrong as the relay ends is told before it does, though another notice went out within the minute."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import fire
from tests.support.pages import wreck
from tests.support.process import RelayProcess, running, webhook, write_config
from tests.support.receiver import Receiver, receiving


def told(ops: Receiver) -> list[dict[str, str]]:
    """The troubles of all notices, in order."""
    return [trouble for request in ops.requests for trouble in json.loads(request.body)["data"]["troubles"]]


def kinds(ops: Receiver) -> list[str]:
    return [trouble["trouble"] for trouble in told(ops)]


async def begin_a_minute(relay: RelayProcess, ops: Receiver) -> None:
    """A reload that fails is told, and then made good again."""
    text = relay.config.read_text()
    relay.config.write_text(f"{text}\nodd: 1\n")
    assert (await relay.post("/api/reload"))[0] >= 400
    await relay.until("/healthz", lambda _, __: kinds(ops) == ["reload_failed"])
    relay.config.write_text(text)
    assert (await relay.post("/api/reload"))[0] == 200


@pytest.mark.parametrize("at_once", [False, True], ids=["while the relay runs", "as it is stopped at once"])
async def test_damage_of_the_store_is_told_within_the_minute_of_another_notice(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, *, at_once: bool
) -> None:
    async with receiving() as ops:
        destinations = {"bot": webhook(inbox.url()), "ops": webhook(ops.url)}
        rules: list[dict[str, object]] = [{"name": "in force", "to": ["bot"]}]
        config = write_config(tmp_path, simulator, destinations, rules=rules, alerts_to="ops", shutdown_grace="60s")
        store = tmp_path / "relay.db"
        async with running(config) as relay:
            fire(simulator, 300)
            await inbox.wait_until(lambda: inbox.unique == 300)
            await relay.until_drained()
            await relay.stop()
            await relay.start()
            await relay.ready()
            await begin_a_minute(relay, ops)
            wreck(store)
            fire(simulator, 1)
            await relay.until("/healthz", lambda status, _: status == 503)
            if not at_once:
                await relay.until("/healthz", lambda _, __: len(ops.requests) == 2)
            assert await relay.stop(within=10) == 0
    assert kinds(ops) == ["reload_failed", "store"]
    assert "relay repair" in told(ops)[-1]["text"]


def delete(folder: Path) -> None:
    for file in folder.glob("relay.db*"):
        if not file.name.endswith(".notices"):
            file.unlink()


def replace(folder: Path) -> None:
    (folder / "other").write_bytes(b"not a store")
    (folder / "other").rename(folder / "relay.db")


@pytest.mark.parametrize(
    ("take_away", "said"),
    [(delete, "what it held was put back"), (replace, "what the former held is kept as relay.db.was-")],
    ids=["deleted", "replaced"],
)
async def test_a_store_taken_away_under_a_running_relay_is_told_before_it_ends(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, take_away: Callable[[Path], None], said: str
) -> None:
    async with receiving() as ops:
        destinations = {"bot": webhook(inbox.url()), "ops": webhook(ops.url)}
        rules: list[dict[str, object]] = [{"name": "in force", "to": ["bot"]}]
        config = write_config(tmp_path, simulator, destinations, rules=rules, alerts_to="ops")
        async with running(config) as relay:
            await begin_a_minute(relay, ops)
            take_away(tmp_path)
            fire(simulator, 3)
            assert await relay.ended() == 74
    assert kinds(ops) == ["reload_failed", "store"]
    text, hint = told(ops)[-1]["text"], told(ops)[-1]["hint"]
    assert said in text
    assert text.endswith("; the relay ends")
    assert "start" in hint.lower()


async def test_what_waits_for_its_minute_is_told_by_a_stop_and_what_was_mended_is_not(
    tmp_path: Path, simulator: Simulator
) -> None:
    async with receiving() as ops, receiving() as gone, receiving() as refuses:
        gone.answer(410)
        refuses.answer(404)
        destinations = {"gone": webhook(gone.url), "refuses": webhook(refuses.url), "ops": webhook(ops.url)}
        rules: list[dict[str, object]] = [{"name": "in force", "to": ["gone", "refuses"]}]
        config = write_config(tmp_path, simulator, destinations, rules=rules, alerts_to="ops")
        async with running(config) as relay:
            await begin_a_minute(relay, ops)
            fire(simulator, 5)
            await relay.until_status(
                lambda status: (
                    [row["state"] for row in status["destinations"]] == ["off", "refusing", "idle"]
                    and status["destinations"][1]["counts"].get("dead") == 5
                )
            )
            refuses.answer(200)
            assert (await relay.post("/api/dead/retry?destination=refuses"))[0] == 200
            await relay.until_status(lambda status: status["destinations"][1]["counts"].get("delivered") == 5)
            assert await relay.stop() == 0
    subjects = {(trouble["trouble"], trouble["subject"]) for trouble in told(ops)}
    assert len(ops.requests) == 2
    assert ("switched_off", "gone") in subjects
    assert ("dead_letters", "refuses") not in subjects
