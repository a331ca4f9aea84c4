"""Whatever goes wrong upstream: every alert arrives, exactly once."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import pytest

from relay.clock import MICROS, SystemClock
from relay.events import Channel
from relay.simulator.faults import GARBAGE
from relay.simulator.history import Fired, seconds_z
from relay.simulator.inbox import Inbox
from relay.simulator.settings import Age, SimulatorSettings, WireStyle
from relay.simulator.upstream import Simulator
from tests.support.alerts import arrived, bodies, fire, in_force, once, simultaneous
from tests.support.process import running, webhook, write_config

SOON = {"every": "1s"}
NAMES = ("AAPL", "AMD", "AMZN", "CVX", "FB", "GOOG", "IBM", "MSFT", "NVDA", "XOM")
ONE_KIND = {"timeframe": "D", "direction": "bullish", "cc": "2U"}  # REST can be asked for no smaller part but a symbol


async def test_what_fires_around_a_dropped_socket_arrives_once(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        fired = fire(simulator, 20)
        await inbox.wait_until(lambda: inbox.unique >= 5)
        simulator.faults.drop()
        fired += fire(simulator, 20)
        await simulator.wait_until(lambda: simulator.opened == 2)
        fired += fire(simulator, 20)
        await inbox.wait_until(lambda: inbox.unique >= 60)
        await relay.until_drained()
        assert await relay.stop() == 0
    assert arrived(inbox) == once(fired)


async def test_swallowed_frames_are_noticed_by_their_seq_and_fetched(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        simulator.faults.swallow(5)
        fired = fire(simulator, 10)
        simulator.faults.swallow(1)
        fired += [simulator.fire(simultaneous(price=1.5)), simulator.fire(simultaneous(price=2.5))]
        await inbox.wait_until(lambda: inbox.unique >= 12)
        await relay.until_drained()
        assert simulator.opened == 1
    assert arrived(inbox) == once(fired)
    sources = [body["relay"]["source"] for body in bodies(inbox)]
    assert sources.count("backfill") == 6


async def test_frames_twice_out_of_order_and_garbage_between_them_change_nothing(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        simulator.faults.repeat(3)
        fired = fire(simulator, 3)
        for kind in GARBAGE:
            simulator.faults.garbage(kind)
            fired += fire(simulator, 1)
        simulator.faults.reorder(3)
        fired += fire(simulator, 3)
        await inbox.wait_until(lambda: inbox.unique >= len(fired))
        await relay.until_drained()
        _, metrics = await relay.get("/metrics")
        assert 'relay_upstream_frames_rejected_total{reason="not_json"}' in metrics
        assert simulator.opened <= 2  # text that is not UTF-8 closes a WebSocket by its own rules
    assert arrived(inbox) == once(fired)


async def test_the_backfill_asks_until_rest_answers(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    troubles = ("429", "500", "html", "json", "items", "reset", "slow")
    fired: list[Fired] = []
    async with running(config) as relay:
        await relay.until_drained()
        for kind in troubles:
            simulator.faults.rest(kind, path="in-force", times=1, value=0.2)
            simulator.faults.swallow(2)
            fired.extend(fire(simulator, 3))
            await inbox.wait_until(lambda: inbox.unique >= len(fired))
            await relay.until_drained()
        assert simulator.opened == 1
        (channel,) = [c for c in (await relay.json("/api/status"))["channels"] if c["name"] == Channel.IN_FORCE]
        assert channel["cursor"] == fired[-1].id
    assert arrived(inbox) == once(fired)


@pytest.mark.parametrize("status", ["401", "403"])
async def test_a_refused_backfill_is_reported_and_tried_again_later(
    tmp_path: Path, simulator: Simulator, inbox: Inbox, status: str
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, backfill=SOON)
    async with running(config) as relay:
        await relay.until_drained()
        simulator.faults.rest(status)
        simulator.faults.swallow(2)
        fired = fire(simulator, 3)
        both = await relay.until("/readyz", lambda code, body: code == 200 and body.count("is refused") == 2)
        assert len(json.loads(both)["degraded"]) == 2
        assert inbox.unique <= 1
        simulator.faults.clear()
        await inbox.wait_until(lambda: inbox.unique >= 3)
        await relay.until("/readyz", lambda code, body: code == 200 and "is refused" not in body)
    assert arrived(inbox) == once(fired)


STYLES = {
    "no ids": WireStyle(ids=False, micros=True),
    "no ids, whole seconds": WireStyle(ids=False),
    "numbers as text": WireStyle(text_numbers=True, micros=True),
}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES.keys())
async def test_an_alert_is_one_however_socket_and_rest_spell_it(tmp_path: Path, inbox: Inbox, style: WireStyle) -> None:
    async with Simulator(SimulatorSettings(socket=style), SystemClock()) as simulator:
        config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, backfill=SOON)
        async with running(config) as relay:
            fired = fire(simulator, 20)
            fired += [simulator.fire(simultaneous(threshold, price=threshold / 8)) for threshold in (2, 3, 4)]
            simulator.faults.drop()
            fired += fire(simulator, 20)
            await inbox.wait_until(lambda: inbox.unique >= len(fired))
            await relay.until_drained()
            await _two_more_rounds(simulator)
            assert await relay.stop() == 0
            await relay.start()  # what was claimed stays claimed
            await relay.ready()
            await _two_more_rounds(simulator)
            fired += fire(simulator, 1)
            await inbox.wait_until(lambda: inbox.unique >= len(fired))
            await relay.until_drained()
    assert arrived(inbox) == once(fired)
    assert inbox.arrived == len(fired)


async def _two_more_rounds(simulator: Simulator) -> None:
    """Wait until both channels have been asked for often enough that a whole round lies between."""
    asked = [call.path for call in simulator.calls]
    seen = {path: asked.count(path) for path in set(asked)}

    def enough() -> bool:
        now = [call.path for call in simulator.calls]
        return all(now.count(path) >= count + 2 for path, count in seen.items())

    await simulator.wait_until(enough)


@pytest.mark.parametrize(
    ("settings", "page_size"),
    [
        *((SimulatorSettings(order=order, keep=keep, clamp=25), 200) for order, keep in itertools.product(Age, Age)),
        (SimulatorSettings(clamp=3), 200),
        (SimulatorSettings(clamp=200), 5),
        (SimulatorSettings(clamp=1, order=Age.OLDEST, keep=Age.OLDEST), 10),
    ],
    ids=lambda value: f"{value.order}-first-{value.keep}-kept-of-{value.clamp}" if hasattr(value, "order") else None,
)
async def test_an_outage_is_fetched_whole_from_answers_cut_at_either_end(
    tmp_path: Path, inbox: Inbox, settings: SimulatorSettings, page_size: int
) -> None:
    async with Simulator(settings, SystemClock()) as simulator:
        an_hour_ago = seconds_z(time.time_ns() // 1000 - 3600 * MICROS)
        old = [simulator.fire(in_force(triggered_at=an_hour_ago)) for _ in range(30)]
        config = write_config(
            tmp_path, simulator, {"bot": webhook(inbox.url())}, backfill={"page_size": page_size, "every": "1m"}
        )
        async with running(config) as relay:
            await relay.until_drained()
            fired = [simulator.fire(in_force(symbol)) for symbol in NAMES]
            await inbox.wait_until(lambda: inbox.unique >= len(fired))
            simulator.faults.drop()
            fired += fire(simulator, 50)
            fired += [simulator.fire(in_force(symbol, **ONE_KIND)) for symbol in NAMES]
            fired += [simulator.fire(simultaneous(2 + n % 3, price=n / 16)) for n in range(10)]
            await inbox.wait_until(lambda: inbox.unique >= len(fired), timeout=30)
            await relay.until_drained()
    assert arrived(inbox) == once(fired)
    assert not arrived(inbox) & once(old)


async def test_what_the_upstream_will_not_show_is_told_as_a_hole(tmp_path: Path, inbox: Inbox) -> None:
    async with Simulator(SimulatorSettings(clamp=5), SystemClock()) as simulator:
        config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
        async with running(config) as relay:
            fired = fire(simulator, 1)
            await inbox.wait_until(lambda: inbox.unique == 1)
            simulator.faults.drop()
            fired += [simulator.fire(in_force(**ONE_KIND)) for _ in range(20)]  # symbols nobody has heard of
            status = await relay.until_status(lambda status: bool(status["backfill"]["holes"]))
            await inbox.wait_until(lambda: inbox.unique >= 6)
            await relay.until_drained()
            hole = status["backfill"]["holes"][0]
            assert (hole["channel"], hole["part"]) == ("alerts.in_force", "timeframe=D direction=bullish cc=2U")
            assert hole["after_id"] < fired[1].id
            assert hole["up_to_id"] == fired[-1].id
            assert "relay_backfill_holes_total 1.0" in (await relay.get("/metrics"))[1]
            assert [line["up_to_id"] for line in relay.logged() if hole["part"] in str(line)] == [fired[-1].id]
            (channel,) = [c for c in status["channels"] if c["name"] == Channel.IN_FORCE]
            assert channel["cursor"] == fired[-1].id  # passed, not stuck
    assert arrived(inbox) == once([fired[0], *fired[-5:]])


async def test_an_alert_that_rest_shows_late_is_found_below_the_cursor(
    tmp_path: Path, simulator: Simulator, inbox: Inbox
) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())}, backfill=SOON)
    async with running(config) as relay:
        late = fire(simulator, 1, live=False, late_by=3.0)
        fired = fire(simulator, 3)
        await inbox.wait_until(lambda: inbox.unique >= 3)
        await relay.until_status(lambda status: (status["channels"][0]["cursor"] or 0) >= fired[-1].id)
        assert inbox.unique == 3
        await inbox.wait_until(lambda: inbox.unique >= 4)
        await relay.until_drained()
    assert arrived(inbox) == once([*late, *fired])


async def test_the_upstream_may_go_away_and_come_back(tmp_path: Path, simulator: Simulator, inbox: Inbox) -> None:
    config = write_config(tmp_path, simulator, {"bot": webhook(inbox.url())})
    async with running(config) as relay:
        fired = fire(simulator, 3)
        await simulator.stop()
        fired += fire(simulator, 3)
        await relay.until("/readyz", lambda status, _: status == 503)
        assert (await relay.get("/healthz"))[0] == 200
        await simulator.start()
        await relay.ready()
        await inbox.wait_until(lambda: inbox.unique >= 6)
        await relay.until_drained()
    assert arrived(inbox) == once(fired)
