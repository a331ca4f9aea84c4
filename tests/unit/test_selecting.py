"""Filters as people write them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.outbox.archive import EVERYTHING, Selection
from relay.outbox.selecting import KEYS, BadSelectionError, selection_of, texts

NOW_US = 1_775_828_722 * MICROS  # 2026-04-10T13:45:22Z
HOUR_US = 3_600 * MICROS


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({}, EVERYTHING),
        ({"limit": "5", "before": "x"}, EVERYTHING),
        ({"id": "17"}, Selection(id=17)),
        ({"event": "17"}, Selection(event="17")),
        ({"event": "alerts.in_force:98421"}, Selection(event="alerts.in_force:98421")),
        ({"destination": "bot", "rule": "daily bulls"}, Selection(destination="bot", rule="daily bulls")),
        ({"symbol": "ES", "code": "404"}, Selection(symbol="ES", code="404")),
        ({"since": "2h"}, Selection(since_us=NOW_US - 2 * HOUR_US)),
        ({"since": "0s"}, Selection(since_us=NOW_US)),
        ({"since": "99999999d"}, Selection(since_us=1)),
        ({"since": "2h", "until": "30m"}, Selection(since_us=NOW_US - 2 * HOUR_US, until_us=NOW_US - HOUR_US // 2)),
        ({"until": "2026-04-10T13:45:22Z"}, Selection(until_us=NOW_US)),
        ({"until": "2026-04-10T09:45:22.000001-04:00"}, Selection(until_us=NOW_US + 1)),
        ({"until": "2026-04-10T13:45"}, Selection(until_us=NOW_US - 22 * MICROS)),
        ({"since": "2026-04-10"}, Selection(since_us=NOW_US - 13 * HOUR_US - (45 * 60 + 22) * MICROS)),
    ],
    ids=str,
)
def test_what_is_written_is_what_is_meant(written: dict[str, str], meant: Selection) -> None:
    assert selection_of(written, now_us=NOW_US) == meant


@pytest.mark.parametrize(
    ("written", "key"),
    [
        *(({key: text}, key) for key in KEYS for text in ("", " ")),
        *(({"id": text}, "id") for text in ("x", "0", "-1", "1.5", "9" * 19, "9" * 30, "\u0661")),
        *(({"since": text}, "since") for text in ("yesterday", "2", "-2h", "2 h", "2h ago", "10:00", "2026-13-01")),
        ({"since": "1h", "until": "2h"}, "until"),
        ({"since": "1h", "until": "1h"}, "until"),
        ({"since": "2026-04-10T13:45:22Z", "until": "2026-04-10T13:45:22Z"}, "until"),
    ],
    ids=str,
)
def test_what_can_not_be_meant_is_refused_by_its_name(written: dict[str, str], key: str) -> None:
    with pytest.raises(BadSelectionError, match=f"^`{key}` ") as caught:
        selection_of(written, now_us=NOW_US)
    assert caught.value.key == key


_times = st.none() | st.integers(1, 8_000 * 365 * 24 * HOUR_US // 2)
_words = st.none() | st.text(min_size=1).filter(str.strip)
_selections = st.builds(
    Selection,
    id=st.none() | st.integers(1, 10**18),
    event=_words,
    destination=_words,
    rule=_words,
    symbol=_words,
    code=_words,
    since_us=_times,
    until_us=_times,
)


@given(_selections)
def test_a_selection_that_is_put_into_words_is_read_as_the_same(selection: Selection) -> None:
    if None not in {selection.since_us, selection.until_us}:
        selection = msgspec.structs.replace(selection, until_us=(selection.since_us or 0) + 1)
    assert selection_of(texts(selection), now_us=NOW_US) == selection
