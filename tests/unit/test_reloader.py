"""A reload: built whole before it is swapped in, or nothing changes."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay import reload
from relay.config.load import load
from relay.config.model import Config
from relay.delivery.dispatcher import Dispatcher
from relay.delivery.lane import Lane
from relay.delivery.settings import LaneSettings
from relay.destinations.kinds import AnyConfig
from relay.document.faults import InvalidConfigError
from relay.errors import ConfigError, RelayError, StoreBusyError
from relay.metrics import Metrics
from relay.redaction import MASK, redact
from relay.reload import MOST_READING, Parts, Reloader
from relay.systemd import Notifier
from tests.support.clock import START_US, FakeClock, settle
from tests.support.config_text import config_text
from tests.support.lane import Receiver
from tests.support.memory_outbox import Memory, MemoryOutbox
from tests.support.waiting import until

BOT = "bot: {type: webhook, url: 'http://127.0.0.1/x'}"
SWING = "swing: {type: webhook, url: 'http://127.0.0.1/y'}"
BAD = config_text("more", "lgo: {}\nlog: {level: loud}")


class Told(Notifier):
    """Keeps what the service manager would hear."""

    def __init__(self) -> None:
        super().__init__({})
        self.heard: list[str] = []

    def _send(self, message: str) -> None:
        self.heard.append(message)


class Scene:
    """A relay's worth of parts around a config file."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "config.yaml"
        self.write("more", "")
        self.clock, self.metrics, self.notifier = FakeClock(), Metrics(), Told()
        self.outbox = MemoryOutbox(Memory(START_US))
        self.did: list[str] = []
        self.built: list[str] = []
        self.troubles: list[Exception] = []
        self.swapped: list[Config] = []
        self.forbidden: ConfigError | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.began = 0
        config = load(self.file, env={})
        self.dispatcher = Dispatcher([self.lane("bot", config.destinations["bot"])])
        parts = Parts(self.dispatcher, self.check, self.lane, self.prepare, self.resubscribe)
        self.reloader = Reloader(config, parts, env={}, clock=self.clock, metrics=self.metrics, notifier=self.notifier)

    def write(self, where: str, text: str) -> None:
        self.file.write_text(config_text(where, text))

    def lane(self, name: str, _config: AnyConfig) -> Lane:
        self.built.append(name)
        receiver = Receiver(self.clock, name=name)
        rng = random.Random(7)
        return Lane(receiver, self.outbox, LaneSettings(), clock=self.clock, rng=rng, metrics=self.metrics)

    def check(self, _config: Config) -> None:
        if self.forbidden is not None:
            raise self.forbidden

    def prepare(self, config: Config) -> Callable[[], None]:
        self.began += 1
        assert self.gate.wait(5)
        assert threading.current_thread() is not threading.main_thread()
        self.did.append("prepare")

        def swap() -> None:
            self.did.append("swap")
            self.swapped.append(config)

        return swap

    async def resubscribe(self) -> None:
        self.did.append("resubscribe")
        if self.troubles:
            raise self.troubles.pop(0)

    def succeeded(self) -> float | None:
        return self.metrics.registry.get_sample_value("relay_config_last_reload_success")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path)
    running = asyncio.create_task(made.dispatcher.run())
    yield made
    made.dispatcher.stop()
    await running


async def test_rules_are_swapped_before_subscriptions_are_sent(scene: Scene) -> None:
    scene.write("rules", "rules: [{name: a, to: bot}, {name: m, channel: alerts.simultaneous_breaks, to: bot}]")
    found = await scene.reloader.reload()
    await settle()
    assert scene.did == ["prepare", "swap", "resubscribe"]
    assert [rule.name for rule in found.rules.added] == ["m"]
    assert found.subscriptions.added == {"alerts.simultaneous_breaks": ()}
    assert [rule.name for rule in scene.swapped[0].rules] == ["a", "m"]
    assert [rule.name for rule in scene.reloader.status.outline.rules] == ["a", "m"]


async def test_a_subscription_that_could_not_be_changed_is_told_and_tried_again_until_it_is(scene: Scene) -> None:
    scene.troubles = [StoreBusyError("disk I/O error"), StoreBusyError("disk I/O error")]
    with capture_logs() as said:
        await scene.reloader.reload()
        await settle()
        assert scene.did.count("resubscribe") == 1
        await scene.clock.advance(1)
        assert scene.did.count("resubscribe") == 2
        await scene.clock.advance(100)
    assert scene.did.count("resubscribe") == 3
    told = [line for line in said if line["event"] == "subscriptions not changed yet, trying again"]
    assert [(line["log_level"], line["error"], line["retry_in"]) for line in told] == [
        ("error", "disk I/O error", 1.0),
        ("error", "disk I/O error", 2.0),
    ]


