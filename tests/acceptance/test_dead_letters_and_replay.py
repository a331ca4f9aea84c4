"""Dead letters and replays with the real process: looked at, sent again, let go of."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.chat.slack import FakeSlack
from relay.simulator.inbox import Inbox
from relay.simulator.upstream import Simulator
from tests.support.alerts import bodies, fire
from tests.support.command import Ended, relay
from tests.support.process import RelayProcess, running, webhook, write_config

ROLE = "961700198785118228"


async def verb(config: Path, *arguments: str) -> Ended:
    ended = await relay(*arguments, "-c", str(config))
    assert (ended.code, ended.err) == (0, "")
    return ended


async def letters(config: Path) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await verb(config, "dead", "list", "--json")).json["items"]
    return items


async def dead(process: RelayProcess, count: int) -> None:
    await process.until_status(lambda status: status["destinations"][0]["counts"].get("dead") == count)


async def test_dead_letters_are_sent_after_all_under_their_old_ids(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    inbox.always(404)
    async with running(config) as process:
        fired = fire(simulator, 5)
        await dead(process, 5)
        tried = [received.webhook_id for received in inbox.received]
        found = await letters(config)
        assert [item["webhook_id"] for item in found] == tried[::-1]
        number = found[0]["id"]
        shown = (await verb(config, "dead", "show", str(number))).out
        for said in ("code: 404", "attempts: 1", f"webhook-id: {tried[-1]}", f'"id": {fired[-1].id}'):
            assert said in shown

        inbox.always(200)
        foretold = (await verb(config, "dead", "retry", "--all", "--dry-run", "--json")).json
        assert (foretold["to_send"], foretold["destinations"], foretold["overdue"]) == (5, {"bot": 5}, 0)
        assert (await verb(config, "dead", "retry", str(number))).out == "1 dead letter is queued again.\n"
        assert (await verb(config, "dead", "retry", "--all")).out == "4 dead letters are queued again.\n"
        assert (await verb(config, "dead", "retry", "--all")).out == "Nothing to retry: there are no dead letters.\n"
        await inbox.wait_until(lambda: inbox.unique == 5)
        await process.until_drained()
        assert Counter(received.webhook_id for received in inbox.received if received.status == 200) == Counter(tried)
        told = [(body["relay"]["source"], body["relay"]["attempt"]) for body in bodies(inbox)]
        assert told == [("live", 2)] * 5, "a receiver sees that it is not the first time"
        assert await letters(config) == []


async def test_a_replay_repeats_what_was_sent_while_the_relay_runs_and_while_it_does_not(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as process:
        fired = fire(simulator, 4)
        await inbox.wait_for(4)
        await process.until_drained()
        before = (await verb(config, "deliveries", "--json")).out
        dry = await verb(config, "replay", "--since", "1h", "--dry-run")
        assert dry.out == "4 deliveries (since 1h) would be queued again; nothing was done.\n"
        assert (await verb(config, "deliveries", "--json")).out == before
        assert (await verb(config, "replay", "--since", "1h")).out == "4 deliveries (since 1h) were queued again.\n"
        await inbox.wait_for(8)
        await process.until_drained()
        assert await process.stop() == 0

        queued = await verb(config, "replay", "--since", "1h", "--new-ids")
        assert queued.out == "4 deliveries (since 1h) were queued again; they go out when the relay runs.\n"
        again = await verb(config, "replay", "--since", "1h")
        assert again.out == "No delivery (since 1h) was queued again: 4 wait already.\n"
        await process.start()
        await process.ready()
        await inbox.wait_for(12)
        await process.until_drained()
    times = [list(inbox.received)[start : start + 4] for start in (0, 4, 8)]
    order = [alert.id for alert in fired]
    for received, source in zip(times, ("live", "replay", "replay"), strict=True):
        told = [json.loads(one.body) for one in received]
        assert [body["data"]["id"] for body in told] == order
        assert {body["relay"]["source"] for body in told} == {source}
    ids = [[one.webhook_id for one in received] for received in times]
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])


async def test_chats_are_told_that_it_is_a_replay(
    tmp_path: Path, simulator: Simulator, discord: FakeDiscord, slack: FakeSlack
) -> None:
    destinations = {
        "discord": {"type": "discord", "url": discord.url("swing")},
        "slack": {"type": "slack", "url": slack.url("swing")},
    }
    rules: list[dict[str, object]] = [
        {"name": "loud", "to": "discord", "mention": f"<@&{ROLE}>"},
        {"name": "quiet", "to": "slack"},
    ]
    config = write_config(tmp_path, simulator, destinations, rules=rules)
    async with running(config) as process:
        fire(simulator, 1)
        await discord.wait_for(1)
        await slack.wait_for(1)
        await process.until_drained()
        assert (await verb(config, "replay", "--since", "1h")).out == "2 deliveries (since 1h) were queued again.\n"
        await discord.wait_for(2)
        await slack.wait_for(2)
        await process.until_drained()
    for chat in (discord, slack):
        first, again = (json.dumps(message.payload) for message in chat.messages)
        assert "replay" in again
        assert "replay" not in first
        assert ROLE not in again
    assert ROLE in json.dumps(discord.messages[0].payload)


async def test_the_queue_of_a_destination_that_is_gone_is_shown_and_cleared(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    destinations = {"bot": webhook(inbox.url("/bot")), "old": webhook(inbox.url("/old"))}
    config = write_config(tmp_path, simulator, destinations)
    inbox.always(503, path="/old")
    async with running(config) as process:
        fire(simulator, 3)
        await inbox.wait_until(lambda: inbox.unique == 3)
        early = await relay("dead", "drop", "--to", "old", "-c", str(config))
        assert (early.code, early.out) == (0, "Nothing to drop: there are no dead letters of old.\n")

        written = yaml.safe_load(config.read_text())
        del written["destinations"]["old"]
        for rule in written["rules"]:
            rule["to"] = "bot"
        config.write_text(yaml.safe_dump(written))
        refused = await relay("dead", "drop", "--to", "old", "-c", str(config))
        assert (refused.code, "the running relay still has old" in refused.err) == (64, True)
        assert (await process.post("/api/reload"))[0] == 200

        waiting = (await verb(config, "deliveries", "--to", "old", "--state", "pending", "--json")).json["items"]
        assert len(waiting) == 3
        gone = await relay("replay", "--since", "1h", "--to", "old", "-c", str(config))
        assert (gone.code, "old is no longer in" in gone.err) == (64, True)
        assert (await verb(config, "dead", "drop", "--to", "old")).out == "3 deliveries of old are dropped.\n"
        left = (await verb(config, "deliveries", "--to", "old", "--json")).json["items"]
        assert [item["state"] for item in left] == ["expired"] * 3
        status = await process.json("/api/status")
        assert next(lane["counts"] for lane in status["destinations"] if lane["name"] == "bot")["delivered"] == 3
