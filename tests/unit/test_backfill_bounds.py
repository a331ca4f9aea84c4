from __future__ import annotations

import pytest

from relay.backfill.asking import pause
from relay.backfill.bounds import OVERLAP_US, is_full, proof_floor, start_after, window_minutes
from relay.clock import MICROS
from relay.events import Channel, Event, Instant
from relay.outbox.channels import ChannelState, RoundEnd

MINUTE = 60 * MICROS
NOW = 1_000_000 * MINUTE


def rounds(*ends: tuple[int, float, float]) -> ChannelState:
    """Rounds as (position, minutes ago it began, minutes ago it was complete)."""
    return ChannelState(
        tuple(
            RoundEnd(Channel.IN_FORCE, position, NOW - round(began * MINUTE), NOW - round(complete * MINUTE))
            for position, began, complete in ends
        )
    )


@pytest.mark.parametrize(
    ("state", "start"),
    [
        pytest.param(ChannelState(), None, id="no round yet"),
        pytest.param(rounds((50, 1, 1)), None, id="only the baseline"),
        pytest.param(rounds((50, 600, 600)), None, id="nothing has looked below the baseline since"),
        pytest.param(rounds((50, 10, 10), (90, 5, 5)), 50, id="the newest position is not built upon"),
        pytest.param(rounds((50, 10, 10), (60, 6, 6), (90, 5, 5)), 50, id="two minutes before the newest round"),
        pytest.param(rounds((50, 10, 10), (60, 7, 7), (90, 5, 5)), 60, id="exactly two minutes before it"),
        pytest.param(rounds((50, 90, 90), (60, 70, 62), (90, 61, 5)), 50, id="a long round counts from its beginning"),
        pytest.param(rounds((0, 90, 90), (0, 70, 70), (90, 5, 5)), None, id="position 0 asks for everything"),
        pytest.param(rounds((50, -50, -50), (90, -60, -60)), None, id="a clock set back trusts nothing"),
    ],
)
def test_a_round_starts_from_a_position_that_a_later_round_has_looked_below(
    state: ChannelState, start: int | None
) -> None:
    assert start_after(state, NOW) == start


@pytest.mark.parametrize(
    ("minutes_ago", "window"),
    [(0, 1440), (719, 1440), (720, 1440), (720.5, 1441), (720.51, 1442), (10_000, 20_000), (-10_000, 1440)],
)
def test_the_window_is_a_day_or_twice_the_time_since_and_never_negative(minutes_ago: float, window: int) -> None:
    assert window_minutes(NOW, NOW - round(minutes_ago * MINUTE)) == window


@pytest.mark.parametrize(
    ("size", "limit", "largest", "full"),
    [
        (0, 200, 0, False),
        (0, 200, 50, False),
        (49, 200, 50, False),
        (50, 200, 50, True),
        (199, 200, 500, False),
        (200, 200, 500, True),
        (250, 200, 250, True),
        (1, 1, 7, True),
        (1, 200, 1, True),
    ],
)
def test_a_page_is_full_at_the_limit_or_at_the_largest_answer_seen(
    size: int, limit: int, largest: int, *, full: bool
) -> None:
    assert is_full(size, limit=limit, largest=largest) is full


@pytest.mark.parametrize(
    ("wait", "asked", "seconds"), [(2, None, 2), (2, 1, 2), (2, 7.5, 7.5), (30, 300, 300), (1, 86_400, 300)]
)
def test_the_server_may_ask_for_a_longer_pause_within_reason(wait: float, asked: float | None, seconds: float) -> None:
    assert pause(wait, asked) == seconds


def _alert(number: int | None, at_us: int | None, precision_us: int = 1) -> Event:
    return Event(Channel.IN_FORCE, number, triggered_at=None if at_us is None else Instant(at_us, precision_us))


@pytest.mark.parametrize(
    ("events", "floor"),
    [
        pytest.param([], 0, id="nothing"),
        pytest.param([_alert(7, NOW - OVERLAP_US - 1)], 7, id="two minutes before, to the microsecond"),
        pytest.param([_alert(7, NOW - OVERLAP_US)], 0, id="less than two minutes before"),
        pytest.param([_alert(7, NOW - OVERLAP_US - MICROS, MICROS)], 7, id="the whole second is two minutes before"),
        pytest.param([_alert(7, NOW - OVERLAP_US - 1, MICROS)], 0, id="told by the second, it may be later"),
        pytest.param([_alert(7, 0), _alert(9, 1), _alert(8, 0)], 9, id="the greatest"),
        pytest.param([_alert(None, 0), _alert(9, None)], 0, id="without id or time"),
        pytest.param([_alert(7, 0), _alert(9, NOW)], 7, id="late ones do not count"),
    ],
)
def test_the_proof_goes_down_to_the_greatest_id_of_two_minutes_ago(events: list[Event], floor: int) -> None:
    assert proof_floor(events, NOW) == floor
