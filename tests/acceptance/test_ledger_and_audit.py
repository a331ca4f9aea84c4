"""``relay status``, ``audit``, ``backfill`` and ``connect``, with a running relay and without one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, fire, in_force, once
from tests.support.command import Ended, relay
from tests.support.process import running, webhook, write_config


@pytest.fixture
def config(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> Path:
    destinations = {"bot": webhook(inbox.url()), "gone": webhook(inbox.url("/gone"))}
    return write_config(
        tmp_path,
        simulator,
        destinations,
        backfill={"every": "1h"},
        stratalerts={"on_evicted": "standby"},
        rules=[{"name": "all", "to": "bot"}, {"name": "breaks", "channel": "alerts.simultaneous_breaks", "to": "gone"}],
    )


async def verb(config: Path, *words: str) -> Ended:
    return await relay(*words, "-c", str(config))


async def test_an_audit_beside_the_relay_finds_nothing_missing_and_a_ledger_that_balances(
    config: Path, simulator: Simulator, inbox: Inbox
) -> None:
    async with running(config) as daemon:
        fire(simulator, 7)
        await inbox.wait_until(lambda: inbox.unique >= 7)
        told = await verb(config, "audit", "--json")
        assert (told.code, told.json["ok"], told.json["missing"]) == (0, True, [])
        shown = told.json["channels"][0]
        assert (shown["channel"], shown["shown"], shown["before_baseline"]) == ("alerts.in_force", 7, 0)
        assert (shown["cut"], shown["cut_by"], told.json["relay_runs"]) == (None, None, True)
        assert told.json["ledger"]["balances"]
        assert await daemon.stop() == 0
    told = await verb(config, "audit")
    assert told.code == 0
    assert "REST shows 7, none is missing" in told.out


async def test_what_fired_while_the_relay_was_down_is_missing_until_it_is_fetched(
    config: Path, simulator: Simulator, inbox: Inbox
) -> None:
    async with running(config) as daemon:
        fired = fire(simulator, 2)
        await inbox.wait_until(lambda: inbox.unique >= 2)
        await daemon.stop()
    fired += fire(simulator, 3)
    told = await verb(config, "audit", "--json")
    assert told.code == 1
    assert [one["why"] for one in told.json["missing"]] == ["not fetched yet"] * 3
    assert told.json["relay_runs"] is False
    told = await verb(config, "audit")
    assert "3 missing" in told.out
    assert "no relay runs: nothing is fetched until one does" in told.out
    assert "`relay backfill --since 1h` fetches what is missing into the store" in told.out
    told = await verb(config, "backfill")  # straight to the store: what it finds waits for the relay
    assert told.code == 0
    assert "3 of them new" in told.out
    assert "No relay runs: the 3 new wait in the store until the next `relay run`." in told.out
    assert (await verb(config, "audit")).code == 0
    assert len(arrived(inbox)) == 2
    async with running(config):
        await inbox.wait_until(lambda: inbox.unique >= 5)
    assert arrived(inbox) == once(fired)


async def test_what_a_round_has_passed_over_is_found_by_an_audit_and_fetched_by_looking_back(
    config: Path, simulator: Simulator, inbox: Inbox
) -> None:
    async with running(config) as daemon:
        fired = fire(simulator, 3)
        await inbox.wait_until(lambda: inbox.unique >= 3)
        await daemon.stop()
    with closing(sqlite3.connect(config.with_name("relay.db"))) as db, db:  # as a fault of the store would
        db.execute("DELETE FROM deliveries WHERE event = 2")
        db.execute("DELETE FROM events WHERE seq = 2")
        db.execute("UPDATE rounds SET position = 1000000, began_at = 0, completed_at = 1")
        db.execute("INSERT INTO rounds SELECT channel, position, 1000000000, 1000000001 FROM rounds")
    told = await verb(config, "audit", "--json")
    assert [one["why"] for one in told.json["missing"]] == ["passed over"]
    async with running(config):
        came = await verb(config, "backfill", "--since", "6h", "--json")
        assert (came.code, came.json["ok"]) == (0, True)
        assert [one["recovered"] for one in came.json["channels"] if one["channel"] == "alerts.in_force"] == [1]
        await inbox.wait_until(lambda: sum(arrived(inbox).values()) >= 4)
        assert (await verb(config, "audit")).code == 0
    assert sum(arrived(inbox).values()) == 4
    assert set(arrived(inbox)) == set(once(fired))


async def test_what_fired_before_the_store_was_lost_is_counted_and_comes_again_only_where_that_is_asked_for(
    config: Path, simulator: Simulator, inbox: Inbox
) -> None:
    def lose_the_store() -> None:
        for file in config.parent.glob("relay.db*"):
            file.unlink()

    def go_back_an_hour() -> None:
        config.write_text(config.read_text().replace("every: 1h", "every: 1h\n  on_first_start: 1h"))

    before = (datetime.now(UTC) - timedelta(minutes=10)).isoformat(timespec="seconds")
    async with running(config) as daemon:
        for _ in range(4):
            simulator.fire(in_force(triggered_at=before))
        await inbox.wait_until(lambda: inbox.unique >= 4)
        await daemon.stop()
        lose_the_store()
        await daemon.start()
        await daemon.ready()
        told = await verb(config, "audit", "--json")
        assert (told.code, told.json["missing"]) == (0, [])
        assert [one["before_baseline"] for one in told.json["channels"]] == [4, 0]
        assert "    4 of them fired before the baseline (" in (await verb(config, "audit")).out
        assert "nothing that fired before is delivered" in (await verb(config, "backfill", "--since", "6h")).out
        await daemon.stop()
        assert sum(arrived(inbox).values()) == 4
        lose_the_store()
        go_back_an_hour()
        await daemon.start()
        await inbox.wait_until(lambda: sum(arrived(inbox).values()) >= 8)
        assert (await verb(config, "audit", "--json")).json["channels"][0]["before_baseline"] == 0
        assert await daemon.stop() == 0
    assert set(arrived(inbox).values()) == {2}
    assert inbox.unique == 4  # the same ids again, by which a receiver knows them


async def test_a_store_is_new_to_a_backfill_as_it_is_to_a_relay_an_empty_file_included(config: Path) -> None:
    (config.parent / "relay.db").touch()
    came = [(await verb(config, "backfill", "--json")).json for _ in range(2)]
    assert [one["store_is_new"] for one in came] == [True, False]
    assert came[0]["baseline"] == came[1]["baseline"] is not None


async def test_the_ledger_is_shown_with_a_relay_and_without_one(
    config: Path, simulator: Simulator, inbox: Inbox
) -> None:
    assert (await verb(config, "status", "--ready")).code == 1
    async with running(config) as daemon:
        fire(simulator, 4)
        await inbox.wait_until(lambda: inbox.unique >= 4)
        await daemon.until_drained()
        assert (await verb(config, "status", "--ready")).out == "ready\n"
        told = await verb(config, "status", "--json")
        assert (told.code, told.json["running"]) == (0, True)
        [bot] = [one for one in told.json["destinations"] if one["name"] == "bot"]
        assert bot["counts"] == {"delivered": 4, "pending": 0}
        shown = await verb(config, "status")
        assert "connection: connected for" in shown.out
        assert "bot" in shown.out
        await daemon.stop()
    told = await verb(config, "status", "--json")
    assert (told.code, told.json["running"]) == (1, False)
    [bot] = told.json["destinations"]
    assert (bot["name"], bot["counts"]["delivered"]) == ("bot", 4)
    assert "No relay runs here" in (await verb(config, "status")).out


async def test_a_relay_that_stands_by_takes_its_connection_back_when_it_is_told_to(
    config: Path, simulator: Simulator, inbox: Inbox
) -> None:
    assert (await verb(config, "connect")).code == 1
    async with running(config) as daemon:
        assert "Nothing to take back" in (await verb(config, "connect")).out
        headers = {"Authorization": "Bearer sim-key"}
        async with connect(simulator.websocket_url, additional_headers=headers) as other:
            await daemon.until_status(lambda status: status["connection"]["state"] == "standby")
            assert "thrown out" in (await verb(config, "connect")).out
            await daemon.until_status(lambda status: status["connection"]["state"] == "connected")
            with pytest.raises(ConnectionClosed):
                await other.recv()
            assert other.close_code == 4409
        assert not (await daemon.json("/readyz"))["degraded"]
        fired = fire(simulator, 2)
        await inbox.wait_until(lambda: inbox.unique >= 2)
        assert arrived(inbox) == once(fired)
        assert await daemon.stop() == 0


async def test_before_the_first_run_they_say_that_there_is_no_store(config: Path) -> None:
    for words in (["audit"], ["status"]):
        told = await verb(config, *words)
        assert told.code == 74
        assert "no store" in told.err
