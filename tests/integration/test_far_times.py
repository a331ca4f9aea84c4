"""Alerts that tell a time of another age: whatever is added to it, everybody can show it and nothing breaks down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay.deliveries import Delivery
from relay.destinations.body import body_of
from relay.intake import Intake
from relay.judging.judge import Judge
from relay.judging.marks import Marks
from relay.judging.plan import Plan, Terms
from relay.metrics import Metrics
from relay.outbox.sqlite import SqliteOutbox
from relay.rules.active import Active, Hours
from relay.rules.match import compile_rules
from relay.rules.rule import Rule
from tests.support.clock import FakeClock
from tests.support.events import in_force
from tests.support.judging import Awake

LATEST = "8999-12-31T23:59:59Z"
TEN_YEARS = 3_650 * 86_400.0


@pytest.fixture
async def outbox(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SqliteOutbox]:
    outbox = await SqliteOutbox.open(tmp_path / "relay.db", clock)
    yield outbox
    await outbox.close()


def an_intake(outbox: SqliteOutbox, clock: FakeClock, *rules: Rule) -> Intake:
    plan = Plan(compile_rules(rules), {name: Terms() for rule in rules for name in rule.to}, longest_cooldown=0.0)
    return Intake(
        outbox,
        Judge(plan, Marks(), Awake()),
        clock=clock,
        metrics=Metrics(),
        notify=lambda _names: None,
        on_deciding=lambda *_: None,
        on_overflow=lambda: None,
    )


async def waiting(outbox: SqliteOutbox, name: str) -> list[Delivery]:
    found, _ = await outbox.claim(name, after=0, limit=10)
    return found


@pytest.mark.parametrize("at", [LATEST, "9999-12-31T23:30:00Z", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Pacific/Pago_Pago"])
async def test_no_time_that_an_alert_tells_keeps_it_or_others_from_being_stored(
    outbox: SqliteOutbox, clock: FakeClock, at: str, zone: str
) -> None:
    nights = Active(zone, hours=(Hours(22 * 60, 2 * 60),))
    intake = an_intake(outbox, clock, Rule("awake", ("bot",), active=nights), Rule("always", ("chat",)))
    assert await intake.store([in_force(1, at=at), in_force(2, "MSFT")], []) == 2
    assert [delivery.event.id for delivery in await waiting(outbox, "chat")] == [1, 2]


@pytest.mark.parametrize("at", [LATEST, "9999-12-31T23:59:59Z"])
async def test_when_an_alert_of_another_age_expires_can_be_told(
    outbox: SqliteOutbox, clock: FakeClock, at: str
) -> None:
    intake = an_intake(outbox, clock, Rule("patient", ("bot",), max_age=TEN_YEARS))
    await intake.store([in_force(1, at=at)], [])
    (delivery,) = await waiting(outbox, "bot")
    now_us = clock.now_us()
    message = delivery.message(delivery.wanted_by(now_us), now_us=now_us, simulated=False)
    assert body_of(message).relay.expires_at is not None