async def test_a_later_reload_does_not_wait_for_the_subscriptions_of_the_former(scene: Scene) -> None:
    scene.troubles = [StoreBusyError("disk I/O error")]
    with capture_logs():
        await scene.reloader.reload()
        await settle()
        await scene.reloader.reload()
        await settle()
    assert scene.did.count("resubscribe") == 2
    await scene.clock.advance(100)  # the former has nothing left to do
    assert scene.did.count("resubscribe") == 2


async def test_a_relay_that_stops_changes_no_subscription_any_more(scene: Scene) -> None:
    scene.troubles = [StoreBusyError("disk I/O error")]
    with capture_logs():
        await scene.reloader.reload()
        await settle()
    scene.reloader.stop()
    await scene.clock.advance(100)
    assert scene.did.count("resubscribe") == 1


async def read_by_somebody(pipe: Path) -> int:
    """Wait until somebody reads a pipe, and never answer; a descriptor that ends that when it is closed."""
    async with asyncio.timeout(5):
        while True:
            with suppress(OSError):  # nobody has opened it for reading yet
                return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            await asyncio.sleep(0)


async def test_a_file_that_never_answers_is_told_and_keeps_no_later_reload_from_running(
    scene: Scene, tmp_path: Path
) -> None:
    hangs = tmp_path / "watchlist.txt"
    os.mkfifo(hangs)  # as a network drive that hangs: nobody writes into it
    scene.write("rules", "rules: [{name: mine, to: bot, symbol_file: watchlist.txt}]")
    with capture_logs() as said:
        first = asyncio.create_task(scene.reloader.reload())
        pipe = await read_by_somebody(hangs)
        second = asyncio.create_task(scene.reloader.reload())
        await scene.clock.advance(29)
        assert not first.done()
        scene.write("rules", "rules: [{name: other, to: bot}]")
        await scene.clock.advance(1)
        with pytest.raises(ConfigError, match=r"took longer than 30 s"):
            await first
        assert [rule.name for rule in (await second).rules.added] == ["other"]
    assert [line["event"] for line in said if line["log_level"] == "error"] == [
        "config not reloaded, and nothing changed"
    ]
    os.close(pipe)  # so that the thread that hangs comes to an end


def _reads(begun: list[threading.Thread], count: int) -> bool:
    return len(begun) == count


async def test_reads_that_never_come_back_do_not_pile_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    begun: list[threading.Thread] = []

    def hanging(path: Path, *, env: Mapping[str, str]) -> Config:
        begun.append(threading.current_thread())
        assert answers.wait(10)
        return load(path, env=env)

    monkeypatch.setattr(reload, "load", hanging)
    for number in range(MOST_READING + 3):
        asked = asyncio.create_task(scene.reloader.reload())
        await until(partial(_reads, begun, min(number + 1, MOST_READING)))
        await scene.clock.advance(31)
        with pytest.raises(ConfigError, match=r"longer than 30 s" if number < MOST_READING else r"have not come back"):
            await asked
    assert len(begun) == MOST_READING
    answers.set()
    for thread in begun:
        await asyncio.to_thread(thread.join, 10)
    await scene.reloader.reload()  # they came back


async def test_only_lanes_of_changed_destinations_are_made_anew(scene: Scene) -> None:
    kept = scene.dispatcher.lanes["bot"]
    scene.write("destinations", f"destinations: {{{BOT}, {SWING}}}")
    await scene.reloader.reload()
    swing = scene.dispatcher.lanes["swing"]
    assert scene.dispatcher.lanes["bot"] is kept
    scene.write("destinations", f"destinations: {{{BOT.replace('}', ', timeout: 3s}')}, {SWING}}}")
    await scene.reloader.reload()
    assert scene.dispatcher.lanes["bot"] is not kept
    assert scene.dispatcher.lanes["swing"] is swing
    assert scene.built == ["bot", "swing", "bot"]


@pytest.mark.parametrize("drain", [False, True])
async def test_a_removed_destination_keeps_its_queue_or_sends_it_by_choice(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, *, drain: bool
) -> None:
    chosen: list[object] = []
    monkeypatch.setattr(scene.dispatcher, "change", lambda lanes, drain: chosen.append((list(lanes), list(drain))))
    scene.file.write_text(config_text("more", "").replace("bot", "other"))
    found = await scene.reloader.reload(drain=drain)
    assert chosen == [(["other"], ["bot"] if drain else [])]
    assert found.destinations.removed == ("bot",)
    assert scene.reloader.types == {"bot": "webhook", "other": "webhook"}


