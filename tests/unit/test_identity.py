"""Which sightings are one alert, whatever their order and grouping: decided purely, so asked of anything."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.events import Channel, Event, Instant, Source
from relay.outbox.base import Entry, Sighting
from relay.outbox.identity import UNTIMED_SPAN_US, Known, subject
from relay.outbox.rows import event_key
from tests.support.clock import START_US
from tests.support.events import a_break, a_quote, a_state, entry, in_force
from tests.support.sightings import Book, groups, sightings


@given(st.lists(sightings(), max_size=25), groups)
def test_an_id_is_one_event_and_two_ids_are_two(entries: list[Entry], sizes: list[int]) -> None:
    results = Book().take_in_groups(entries, sizes)
    by_id: dict[tuple[Channel, int], int] = {}
    for sighted, (_, seq) in zip(entries, results, strict=True):
        if sighted.event.id is not None:
            assert by_id.setdefault((sighted.event.channel, sighted.event.id), seq) == seq
    assert len(set(by_id.values())) == len(by_id)


@given(st.lists(sightings(), max_size=25), groups, groups)
def test_how_sightings_are_grouped_into_commits_does_not_matter(
    entries: list[Entry], sizes: list[int], other: list[int]
) -> None:
    assert Book().take_in_groups(entries, sizes) == Book().take_in_groups(entries, other)


@given(st.lists(sightings(), max_size=15), groups)
def test_everything_sighted_once_more_is_a_repetition(entries: list[Entry], sizes: list[int]) -> None:
    book = Book()
    first = book.take_in_groups(entries, sizes)
    count = len(book.knowns)
    again = book.take_in_groups(entries, sizes)
    assert [sighting for sighting, _ in again] == [Sighting.DUPLICATE] * len(entries)
    assert len(book.knowns) == count
    for sighted, (_, before), (_, after) in zip(entries, first, again, strict=True):
        if sighted.event.id is not None:
            assert before == after


def _alert(number: int) -> Event:
    """One of several alerts that differ in what identifies them."""
    return in_force(
        number,
        ("AAPL", "MSFT", "SPY")[number % 3],
        timeframe=("D", "W")[number % 2],
        at=f"2026-04-10T13:{number % 60:02d}:22Z",
    )


@st.composite
def both_ways(draw: st.DrawFn) -> tuple[int, list[Entry]]:
    """Alerts that each came over the socket without id, finely timed, and over REST with it, in any order."""
    count = draw(st.integers(1, 8))
    entries: list[Entry] = []
    for number in range(1, count + 1):
        event = _alert(number)
        assert event.triggered_at is not None
        fine = Instant(event.triggered_at.us + draw(st.integers(0, MICROS - 1)), 1)
        live = msgspec.structs.replace(event, id=None, triggered_at=fine)
        entries += [entry(live, "bot")] * draw(st.integers(1, 2))
        entries += [entry(event, "bot", source=Source.BACKFILL)] * draw(st.integers(1, 3))
    return count, draw(st.permutations(entries))


@given(both_ways(), groups)
def test_an_alert_that_came_both_ways_is_one_in_whatever_order(case: tuple[int, list[Entry]], sizes: list[int]) -> None:
    count, entries = case
    book = Book()
    results = book.take_in_groups(entries, sizes)
    assert [sighting for sighting, _ in results].count(Sighting.NEW) == count
    assert sorted(known.event.id or 0 for known in book.knowns) == list(range(1, count + 1))


@given(st.permutations([in_force(1), in_force(2), in_force(3), in_force(None)]), groups)
def test_alerts_alike_in_all_but_the_id_stay_apart_and_one_without_id_is_one_of_them(
    events: list[Event], sizes: list[int]
) -> None:
    book = Book()
    book.take_in_groups([entry(event, "bot") for event in events], sizes)
    assert sorted(known.event.id or 0 for known in book.knowns) == [1, 2, 3]


@given(st.lists(sightings(), max_size=12), groups)
def test_an_alert_on_one_channel_is_never_one_on_the_other(entries: list[Entry], sizes: list[int]) -> None:
    book = Book()
    for sighted, (_, seq) in zip(entries, book.take_in_groups(entries, sizes), strict=True):
        assert book.knowns[seq - 1].event.channel is sighted.event.channel


@pytest.mark.parametrize("make", [a_quote, a_state])
@pytest.mark.parametrize("at", ["2026-04-10T13:45:22Z", None])
def test_a_quote_or_state_is_never_a_repetition(make: Callable[..., Event], at: str | None) -> None:
    book = Book()
    for expected in range(1, 4):
        assert book.take([entry(make(at=at), "bot")]) == [(Sighting.NEW, expected)]
    assert book.take([entry(make(at=at), "bot")] * 2) == [(Sighting.NEW, 4), (Sighting.NEW, 5)]


def test_a_quote_with_an_id_that_is_known_is_the_same() -> None:
    quote = msgspec.structs.replace(a_quote(), id=7)
    book = Book()
    assert book.take([entry(quote, "bot")] * 2) == [(Sighting.NEW, 1), (Sighting.DUPLICATE, 1)]
    assert book.take([entry(quote, "bot"), entry(a_quote(), "bot")]) == [(Sighting.DUPLICATE, 1), (Sighting.NEW, 2)]


@pytest.mark.parametrize("make", [a_quote, a_state])
@pytest.mark.parametrize("at", ["2026-04-10T13:45:22Z", None])
def test_the_key_of_a_quote_or_state_tells_when_it_came_to_the_microsecond(
    make: Callable[..., Event], at: str | None
) -> None:
    keys = {event_key(make(at=at), START_US + late) for late in (0, 1, 2)}
    assert len(keys) == 3
    assert all(key.startswith(f"{make().channel}:AAPL|") for key in keys)


def test_the_likest_of_several_is_claimed() -> None:
    vague = in_force(shape=None, timeframe=None, at=None)
    exact = in_force(at="2026-04-10T13:45:22.5Z")
    book = Book()
    book.take([entry(vague, "bot"), entry(in_force(symbol="MSFT"), "bot")])
    book.knowns.append(Known(3, START_US, exact))  # both may be it: the store learnt of them one by one
    assert book.take([entry(in_force(7), "bot")]) == [(Sighting.DUPLICATE, 3)]
    assert [known.event.id for known in book.knowns] == [None, None, 7]


@pytest.mark.parametrize(
    ("minutes", "same"), [(0, True), (14, True), (16, False), (60 * 24, False)], ids=["now", "near", "far", "a day"]
)
@pytest.mark.parametrize("timed_first", [True, False])
def test_a_sighting_without_time_is_only_what_was_near_in_time(minutes: int, same: bool, timed_first: bool) -> None:
    when = Instant(START_US, MICROS)
    timed = entry(in_force(at=when.isoformat()), "bot", at_us=START_US)
    untimed = entry(in_force(at=None), "bot", at_us=START_US + minutes * 60 * MICROS)
    book = Book()
    results = book.take([timed, untimed] if timed_first else [untimed, timed])
    assert (results[1][0] is Sighting.DUPLICATE) is same
    assert UNTIMED_SPAN_US == 15 * 60 * MICROS


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2026-04-10T13:45:22Z", "2026-04-10T13:45:22.999999+00:00", True),
        ("2026-04-10T13:45:22Z", "2026-04-10T15:45:22.1+02:00", True),
        ("2026-04-10T13:45:22Z", "2026-04-10T13:45:23Z", False),
        ("2026-04-10T13:45:22.123Z", "2026-04-10T13:45:22.123999Z", True),
        ("2026-04-10T13:45:22.123Z", "2026-04-10T13:45:22.124Z", False),
        ("2026-04-10T13:45Z", "2026-04-10T13:45:59.9Z", True),
        ("2026-04-10T13:45Z", "2026-04-10T13:46:00Z", False),
    ],
)
def test_times_are_compared_as_instants_at_the_coarser_precision(one: str, other: str, same: bool) -> None:
    for first, second in ((one, other), (other, one)):
        book = Book()
        results = book.take([entry(in_force(at=first), "bot"), entry(in_force(5, at=second), "bot")])
        assert (results[1][0] is Sighting.DUPLICATE) is same


_SPAN = UNTIMED_SPAN_US
_AT = "2026-04-10T13:45:22Z"


@pytest.mark.parametrize(
    ("timed_seen_us", "untimed_seen_us", "same"),
    [
        (0, _SPAN, True),  # seen together
        (0, -_SPAN, True),
        (0, _SPAN + 1, False),
        (10 * _SPAN, _SPAN, True),  # the timed one came late, but tells of then
        (10 * _SPAN, -_SPAN, True),
        (10 * _SPAN, _SPAN + 1, False),
        (10 * _SPAN, -_SPAN - 1, False),
    ],
)
@pytest.mark.parametrize("timed_first", [True, False])
def test_without_a_time_it_is_what_was_seen_then_or_tells_of_then_and_the_span_itself_is_near(
    timed_seen_us: int, untimed_seen_us: int, same: bool, timed_first: bool
) -> None:
    timed = entry(in_force(at=_AT), "bot", at_us=START_US + timed_seen_us)
    untimed = entry(in_force(at=None), "bot", at_us=START_US + untimed_seen_us)
    results = Book().take([timed, untimed] if timed_first else [untimed, timed])
    assert (results[1][0] is Sighting.DUPLICATE) is same


@pytest.mark.parametrize(("seen_us", "same"), [(0, True), (_SPAN, True), (_SPAN + 1, False)])
def test_two_without_a_time_are_the_same_when_they_were_seen_near_each_other(seen_us: int, same: bool) -> None:
    first, second = (entry(in_force(at=None), "bot", at_us=START_US + at_us) for at_us in (0, seen_us))
    results = Book().take([first, second])
    assert (results[1][0] is Sighting.DUPLICATE) is same


@pytest.mark.parametrize("ids", [(None, None), (7, None), (None, 7)])
@pytest.mark.parametrize("symbols", [("AAPL", None), (None, "AAPL"), (None, None)])
@pytest.mark.parametrize("apart", [True, False])
def test_a_missing_symbol_matches_any(
    ids: tuple[int | None, int | None], symbols: tuple[str | None, str | None], apart: bool
) -> None:
    first, second = (entry(in_force(*facts), "bot") for facts in zip(ids, symbols, strict=True))
    book = Book()
    results = book.take([first]) + book.take([second]) if apart else book.take([first, second])
    assert [sighting for sighting, _ in results] == [Sighting.NEW, Sighting.DUPLICATE]


def test_of_several_that_match_it_is_the_one_that_agrees_in_more_and_then_the_first() -> None:
    vague = msgspec.structs.replace(a_break(1), symbols=())
    book = Book()
    book.take([entry(event, "bot") for event in (vague, a_break(2), a_break(3))])
    assert book.take([entry(a_break(None), "bot")]) == [(Sighting.DUPLICATE, 2)]
    assert book.take([entry(msgspec.structs.replace(vague, id=None), "bot")]) == [(Sighting.DUPLICATE, 1)]


@pytest.mark.parametrize(
    ("event", "word"),
    [(in_force(1), "AAPL"), (in_force(1, None), None), (a_break(1), "breaks"), (a_quote("SPY"), "SPY")],
    ids=["in force", "without symbol", "break", "quote"],
)
def test_candidates_are_looked_up_by_a_word_that_stores_have_kept(event: Event, word: str | None) -> None:
    assert subject(event) == word
