"""An event's instant and identity: what is one moment, and what is one alert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.deliveries import webhook_id
from relay.events import Channel, Event, Instant, same_alert, symbol_root

_UNHURRIED = settings(deadline=None)  # the machine may be busy; time is not what is tested
_NOON_US = 1_775_822_400 * MICROS  # 2026-04-10T12:00:00Z


@pytest.mark.parametrize(
    ("value", "us", "precision_us"),
    [
        ("2026-04-10T12:00:00Z", _NOON_US, MICROS),
        ("2026-04-10T12:00:00z", _NOON_US, MICROS),
        ("2026-04-10t12:00:00Z", _NOON_US, MICROS),
        ("2026-04-10 12:00:00+00:00", _NOON_US, MICROS),
        (" 2026-04-10T12:00:00Z\n", _NOON_US, MICROS),
        ("2026-04-10T12:00:00", _NOON_US, MICROS),
        ("2026-04-10T08:00:00-04:00", _NOON_US, MICROS),
        ("2026-04-10T17:30:00+0530", _NOON_US, MICROS),
        ("2026-04-10T14:00:00+02", _NOON_US, MICROS),
        ("2026-04-10T12:00Z", _NOON_US, 60 * MICROS),
        ("2026-04-10T12:00:00.123456+00:00", _NOON_US + 123_456, 1),
        ("2026-04-10T12:00:00.123Z", _NOON_US + 123_000, 1_000),
        ("2026-04-10T12:00:00,5Z", _NOON_US + 500_000, 100_000),
        ("2026-04-10T12:00:00.123456789Z", _NOON_US + 123_456, 1),
        ("1970-01-01T00:00:00.5Z", 500_000, 100_000),
        ("8999-12-31T23:59:59Z", 221_845_391_999 * MICROS, MICROS),
        (221_845_391_999_999_000, 221_845_391_999_999_000, 1),
        ("1775822400", _NOON_US, MICROS),
        ("1775822400.25", _NOON_US + 250_000, 1),
        (" 1775822400123 ", _NOON_US + 123_000, 1_000),
        (1_775_822_400, _NOON_US, MICROS),
        (1_775_822_400.0, _NOON_US, MICROS),
        (1_775_822_400.25, _NOON_US + 250_000, 1),
        (1_775_822_400_123, _NOON_US + 123_000, 1_000),
        (1_775_822_400_123_456, _NOON_US + 123_456, 1),
    ],
)
def test_an_instant_is_read_with_the_precision_it_was_told_in(value: object, us: int, precision_us: int) -> None:
    assert Instant.parse(value) == Instant(us, precision_us)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        "",
        "soon",
        "2026-04-10",
        "2026-13-10T12:00:00Z",
        "2026-04-31T12:00:00Z",
        "2026-04-10T25:00:00Z",
        "2026-04-10T12:00:00-99:00",
        "1969-12-31T23:59:59.5Z",
        "1970-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "8999-12-31T23:59:59-14:00",
        "9000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        221_845_392_000_000_000,
        "17758224e2",
        "2026-04-10T12:00:00Z trailing",
        "٢٠٢٦-04-10T12:00:00Z",
        0,
        1234,
        99_999_999,
        "1234",
        -1,
        float("nan"),
        float("inf"),
        10**30,
        [],
        {},
        b"2026-04-10T12:00:00Z",
    ],
)
def test_what_is_no_instant_is_none(value: object) -> None:
    assert Instant.parse(value) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-04-10T12:00:00Z", "2026-04-10T12:00:00Z"),
        ("2026-04-10T08:00:00-04:00", "2026-04-10T12:00:00Z"),
        ("2026-04-10T12:00:00.120Z", "2026-04-10T12:00:00.120Z"),
        ("2026-04-10T12:00:00.000001Z", "2026-04-10T12:00:00.000001Z"),
        ("2026-04-10T12:00:00.5Z", "2026-04-10T12:00:00.5Z"),
        ("2026-04-10T12:00Z", "2026-04-10T12:00Z"),
        ("1970-01-01T00:00:00.5Z", "1970-01-01T00:00:00.5Z"),
    ],
)
def test_an_instant_is_shown_in_utc_with_the_digits_it_was_told_with(text: str, shown: str) -> None:
    instant = Instant.parse(text)
    assert instant is not None
    assert instant.isoformat() == shown


_MOMENTS = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001  because the strategy adds the zone
    max_value=datetime(8999, 12, 30),  # noqa: DTZ001  because the strategy adds the zone
    timezones=st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


@_UNHURRIED
@given(moment=_MOMENTS, timespec=st.sampled_from(("minutes", "seconds", "milliseconds", "microseconds")))
def test_every_iso_moment_is_read_and_shown_without_loss(moment: datetime, timespec: str) -> None:
    text = moment.isoformat(timespec=timespec)
    instant = Instant.parse(text)
    assert instant is not None
    assert instant.us == (datetime.fromisoformat(text) - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
    assert Instant.parse(instant.isoformat()) == instant


@_UNHURRIED
@given(st.text() | st.floats() | st.integers() | st.none() | st.booleans())
def test_anything_at_all_is_an_instant_or_none(value: object) -> None:
    assert isinstance(Instant.parse(value), Instant | None)


_INSTANTS = st.builds(
    Instant,
    st.integers(_NOON_US - 2 * MICROS, _NOON_US + 2 * MICROS),
    st.sampled_from((1, 1_000, MICROS, 60 * MICROS)),
)


@_UNHURRIED
@given(one=_INSTANTS, other=_INSTANTS)
def test_being_the_same_moment_is_symmetric_and_goes_by_the_coarser_telling(one: Instant, other: Instant) -> None:
    step = max(one.precision_us, other.precision_us)
    assert one.same_as(other) is other.same_as(one)
    assert one.same_as(other) is (one.us // step == other.us // step)
    assert one.same_as(one)


ALERT = Event(
    Channel.IN_FORCE,
    id=98421,
    symbol="AAPL",
    timeframe="D",
    direction="bullish",
    shape="1-2U",
    price=214.32,
    triggered_at=Instant(_NOON_US, MICROS),
)
BREAK = Event(
    Channel.BREAKS,
    id=4112,
    timeframe="D",
    direction="bullish",
    threshold=3,
    symbols=("ES1!", "NQ1!", "YM1!"),
    triggered_at=Instant(_NOON_US, MICROS),
)


def _but(event: Event, **changes: Any) -> Event:
    return msgspec.structs.replace(event, **changes)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        # Two ids decide alone.
        (ALERT, ALERT, True),
        (ALERT, _but(ALERT, id=98422), False),
        (ALERT, _but(ALERT, symbol="SPY", triggered_at=None), True),
        (BREAK, _but(BREAK, id=4113), False),
        # Without one, the natural fields do.
        (ALERT, _but(ALERT, id=None), True),
        (_but(ALERT, id=None), _but(ALERT, id=None), True),
        (ALERT, _but(ALERT, id=None, symbol="SPY"), False),
        (ALERT, _but(ALERT, id=None, timeframe="W"), False),
        (ALERT, _but(ALERT, id=None, direction="bearish"), False),
        (ALERT, _but(ALERT, id=None, shape="2-2U"), False),
        (ALERT, _but(ALERT, id=None, price=1.0, cc="3", continuation=True, data=b'{"x":1}'), True),
        # A field missing on one side matches anything.
        (ALERT, _but(ALERT, id=None, symbol=None), True),
        (ALERT, _but(ALERT, id=None, shape=None, timeframe=None, direction=None), True),
        (ALERT, _but(ALERT, id=None, triggered_at=None), True),
        (ALERT, Event(Channel.IN_FORCE), True),
        # Times at the coarser precision.
        (ALERT, _but(ALERT, id=None, triggered_at=Instant(_NOON_US + 123_456, 1)), True),
        (ALERT, _but(ALERT, id=None, triggered_at=Instant(_NOON_US + 999_000, 1_000)), True),
        (ALERT, _but(ALERT, id=None, triggered_at=Instant(_NOON_US + MICROS, 1)), False),
        (ALERT, _but(ALERT, id=None, triggered_at=Instant(_NOON_US - 1, 1)), False),
        (ALERT, _but(ALERT, id=None, triggered_at=Instant(_NOON_US + MICROS, MICROS)), False),
        (
            _but(ALERT, id=None, triggered_at=Instant(_NOON_US + 1, 1)),
            _but(ALERT, triggered_at=Instant(_NOON_US, 1)),
            False,
        ),
        # Breaks go by their own fields, in either spelling of a future.
        (BREAK, _but(BREAK, id=None), True),
        (BREAK, _but(BREAK, id=None, symbols=("ES=F", "NQ=F", "YM=F")), True),
        (BREAK, _but(BREAK, id=None, symbols=("YM", "ES", "NQ")), True),
        (BREAK, _but(BREAK, id=None, symbols=("ES1!", "NQ1!", "RTY1!")), False),
        (BREAK, _but(BREAK, id=None, symbols=("ES1!", "NQ1!")), False),
        (BREAK, _but(BREAK, id=None, symbols=()), True),
        (BREAK, _but(BREAK, id=None, threshold=4), False),
        (BREAK, _but(BREAK, id=None, threshold=None), True),
        # Channels never mix.
        (ALERT, _but(ALERT, channel=Channel.BREAKS), False),
    ],
)
def test_two_sightings_of_one_alert_are_told_from_two_alerts(one: Event, other: Event, same: bool) -> None:
    assert same_alert(one, other) is same
    assert same_alert(other, one) is same


_SIGHTINGS = st.builds(
    Event,
    channel=st.sampled_from((Channel.IN_FORCE, Channel.BREAKS)),
    id=st.none() | st.integers(1, 3),
    symbol=st.sampled_from((None, "AAPL", "SPY")),
    symbols=st.sampled_from(((), ("ES1!", "NQ1!"), ("ES=F", "NQ=F"), ("ES1!", "YM1!"))),
    timeframe=st.sampled_from((None, "D", "W")),
    direction=st.sampled_from((None, "bullish", "bearish")),
    shape=st.sampled_from((None, "1-2U", "3")),
    threshold=st.sampled_from((None, 2, 3)),
    triggered_at=st.none() | _INSTANTS,
)


@_UNHURRIED
@given(one=_SIGHTINGS, other=_SIGHTINGS)
def test_being_the_same_alert_is_symmetric(one: Event, other: Event) -> None:
    assert same_alert(one, one)
    assert same_alert(one, other) is same_alert(other, one)


@_UNHURRIED
@given(
    event=_SIGHTINGS, missing=st.sets(st.sampled_from(("symbol", "timeframe", "shape", "threshold", "triggered_at")))
)
def test_losing_fields_and_id_keeps_an_alert_the_same(event: Event, missing: set[str]) -> None:
    assert same_alert(event, _but(event, id=None, **dict.fromkeys(missing)))


@_UNHURRIED
@given(event=_SIGHTINGS, precision_us=st.sampled_from((1_000, MICROS, 60 * MICROS)))
def test_telling_the_time_less_finely_keeps_an_alert_the_same(event: Event, precision_us: int) -> None:
    if event.triggered_at is None or event.triggered_at.precision_us > precision_us:
        return
    told = Instant(event.triggered_at.us // precision_us * precision_us, precision_us)
    assert same_alert(event, _but(event, id=None, triggered_at=told))


@pytest.mark.parametrize(
    ("event", "key"),
    [
        (ALERT, "alerts.in_force:98421"),
        (_but(ALERT, id=None), "alerts.in_force:AAPL|D|bullish|1-2U|2026-04-10T12:00:00Z"),
        (_but(ALERT, id=0), "alerts.in_force:0"),
        (BREAK, "alerts.simultaneous_breaks:4112"),
        (_but(BREAK, id=None), "alerts.simultaneous_breaks:D|bullish|3|ES1!+NQ1!+YM1!|2026-04-10T12:00:00Z"),
        (Event(Channel.IN_FORCE), "alerts.in_force:?|?|?|?|?"),
        (Event(Channel.BREAKS), "alerts.simultaneous_breaks:?|?|?|?|?"),
    ],
)
def test_a_key_is_the_channel_and_the_id_or_else_the_natural_fields(event: Event, key: str) -> None:
    assert event.key() == key


@pytest.mark.parametrize(
    ("symbol", "root"),
    [("ES1!", "ES"), ("ES=F", "ES"), ("ES", "ES"), ("AAPL", "AAPL"), ("BTC-USD", "BTC-USD"), ("", "")],
)
def test_a_future_has_a_root_without_its_contract(symbol: str, root: str) -> None:
    assert symbol_root(symbol) == root


@_UNHURRIED
@given(key=st.text(), destination=st.text())
def test_a_webhook_id_is_stable_and_has_no_dot(key: str, destination: str) -> None:
    made = webhook_id(key, destination)
    assert made == webhook_id(key, destination)
    assert "." not in made
    assert made != webhook_id(f"{key}x", destination)
    assert made != webhook_id(key, f"{destination}x")


def test_alerts_are_ordered_by_symbol_and_breaks_among_themselves() -> None:
    assert ALERT.ordering_key == "AAPL"
    assert BREAK.ordering_key == "breaks"
    assert Event(Channel.IN_FORCE).ordering_key == ""
