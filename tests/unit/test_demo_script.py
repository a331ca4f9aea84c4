"""What a demo consists of: its config, its faults, the relay's surroundings and its status."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.config.load import loads
from relay.demo.daemon import own_environment
from relay.demo.faults import Fault, timetable
from relay.demo.scenario import CHANNELS, DESTINATIONS, FAILING, TIMED, signing_secret
from relay.demo.status import RelayStatus, status_of
from relay.destinations.config import ChatConfig
from relay.document.addresses import signing_key
from relay.secret import Secret
from tests.support.demo import demo_config


def test_the_config_is_one_that_the_relay_takes() -> None:
    config = loads(demo_config(), path=Path("config.yaml"), env={})
    assert tuple(config.destinations) == DESTINATIONS
    assert {name for name, to in config.destinations.items() if isinstance(to, ChatConfig)} == set(CHANNELS)
    assert {TIMED, FAILING} < set(DESTINATIONS) - set(CHANNELS)
    assert len({TIMED, FAILING}) == 2
    assert {name for rule in config.rules for name in rule.to} == set(DESTINATIONS)


def test_the_signing_secret_is_32_bytes() -> None:
    assert len(signing_key(Secret(signing_secret(random.SystemRandom())))) == 32


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (30.0, [(6.0, Fault.DROP), (12.0, Fault.SWALLOW), (18.0, Fault.OUTAGE), (24.0, Fault.REFUSE)]),
        (1.0, [(0.3, Fault.DROP)]),
        (5.0, [(1.5, Fault.DROP), (4.0, Fault.SWALLOW)]),
    ],
)
def test_a_short_demo_has_a_drop_and_lost_frames_a_longer_one_all_faults(
    seconds: float, expected: list[tuple[float, Fault]]
) -> None:
    assert list(timetable(seconds)) == expected


@given(st.floats(0.1, 3600))
def test_every_demo_has_a_drop_and_a_quiet_end(seconds: float) -> None:
    table = list(timetable(seconds))
    assert table[0][1] is Fault.DROP
    assert all(at < 0.85 * seconds for at, _ in table)


def test_without_an_end_troubles_come_for_ever_in_turn() -> None:
    assert [kind for _, kind in islice(timetable(None), 9)] == [*Fault, *Fault, Fault.DROP]


def test_the_relay_gets_nothing_that_was_meant_for_another() -> None:
    env = {"PATH": "/bin", "RELAY_CONFIG": "real.yaml", "STATE_DIRECTORY": "/var", "NOTIFY_SOCKET": "@x"}
    assert own_environment(env) == {"PATH": "/bin"}


STATUS = b"""{"connection": {"state": "waiting", "detail": "down", "reconnects": 2, "since": null},
 "destinations": [{"name": "daily", "state": "idle", "counts": {}}], "more": 1}"""
METRICS = "# TYPE relay_events_duplicate_total counter\nrelay_events_duplicate_total 12.0\nrelay_queue_depth 3\n"


def test_the_status_is_read_from_what_the_relay_serves() -> None:
    assert status_of(STATUS, METRICS) == RelayStatus("waiting", "down", 2, {"daily": "idle"}, 12)


def test_an_answer_that_is_no_status_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        status_of(b"<html>", METRICS)
