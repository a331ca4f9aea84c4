"""What a restart keeps: queues and their order, ids, switches, dead letters, and where everything began."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from relay.simulator.history import Fired, spell
from relay.simulator.inbox import Answer, Inbox, Received
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, bodies, fire, fired_price, in_force, once, simultaneous
from tests.support.process import RelayProcess, running, webhook, write_config


def told(received: Received, name: str) -> object:
    """A field of ``relay`` in what arrived."""
    return json.loads(received.body)["relay"][name]


@pytest.mark.parametrize("gently", [True, False], ids=["SIGTERM", "kill -9"])
async def test_what_waits_for_a_dead_destination_arrives_after_a_restart_in_order_per_symbol(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, *, gently: bool
) -> None:
    inbox.always(503)
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        fired = [simulator.fire(in_force(symbol)) for _ in range(20) for symbol in ("AAPL", "MSFT", "IBM")]
        fired += [simulator.fire(simultaneous(2 + n % 3, price=n / 32)) for n in range(10)]
        await relay.until_status(lambda status: status["destinations"][0]["counts"].get("pending") == len(fired))
        await inbox.wait_for(6)
        tried = {received.webhook_id: told(received, "attempt") for received in inbox.received}
        if gently:
            assert await relay.stop() == 0
        else:
            await relay.kill()
        inbox.always(200)
        await relay.start()
        await inbox.wait_until(lambda: inbox.unique == len(fired))
        await relay.until_drained()
    assert arrived(inbox) == once(fired)
    assert by_symbol(inbox) == {
        symbol: [fired_price(alert) for alert in fired if alert.object.get("symbol") == symbol]
        for symbol in ("AAPL", "MSFT", "IBM", None)
    }
    assert tried.keys() <= inbox.delivered["/hook"].keys()  # the ids of before
    if gently:  # and the attempts are counted on
        again = [received for received in inbox.received if received.status == 200 and received.webhook_id in tried]
        assert all(int(str(told(received, "attempt"))) > 1 for received in again)


def by_symbol(inbox: Inbox) -> dict[object, list[float]]:
    """Prices in order of arrival, for each symbol; None is the breaks."""
    found: defaultdict[object, list[float]] = defaultdict(list)
    for body in bodies(inbox):
        found[body["data"].get("symbol")].append(body["data"]["price"])
    return found


async def test_the_sequence_rises_over_restarts(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url(), ordering="strict")})
    fired: list[Fired] = []
    async with RelayProcess(config) as relay:
        for gently in (True, False, True):
            await relay.start()
            await relay.ready()
            fired.extend(fire(simulator, 5))
            await inbox.wait_until(lambda: inbox.unique == len(fired))
            if gently:
                assert await relay.stop() == 0
            else:
                await relay.until_drained()
                await relay.kill()
    sequences = [body["relay"]["sequence"] for body in bodies(inbox)]
    assert sequences == sorted(set(sequences))
    assert arrived(inbox) == once(fired)


async def test_what_was_being_sent_at_a_crash_comes_again_under_the_same_id(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    inbox.always(Answer(hang=True))
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url(), timeout="60s", concurrency=4)})
    async with running(config) as relay:
        fired = fire(simulator, 10)
        await inbox.wait_for(4)
        await relay.until_status(lambda status: status["destinations"][0]["counts"].get("pending") == 10)
        await relay.kill()
        hanging = [received.webhook_id for received in inbox.received]
        assert len(set(hanging)) == 4
        inbox.always(200)
        await relay.start()
        await inbox.wait_until(lambda: inbox.unique == 10)
        await relay.until_drained()
    assert arrived(inbox) == once(fired)
    assert set(hanging) <= inbox.delivered["/hook"].keys()
    assert inbox.arrived == 14
    assert not [char for webhook_id in inbox.delivered["/hook"] for char in webhook_id if char == "."]


async def test_a_paused_destination_stays_paused(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    destinations = {"bot": webhook(inbox.url("/bot")), "other": webhook(inbox.url("/other"))}
    config = write_config(tmp_path, simulator, destinations)
    async with running(config) as relay:
        assert (await relay.post("/api/destinations/bot/pause"))[0] == 200
        fired = fire(simulator, 3)
        await relay.until_status(lambda status: status["destinations"][1]["counts"].get("delivered") == 3)
        await relay.kill()
        await relay.start()
        await relay.ready()
        fired += fire(simulator, 3)
        await inbox.wait_until(lambda: len(inbox.delivered["/other"]) == 6)
        paused = (await relay.json("/api/status"))["destinations"][0]
        assert (paused["name"], paused["state"], paused["counts"]) == ("bot", "paused", {"pending": 6})
        assert not inbox.at("/bot")
        assert (await relay.post("/api/destinations/bot/resume"))[0] == 200
        await inbox.wait_until(lambda: len(inbox.delivered["/bot"]) == 6)
        await relay.until_drained()
    assert arrived(inbox, "/bot") == arrived(inbox, "/other") == once(fired)


async def test_a_destination_that_is_gone_stays_off_until_its_config_changes(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    inbox.always(410, path="/gone")
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url("/gone"), concurrency=1)})
    async with running(config) as relay:
        fired = fire(simulator, 3)
        await relay.until_status(lambda status: status["destinations"][0]["state"] == "off")
        assert await relay.stop() == 0
        await relay.start()
        await relay.ready()
        status = (await relay.json("/api/status"))["destinations"][0]
        assert (status["state"], status["counts"]) == ("off", {"dead": 1, "pending": 2})
        assert len(inbox.at("/gone")) == 1
        assert await relay.stop() == 0
        write_config(tmp_path, simulator, {"bot": webhook(inbox.url("/new"), concurrency=1)})
        await relay.start()
        await inbox.wait_until(lambda: len(inbox.delivered["/new"]) == 2)
        await relay.ready()
        await relay.until_drained()
    assert arrived(inbox, "/new") == once(fired[1:])


async def test_dead_letters_are_kept_and_can_be_sent_again_as_they_were(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    inbox.always(Answer(422, body=b"price is too high"))
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        (alert,) = fire(simulator, 1)
        await relay.until_status(lambda status: status["destinations"][0]["counts"].get("dead") == 1)
        await relay.kill()
        await relay.start()
        await relay.ready()
        (letter,) = (await relay.json("/api/dead"))["items"]
        assert (letter["destination"], letter["state"], letter["attempts"]) == ("bot", "dead", 1)
        assert "422" in letter["last_error"]
        assert "price is too high" in json.dumps(letter)
        inbox.always(200)
        assert (await relay.post(f"/api/dead/{letter['id']}/retry"))[0] == 200
        await inbox.wait_until(lambda: inbox.unique == 1)
        await relay.until_drained()
        assert (await relay.json("/api/dead"))["items"] == []
    assert arrived(inbox) == once([alert])
    first, second = inbox.received
    assert first.webhook_id == second.webhook_id
    sent = spell(alert, simulator.settings.socket)
    assert json.loads(first.body)["data"] == json.loads(second.body)["data"] == sent


async def test_the_first_start_delivers_nothing_old_but_all_that_fired_since(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    fire(simulator, 10)
    simulator.fire(simultaneous(price=0.5))
    simulator.faults.refuse(503, times=1)
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with RelayProcess(config) as relay:
        await relay.start()
        await simulator.wait_until(lambda: simulator.refused == 1, timeout=20)
        fired = fire(simulator, 3)  # it knows where it begins, and is not subscribed yet
        fired.append(simulator.fire(simultaneous(price=1.5)))
        await relay.ready()
        fired += fire(simulator, 2)
        await inbox.wait_until(lambda: inbox.unique >= len(fired))
        await relay.until_drained()
        assert await relay.stop() == 0
        fired += fire(simulator, 3)  # from now on nothing is old
        await relay.start()
        await inbox.wait_until(lambda: inbox.unique >= len(fired))
        await relay.ready()
        await relay.until_drained()
    assert arrived(inbox) == once(fired)
    assert inbox.arrived == len(fired)


async def test_a_part_of_the_past_is_delivered_where_the_config_says_so(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    fired = fire(simulator, 10)
    fired.append(simulator.fire(simultaneous(price=0.5)))
    config = write_config(
        tmp_path, simulator, {"bot": webhook(inbox.url())}, backfill={"on_first_start": "10m", "page_size": 4}
    )
    async with running(config) as relay:
        await inbox.wait_until(lambda: inbox.unique >= len(fired))
        await relay.until_drained()
    assert arrived(inbox) == once(fired)


async def test_without_rest_it_starts_all_the_same_and_knows_later_what_is_old(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    fire(simulator, 3)
    simulator.faults.rest("403")
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, backfill={"every": "1s"})
    async with RelayProcess(config) as relay:
        await relay.start()
        await simulator.wait_until(lambda: simulator.connected == 1, timeout=20)
        await relay.until("/readyz", lambda status, body: status == 503 and "baseline" in body)
        simulator.faults.swallow(1)
        fired = fire(simulator, 3)
        await inbox.wait_until(lambda: inbox.unique >= 2)
        simulator.faults.clear()
        await inbox.wait_until(lambda: inbox.unique >= 3)
        await relay.ready()
        await relay.until_drained()
    # what fired in the very second of the first start can't be told from what fired after it
    assert not once(fired) - arrived(inbox)
    assert arrived(inbox).total() <= 6


async def test_where_a_store_begins_is_told_once(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, backfill={"on_first_start": "1h"})
    async with running(config) as relay:
        assert await relay.stop() == 0
        await relay.start()
        await relay.ready()
    (told,) = relay.logged("the store is new: what fired before is not delivered")
    assert told["store"] == str(tmp_path / "relay.db")
    assert told["delivered_back_to"] < told["timestamp"]
