"""What a snooze covers, and when it is over."""

from __future__ import annotations

import pytest

from relay.clock import MICROS
from relay.errors import StoreBusyError
from relay.events import Channel, Event
from relay.judging.snoozes import LONGEST, MOST, Snoozes, TooManySnoozesError
from relay.outbox.memory import Snooze, SnoozeKind
from tests.support.clock import START_US, FakeClock
from tests.support.events import in_force
from tests.support.memory_outbox import Memory, MemoryOutbox

HOUR = 3600.0


class Bench:
    """Snoozes over a store in memory, which another run can take up."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.memory = MemoryOutbox(Memory(START_US)).memory
        self.snoozes = Snoozes(self.memory, self.clock)

    async def restarted(self) -> Snoozes:
        again = Snoozes(self.memory, self.clock)
        await again.load()
        return again


def a_break(*symbols: str) -> Event:
    return Event(Channel.BREAKS, id=1, symbols=symbols)


async def test_it_lasts_until_its_end_and_not_a_moment_longer() -> None:
    bench = Bench()
    begun = await bench.snoozes.begin(SnoozeKind.RULE, "calm", HOUR)
    assert begun == Snooze(SnoozeKind.RULE, "calm", START_US, START_US + 3600 * MICROS)
    bench.clock.jump(HOUR - 0.000001)
    assert (bench.snoozes.rule("calm"), bench.snoozes.active()) == (begun, [begun])
    bench.clock.jump(0.000001)
    assert (bench.snoozes.active(), bench.snoozes.rule("calm")) == ([], None)


async def test_a_rule_and_a_destination_of_one_name_are_two() -> None:
    bench = Bench()
    await bench.snoozes.begin(SnoozeKind.RULE, "swing", HOUR)
    assert bench.snoozes.destination("swing") is None
    await bench.snoozes.begin(SnoozeKind.DESTINATION, "swing", HOUR)
    assert await bench.snoozes.end(SnoozeKind.RULE, "swing")
    assert bench.snoozes.rule("swing") is None
    assert bench.snoozes.destination("swing") is not None


async def test_another_one_takes_its_place_be_it_shorter_or_longer() -> None:
    bench = Bench()
    for hours in (2, 1, 3):
        await bench.snoozes.begin(SnoozeKind.RULE, "calm", hours * HOUR)
        [only] = bench.snoozes.active()
        assert only.until_us == START_US + hours * 3600 * MICROS
    assert (await bench.restarted()).active() == [only]


async def test_the_next_run_knows_what_is_not_over_and_what_was_ended() -> None:
    bench = Bench()
    await bench.snoozes.begin(SnoozeKind.RULE, "short", 60)
    await bench.snoozes.begin(SnoozeKind.SYMBOL, "spy", HOUR)
    await bench.snoozes.begin(SnoozeKind.DESTINATION, "bot", HOUR)
    await bench.snoozes.end(SnoozeKind.DESTINATION, "bot")
    bench.clock.jump(61)
    again = await bench.restarted()
    assert [snooze.name for snooze in again.active()] == ["SPY"]
    assert again.rule("short") is None
    assert not await again.end(SnoozeKind.RULE, "short")


async def test_the_one_that_ends_first_is_told_first() -> None:
    bench = Bench()
    for name, seconds in (("c", 30), ("a", 90), ("b", 60)):
        await bench.snoozes.begin(SnoozeKind.RULE, name, seconds)
    assert [snooze.name for snooze in bench.snoozes.active()] == ["c", "b", "a"]


async def test_none_lasts_longer_than_a_year() -> None:
    begun = await Bench().snoozes.begin(SnoozeKind.RULE, "calm", float("inf"))
    assert begun.until_us - begun.since_us == LONGEST * MICROS


async def test_what_the_store_does_not_take_is_not_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(snooze: Snooze) -> None:
        raise StoreBusyError(f"{snooze.name}: the disk is full")

    bench = Bench()
    monkeypatch.setattr(bench.memory, "snooze", refuse)
    with pytest.raises(StoreBusyError):
        await bench.snoozes.begin(SnoozeKind.RULE, "calm", HOUR)
    assert bench.snoozes.rule("calm") is None


@pytest.mark.parametrize(
    ("snoozed", "event", "silent"),
    [
        ("AAPL", in_force(1, "AAPL"), True),
        ("aapl ", in_force(1, "AAPL"), True),
        ("AAPL", in_force(1, "aapl"), True),
        ("AAPL", in_force(1, "AAP"), False),
        ("AAPL", Event(Channel.QUOTES, symbol="AAPL"), True),
        ("AAPL", Event(Channel.STATES, symbol="SPY"), False),
        ("AAPL", Event(Channel.IN_FORCE, id=1), False),
        ("ES", in_force(1, "ES"), True),
        ("ES", in_force(1, "ES=F"), False),  # ES is a stock, too
        ("ES", a_break("ES1!"), True),
        ("ES1!", a_break("ES=F"), True),
        ("ES=F", a_break("es1!"), True),
        ("NQ", a_break("ES1!"), False),
        ("ES", a_break("ES1!", "NQ1!"), False),
        ("ES NQ", a_break("ES1!", "NQ1!"), True),
        ("ES NQ YM", a_break("ES1!", "NQ1!", "RTY1!"), False),
        ("ES", a_break(), False),
    ],
)
async def test_a_snoozed_symbol_silences_alerts_on_it_and_breaks_of_it_alone(
    snoozed: str, event: Event, *, silent: bool
) -> None:
    bench = Bench()
    for symbol in snoozed.split(" "):
        if symbol:
            await bench.snoozes.begin(SnoozeKind.SYMBOL, symbol, HOUR)
    assert (bench.snoozes.event(event) is not None) is silent


async def test_of_a_break_the_snooze_that_ends_first_is_told() -> None:
    bench = Bench()
    await bench.snoozes.begin(SnoozeKind.SYMBOL, "ES", 2 * HOUR)
    first = await bench.snoozes.begin(SnoozeKind.SYMBOL, "NQ=F", HOUR)
    assert bench.snoozes.event(a_break("ES1!", "NQ1!")) == first
    bench.clock.jump(HOUR)
    assert bench.snoozes.event(a_break("ES1!", "NQ1!")) is None


async def test_there_is_room_for_so_many_and_what_is_over_makes_room() -> None:
    bench = Bench()
    for number in range(MOST):
        await bench.snoozes.begin(SnoozeKind.SYMBOL, f"S{number}", 60 if number == 7 else HOUR)
    with pytest.raises(TooManySnoozesError) as refused:
        await bench.snoozes.begin(SnoozeKind.RULE, "calm", HOUR)
    assert refused.value.hint
    await bench.snoozes.begin(SnoozeKind.SYMBOL, "S3", 2 * HOUR)  # in place of its own
    await bench.clock.advance(61)
    await bench.snoozes.begin(SnoozeKind.RULE, "calm", HOUR)
    assert len(bench.snoozes.active()) == MOST
    with pytest.raises(TooManySnoozesError):
        await bench.snoozes.begin(SnoozeKind.SYMBOL, "S7", HOUR)
