"""Why the relay ends, and what it says then: a line or two on stderr, never a traceback."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from relay.clock import SystemClock
from relay.outbox.ending import ending_of
from relay.outbox.file import backup_path
from relay.outbox.sql import migrations
from relay.simulator.inbox import Inbox
from relay.simulator.settings import ApiKey, Refusal, Scope, SimulatorSettings
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, fire, once
from tests.support.command import relay as verb
from tests.support.process import RelayProcess, ends, free_port, running, webhook, write_config

KEYS = {
    "sim-key": ApiKey(),
    "sk-unpaid-7731": ApiKey(account="b", entitled=False),
    "sk-rest-only-7732": ApiKey(account="c", scopes=frozenset({Scope.ALERTS})),
}


def words(relay: RelayProcess) -> str:
    """What a person reads at the end: the lines that are no log lines."""
    assert "Traceback" not in relay.stderr
    assert relay.stdout == ""
    return "\n".join(line for line in relay.stderr.splitlines() if not line.startswith("{"))


# --- 78


async def test_a_bad_config_names_every_fault_and_ends_with_78(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "stratalerts: {api_key: ''}\n"
        "destinations:\n"
        "  bot: {type: webhook, url: 'ftp://user:hush-hush@127.0.0.1/x'}\n"
        "rules:\n"
        "  - {name: a, to: bto, timeframe: 5m}\n"
        "  - {name: a, to: bot, thresold: 3}\n"
        "surprise: 1\n"
    )
    relay = await ends(config)
    assert relay.exit_code == 78
    said = words(relay)
    for line, path in [
        (1, "stratalerts.api_key"),
        (3, "destinations.bot.url"),
        (5, "rules[0].to"),
        (5, "rules[0].timeframe"),
        (6, "rules[1].name"),
        (6, "rules[1].thresold"),
        (7, "surprise"),
    ]:
        assert any(text.startswith(f"{config}:{line}:") and f" {path}" in text for text in said.splitlines()), (
            f"{path} in {said}"
        )
    assert "threshold" in said
    assert "hush-hush" not in said
    assert not (tmp_path / "relay.db").exists()  # nothing was begun


@pytest.mark.parametrize(
    ("text", "said"),
    [("- just\n- a list\n", "config.yaml:1:1"), ("a: [1,\n", "config.yaml:"), ("", "config.yaml")],
)
async def test_what_is_no_config_at_all_ends_with_78(tmp_path: Path, text: str, said: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(text)
    relay = await ends(config)
    assert (relay.exit_code, said in words(relay)) == (78, True)


async def test_a_config_that_is_not_there_ends_with_78(tmp_path: Path) -> None:
    relay = await ends(tmp_path / "nowhere.yaml")
    assert relay.exit_code == 78
    assert "nowhere.yaml" in words(relay)


async def test_invented_alerts_do_not_leave_the_machine(tmp_path: Path, simulator: Simulator) -> None:
    destinations = {"bot": webhook("https://bot.example/hook"), "near": webhook("http://127.0.0.1:9/hook")}
    relay = await ends(write_config(tmp_path, simulator, destinations))
    assert relay.exit_code == 78
    assert "--allow-real" in words(relay)
    assert "bot" in words(relay)
    assert "near" not in words(relay)


async def test_a_page_for_everybody_needs_a_token(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, http={"listen": f"0.0.0.0:{free_port()}"})
    relay = await ends(config)
    assert relay.exit_code == 78
    assert "http.token" in words(relay)


# --- 77


@pytest.mark.parametrize("refusal", Refusal)
@pytest.mark.parametrize(
    ("key", "said"),
    [("sk-wrong-7730", "stratalerts.api_key"), ("sk-unpaid-7731", "entitle"), ("sk-rest-only-7732", "ws:connect")],
)
async def test_a_rejected_key_ends_with_77(tmp_path: Path, inbox: Inbox, refusal: Refusal, key: str, said: str) -> None:
    async with Simulator(SimulatorSettings(refusal=refusal, keys=KEYS), SystemClock()) as simulator:
        relay = await ends(write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, key=key))
        assert simulator.refused == 1
    assert relay.exit_code == 77
    assert said in words(relay)
    assert key not in relay.stderr


@pytest.mark.parametrize("status", [401, 403])
async def test_a_proxys_refusal_is_no_rejection(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, status: int
) -> None:
    simulator.faults.refuse(status, times=1)
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        assert simulator.refused == 1
        (line,) = relay.logged("upstream not connected")
        assert str(status) in line["error"]
        assert "proxy" in line["hint"]
        assert await relay.stop() == 0


async def test_a_rejection_after_a_good_connection_is_not_believed_at_once(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        simulator.faults.refuse(401, vendor=True, times=1)
        simulator.faults.drop()
        await simulator.wait_until(lambda: simulator.refused == 1)
        await relay.ready()
        assert await relay.stop() == 0


# --- 69


@asynccontextmanager
async def another_client(simulator: Simulator) -> AsyncIterator[None]:
    """A second connection of the account, which evicts the first."""
    async with connect(simulator.websocket_url, additional_headers={"X-API-Key": "sim-key"}):
        yield


async def test_evicted_it_drains_and_ends_with_69(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        fired = fire(simulator, 5)
        await inbox.wait_until(lambda: inbox.unique >= 5)
        async with another_client(simulator):
            assert await relay.ended() == 69
            assert simulator.opened == 2
        assert "another instance" in words(relay)
        assert "standby" in words(relay)  # the way out
        found = await verb("status", "--check", "-c", str(config))
        assert "no relay runs here: it ended" in found.out
        assert "with exit code 69" in found.out
        assert "another instance" in found.out
    assert arrived(inbox) == once(fired)


async def test_in_standby_it_polls_delivers_and_never_reconnects(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(
        tmp_path,
        simulator,
        {"bot": webhook(inbox.url())},
        stratalerts={"on_evicted": "standby"},
        backfill={"every": "1s"},
    )
    async with running(config) as relay:
        async with another_client(simulator):
            await relay.until("/readyz", lambda status, body: status == 200 and "another connection" in body)
            fired = fire(simulator, 5)
            await inbox.wait_until(lambda: inbox.unique >= 5)
        fired += fire(simulator, 5)  # the other has gone: still nothing of its own accord
        await inbox.wait_until(lambda: inbox.unique >= 10)
        readiness = await relay.json("/readyz")
        assert readiness["ready"]
        assert readiness["degraded"]
        assert (await relay.json("/api/status"))["connection"]["state"] == "standby"
        assert (await relay.get("/healthz"))[0] == 200
        assert "relay_upstream_connected 0.0" in (await relay.get("/metrics"))[1]
        assert (simulator.opened, simulator.refused) == (2, 0)
        assert await relay.stop() == 0
    assert arrived(inbox) == once(fired)


# --- 75


async def test_a_second_relay_on_the_same_store_ends_with_75(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as first:
        second = await ends(config)  # the port is taken, too: the store is asked for first
        assert second.exit_code == 75
        assert "another relay holds the store" in words(second)
        assert simulator.opened == 1
        assert await first.stop() == 0
    async with running(config) as third:  # a lock dies with its holder
        await third.kill()
        await third.start()
        await third.ready()


async def test_a_taken_port_ends_with_75(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    port = free_port()
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    async with server:
        relay = await ends(write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, port=port))
    assert relay.exit_code == 75
    assert f"127.0.0.1:{port}" in words(relay)
    assert "http.listen" in words(relay)
    assert simulator.opened == 0
    assert not (tmp_path / "relay.db").exists(), "no store is begun for nothing"
    assert not (tmp_path / "relay.db.lock").exists()


# --- 74


async def test_a_store_that_is_not_ours_ends_with_74(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    store = tmp_path / "relay.db"
    store.write_text("my shopping list, which is long enough to be taken for something else\n" * 99)
    relay = await ends(config)
    assert (relay.exit_code, "not a relay store" in words(relay)) == (74, True)
    store.unlink()
    with sqlite3.connect(store) as db:
        db.execute("CREATE TABLE shopping (item TEXT)")
    db.close()
    relay = await ends(config)
    assert (relay.exit_code, "another program" in words(relay)) == (74, True)
    assert "storage.url" in words(relay)


async def test_a_newer_store_ends_with_74_and_says_what_to_do(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        assert await relay.stop() == 0
    db = sqlite3.connect(tmp_path / "relay.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    relay = await ends(config)
    assert relay.exit_code == 74
    assert "newer relay" in words(relay)
    assert "Install that version" in words(relay)
    ended = ending_of(tmp_path / "relay.db")  # for `relay status`, which finds none that runs
    assert ended is not None
    assert (ended.exit_code, "newer relay" in ended.why) == (74, True)
    copy = backup_path(tmp_path / "relay.db", len(migrations()))
    copy.write_bytes(b"")  # as an upgrade leaves it
    assert str(copy) in words(await ends(config))


@pytest.mark.parametrize("url", ["sqlite:no/such/folder/relay.db", "sqlite:."])
async def test_a_store_that_cannot_be_made_ends_with_74(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, url: str
) -> None:
    relay = await ends(write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, storage={"url": url}))
    assert relay.exit_code == 74
    assert "storage.url" in words(relay)


# --- 64


async def test_an_option_that_is_none_ends_with_64(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    relay = await ends(config, "--verbosely")
    assert relay.exit_code == 64
    assert "--verbosely" in words(relay)
    assert "Usage" in words(relay)