async def test_a_bad_file_changes_nothing_and_each_fault_is_told(scene: Scene) -> None:
    before = scene.reloader.config
    scene.file.write_text(BAD)
    with capture_logs() as said, pytest.raises(InvalidConfigError):
        await scene.reloader.reload()
    assert scene.reloader.config is before
    assert (scene.did, scene.built, scene.succeeded()) == ([], ["bot"], 0)
    [line] = said
    assert [fault.split(": ")[1] for fault in line["faults"]] == ["lgo", "log.level"]
    assert scene.reloader.status.fault.startswith("2 faults in ")
    scene.write("more", "")
    assert not await scene.reloader.reload()
    assert (scene.succeeded(), scene.reloader.status.fault) == (1, "")


async def test_a_file_that_is_gone_changes_nothing(scene: Scene) -> None:
    scene.file.unlink()
    with pytest.raises(InvalidConfigError, match="can't be read"):
        await scene.reloader.reload()
    assert (scene.did, scene.succeeded()) == ([], 0)


async def test_what_must_not_run_here_changes_nothing(scene: Scene) -> None:
    scene.forbidden = ConfigError("these destinations are real: bot")
    with pytest.raises(ConfigError):
        await scene.reloader.reload()
    assert (scene.did, scene.succeeded()) == ([], 0)


async def test_what_breaks_down_while_it_is_built_changes_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene, "gate", None)
    with capture_logs(), pytest.raises(AttributeError):
        await scene.reloader.reload()
    assert (scene.swapped, scene.succeeded()) == ([], 0)
    assert scene.reloader.status.fault == "the relay failed to load it: AttributeError"


async def test_what_needs_a_restart_is_told_by_every_reload_until_then(scene: Scene) -> None:
    scene.write("more", "backfill: {every: 90s}\nshutdown_grace: 1s")
    first = await scene.reloader.reload()
    assert {change.key for change in first.settings} == {"backfill.every", "shutdown_grace"}
    again = await scene.reloader.reload()
    assert [change.key for change in again.settings] == ["backfill.every"]
    assert scene.reloader.status.restart == ("backfill.every",)
    assert (scene.reloader.config.backfill.every, scene.reloader.config.shutdown_grace) == (300.0, 1.0)
    scene.write("more", "shutdown_grace: 1s")
    assert not await scene.reloader.reload()
    assert not scene.reloader.status.restart


async def test_secrets_of_the_new_config_are_kept_out_of_logs(scene: Scene) -> None:
    scene.write("destinations", f"destinations: {{{BOT.replace('/x', '/an-address-nobody-may-see')}}}")
    await scene.reloader.reload()
    assert redact("http://127.0.0.1/an-address-nobody-may-see") == MASK


async def test_the_service_manager_hears_when_it_begins_and_ends_well_or_not(scene: Scene) -> None:
    await scene.reloader.reload()
    scene.file.write_text(BAD)
    with pytest.raises(InvalidConfigError):
        await scene.reloader.reload()
    assert scene.notifier.heard == ["RELOADING=1\nMONOTONIC_USEC=1000000000", "READY=1"] * 2


async def test_one_reload_at_a_time_and_whoever_asks_meanwhile_gets_one_of_their_own(scene: Scene) -> None:
    scene.gate.clear()
    first = asyncio.create_task(scene.reloader.reload())
    second = asyncio.create_task(scene.reloader.reload())
    async with asyncio.timeout(5):
        while scene.began == 0:  # noqa: ASYNC110  because a thread brings it about
            await asyncio.sleep(0)
    scene.write("rules", "rules: [{name: other, to: bot}]")
    scene.gate.set()
    assert not await first
    assert [rule.name for rule in (await second).rules.added] == ["other"]
    assert scene.began == 2


async def test_signals_that_come_together_are_served_by_one_reload(scene: Scene) -> None:
    for _ in range(5):
        scene.reloader.ask()
    await scene.reloader.reload()
    assert scene.began == 2


async def test_a_signal_and_a_bad_file_are_harmless(scene: Scene) -> None:
    scene.file.write_text(BAD)
    scene.reloader.ask()
    with pytest.raises(InvalidConfigError):
        await scene.reloader.reload()
    assert scene.succeeded() == 0


async def test_a_reload_goes_on_when_its_caller_is_gone(scene: Scene) -> None:
    scene.gate.clear()
    scene.write("rules", "rules: [{name: other, to: bot}]")
    caller = asyncio.create_task(scene.reloader.reload())
    await settle()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    scene.gate.set()
    assert not await scene.reloader.reload()
    assert [config.rules[0].name for config in scene.swapped] == ["other", "other"]


async def test_a_relay_that_stops_reloads_no_more(scene: Scene) -> None:
    scene.reloader.stop()
    scene.reloader.ask()
    with pytest.raises(RelayError, match="stopping"):
        await scene.reloader.reload()
    assert (scene.did, scene.notifier.heard) == ([], [])
