from __future__ import annotations

import msgspec
import pytest

from relay.backfill.parts import Part, Seen, split
from relay.events import Channel
from tests.support.backfill import alert, some_break
from tests.support.events import in_force


def seen(*timeframes: str | None, direction: str | None = "bullish", cc: str | None = "2U") -> Seen:
    values = Seen()
    values.add(alert(1, timeframe=timeframe, direction=direction, cc=cc) for timeframe in timeframes)
    return values


D_BULL = Part((("timeframe", "D"), ("direction", "bullish")))
D_BULL_2U = D_BULL.narrowed(cc="2U")


def test_everything_splits_by_timeframe_and_direction() -> None:
    parts = split(Part(), Channel.IN_FORCE, seen("D"), ())
    assert parts is not None
    assert parts.whole
    assert len(set(parts.parts)) == 20
    assert parts.parts[0].query == {"timeframe": "15", "direction": "bullish"}


def test_a_timeframe_beyond_the_closed_set_gets_its_own_parts() -> None:
    parts = split(Part(), Channel.BREAKS, seen("D", "8H"), ())
    assert parts is not None
    assert parts.whole
    assert {part.value("timeframe") for part in parts.parts} > {"8H", "D"}
    assert len(parts.parts) == 22


def test_a_split_over_a_field_that_an_alert_lacks_is_not_whole() -> None:
    for values in (seen(None), seen("D", direction=None)):
        parts = split(Part(), Channel.IN_FORCE, values, ())
        assert parts is not None
        assert not parts.whole
    parts = split(D_BULL, Channel.IN_FORCE, seen("D", cc=None), ())
    assert parts is not None
    assert not parts.whole


def test_in_force_alerts_split_by_candle_with_unknown_ones_added() -> None:
    parts = split(D_BULL, Channel.IN_FORCE, seen("D", cc="2X"), ())
    assert parts is not None
    assert parts.whole
    assert [part.value("cc") for part in parts.parts] == ["1", "2U", "2D", "3", "2X"]


def test_candles_split_over_known_symbols_250_a_call_which_is_never_the_whole() -> None:
    symbols = [f"S{number:03}" for number in range(600)]
    parts = split(D_BULL_2U, Channel.IN_FORCE, seen("D"), [*symbols, *symbols, "*-USD", "A,B", ""])
    assert parts is not None
    assert parts.whole is False
    asked = [(part.value("symbols") or "").split(",") for part in parts.parts]
    assert [len(chunk) for chunk in asked] == [250, 250, 100]
    assert [symbol for chunk in asked for symbol in chunk] == symbols


def test_symbols_are_halved_down_to_one_which_is_the_end() -> None:
    parts = split(D_BULL_2U.narrowed(symbols="A,B,C"), Channel.IN_FORCE, seen("D"), ())
    assert parts is not None
    assert parts.whole
    assert [part.value("symbols") for part in parts.parts] == ["A", "B,C"]
    parts = split(D_BULL_2U.narrowed(symbols="A,B,C,D"), Channel.IN_FORCE, seen("D"), ())
    assert parts is not None
    assert [part.value("symbols") for part in parts.parts] == ["A,B", "C,D"]
    assert split(D_BULL_2U.narrowed(symbols="A"), Channel.IN_FORCE, seen("D"), ()) is None


def test_breaks_split_by_threshold_and_no_further() -> None:
    values = Seen()
    values.add([some_break(1)])
    parts = split(D_BULL, Channel.BREAKS, values, ["ES1!"])
    assert parts is not None
    assert parts.whole
    assert [part.value("threshold") for part in parts.parts] == ["2", "3", "4"]
    assert split(parts.parts[0], Channel.BREAKS, values, ["ES1!"]) is None


def test_breaks_that_tell_no_threshold_make_a_split_by_it_no_proof() -> None:
    values = Seen()
    values.add([some_break(1), msgspec.structs.replace(some_break(2), threshold=None)])
    parts = split(D_BULL, Channel.BREAKS, values, ())
    assert parts is not None
    assert not parts.whole
    assert [part.value("threshold") for part in parts.parts] == ["2", "3", "4"]


def test_a_part_says_itself_in_words() -> None:
    assert str(Part()) == "everything"
    assert str(D_BULL_2U) == "timeframe=D direction=bullish cc=2U"


@pytest.mark.parametrize(
    ("filters", "holds"),
    [
        ((), True),
        ((("timeframe", "D"), ("direction", "bullish")), True),
        ((("timeframe", "W"),), False),
        ((("direction", "bearish"),), False),
        ((("cc", "2U"),), True),
        ((("cc", "3"),), False),
        ((("symbols", "AAPL,MSFT"),), True),
        ((("symbols", "MSFT"),), False),
    ],
)
def test_an_alert_that_contradicts_the_filters_shows_that_the_server_heeds_none(
    filters: tuple[tuple[str, str], ...], *, holds: bool
) -> None:
    assert Part(filters).holds_all([in_force(1)]) is holds


def test_a_field_that_is_not_said_contradicts_nothing() -> None:
    assert Part((("timeframe", "W"), ("cc", "3"))).holds_all([in_force(1, timeframe=None, cc=None)])
