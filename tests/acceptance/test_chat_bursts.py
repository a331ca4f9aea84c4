"""A burst at the open, in the chats: the real process against a Discord and a Slack that keep their limits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from relay.simulator.chat.discord import FakeDiscord
from relay.simulator.chat.faults import Fault
from relay.simulator.chat.posted import Posted
from relay.simulator.chat.slack import FakeSlack
from relay.simulator.history import Fired
from relay.simulator.upstream import Simulator
from tests.support.alerts import fire
from tests.support.process import RelayProcess, running, write_config


def _shown(messages: Iterable[Posted], fired: Iterable[Fired]) -> list[list[str]]:
    """The symbols that each message shows, in the order they stand there."""
    symbols = [str(alert.object["symbol"]) for alert in fired]
    shown = []
    for message in messages:
        text = json.dumps(message.payload.get("embeds") or message.payload.get("blocks"))
        # in a linked title a symbol stands twice, and in the order of the alerts
        shown.append(sorted((symbol for symbol in symbols if symbol in text), key=text.index))
    return shown


async def _all_shown(chat: FakeDiscord | FakeSlack, fired: list[Fired], *, within: float = 30.0) -> None:
    def everything() -> bool:
        return len({symbol for message in _shown(chat.messages, fired) for symbol in message}) == len(fired)

    await chat.wait_until(everything, within)


async def test_a_burst_is_shown_once_in_order_in_a_few_messages(
    tmp_path: Path, simulator: Simulator, discord: FakeDiscord, slack: FakeSlack
) -> None:
    destinations = {
        "discord": {"type": "discord", "url": discord.url("swing")},
        "slack": {"type": "slack", "url": slack.url("swing")},
    }
    async with running(write_config(tmp_path, simulator, destinations)) as relay:
        fired = fire(simulator, 120)
        await _all_shown(discord, fired)
        await _all_shown(slack, fired)
        await relay.until_drained()
    expected = [str(alert.object["symbol"]) for alert in fired]
    for chat in (discord, slack):
        messages = _shown(chat.messages, fired)
        assert [symbol for message in messages for symbol in message] == expected
        assert chat.rate_limited <= 2
        assert len(messages) <= 30
    assert discord.merged == 0


async def test_a_kill_amid_messages_loses_nothing_and_repeats_one_message_at_most(
    tmp_path: Path, simulator: Simulator, discord: FakeDiscord
) -> None:
    config = write_config(tmp_path, simulator, {"swing": {"type": "discord", "url": discord.url("swing")}})
    kills = 4
    async with RelayProcess(config) as relay:
        fired: list[Fired] = []
        in_flight: list[Posted] = []
        for _ in range(kills):
            await relay.start()
            await relay.ready()
            before = discord.posted
            fired += fire(simulator, 60)
            await discord.wait_for(before + 2)
            # The next is shown, and its answer never comes: the worst moment to die.
            discord.fail_next(Fault(hang=True, after=True))
            before = discord.answers[0]
            await discord.wait_until(lambda before=before: discord.answers[0] > before)  # type: ignore[misc]
            in_flight.append(discord.messages[-1])
            await relay.kill()
        await relay.start()
        await relay.ready()
        await _all_shown(discord, fired)
        await relay.until_drained()
        assert await relay.stop() == 0
    times = Counter(symbol for message in _shown(discord.messages, fired) for symbol in message)
    assert len(times) == len(fired)
    assert set(times.values()) == {1, 2}
    twice = {symbol for symbol, count in times.items() if count > 1}
    assert twice <= {symbol for message in _shown(in_flight, fired) for symbol in message}


async def test_one_alert_that_discord_refuses_dies_alone(
    tmp_path: Path, simulator: Simulator, discord: FakeDiscord
) -> None:
    config = write_config(tmp_path, simulator, {"swing": {"type": "discord", "url": discord.url("swing")}})
    async with running(config) as relay:
        wait = b'{"retry_after": 0.5, "global": false}'
        discord.fail_next(Fault(status=429, headers={"Via": "1.1 google"}, body=wait))
        fired = fire(simulator, 8)
        await discord.wait_until(lambda: discord.rate_limited == 1)
        invalid = b'{"code": 50035, "message": "Invalid Form Body"}'
        discord.fail_next(*(Fault(status=400, headers={"Via": "1.1 google"}, body=invalid) for _ in range(2)))
        await _all_shown(discord, fired[1:])
        await relay.until_drained()
        dead = (await relay.json("/api/dead"))["items"]
    shown = Counter(symbol for message in _shown(discord.messages, fired) for symbol in message)
    assert shown == Counter(str(alert.object["symbol"]) for alert in fired[1:])
    assert len(dead) == 1
    assert "50035" in dead[0]["last_error"]
