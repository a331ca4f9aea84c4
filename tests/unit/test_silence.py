"""What a name means to whoever asks for silence."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.clock import MICROS
from relay.errors import Exit
from relay.judging.silence import AmbiguousNameError, Names, Subject, UnknownNameError, length, silence, subject, wake
from relay.judging.snoozes import LONGEST, Snoozes
from relay.outbox.memory import SnoozeKind
from tests.support.clock import START_US, FakeClock
from tests.support.memory_outbox import Memory, MemoryOutbox

RULE, DESTINATION, SYMBOL = SnoozeKind.RULE, SnoozeKind.DESTINATION, SnoozeKind.SYMBOL
NAMES = Names(
    rules=("daily bulls", "the whole market moves", "Calm", "CALM", "swing", "Overnight", "spy"),
    destinations=("bot", "swing", "overnight", "apple"),
)


@pytest.mark.parametrize(
    ("written", "kind", "meant"),
    [
        ("daily bulls", None, (RULE, "daily bulls")),
        ("Daily Bulls ", None, (RULE, "daily bulls")),
        ("Calm", None, (RULE, "Calm")),
        ("SPY", None, (RULE, "spy")),
        ("SPY", SYMBOL, (SYMBOL, "SPY")),
        ("bot", None, (DESTINATION, "bot")),
        ("BOT", None, (DESTINATION, "bot")),
        ("bot", SYMBOL, (SYMBOL, "BOT")),
        ("swing", RULE, (RULE, "swing")),
        ("Swing", DESTINATION, (DESTINATION, "swing")),
        ("Overnight", None, (RULE, "Overnight")),
        ("overnight", None, (DESTINATION, "overnight")),
        ("AAPL", None, (SYMBOL, "AAPL")),
        ("aapl", None, (SYMBOL, "AAPL")),
        ("  tsla ", None, (SYMBOL, "TSLA")),
        ("BRK.B", None, (SYMBOL, "BRK.B")),
        ("btc-usd", None, (SYMBOL, "BTC-USD")),
        ("ES1!", None, (SYMBOL, "ES1!")),
        ("NQ=F", None, (SYMBOL, "NQ=F")),
        ("^VIX", None, (SYMBOL, "^VIX")),
        ("ON", None, (SYMBOL, "ON")),
        ("bott", SYMBOL, (SYMBOL, "BOTT")),
    ],
)
def test_a_name_is_read_as_the_config_spells_it_first(
    written: str, kind: SnoozeKind | None, meant: tuple[SnoozeKind, str]
) -> None:
    assert subject(written, NAMES, kind) == Subject(*meant)


@pytest.mark.parametrize(
    ("written", "kind", "said", "hint"),
    [
        ("dayli bulls", None, "there is no rule or destination 'dayli bulls'", "Did you mean the rule 'daily bulls'?"),
        (
            "daily",
            None,
            "there is no rule or destination 'daily'",
            "Did you mean the rule 'daily bulls'? Where a symbol",
        ),
        ("bott", None, "there is no rule or destination 'bott'", "Did you mean the destination 'bot'? Where a symbol"),
        ("swng", None, "there is no rule or destination 'swng'", "'swing'? Where a symbol is meant, say --symbol"),
        ("bot", RULE, "there is no rule 'bot'", "There are: daily bulls, the whole market moves, Calm"),
        ("daily bulls", DESTINATION, "there is no destination 'daily bulls'", "There are: bot, swing"),
        ("AAPL", DESTINATION, "there is no destination 'AAPL'", "Did you mean the destination 'apple'?"),
        ("*-USD", None, "there is no rule or destination '*-USD'", "There are: the rule 'daily bulls'"),
        ("", None, "there is no rule or destination ''", ""),
        ("*-USD", SYMBOL, "'*-USD' is no symbol", "without * or ?"),
        ("A B", SYMBOL, "'A B' is no symbol", ""),
        ("ÄÖ", SYMBOL, "'ÄÖ' is no symbol", ""),
        ("\u017fpy", SYMBOL, "is no symbol", ""),  # a long s, which upper case makes SPY
    ],
)
def test_what_nothing_is_called_is_refused_with_the_nearest(
    written: str, kind: SnoozeKind | None, said: str, hint: str
) -> None:
    with pytest.raises(UnknownNameError) as refused:
        subject(written, NAMES, kind)
    assert said in str(refused.value)
    assert hint in refused.value.hint
    assert refused.value.exit_code is Exit.USAGE


@pytest.mark.parametrize(
    ("written", "said", "hint"),
    [
        ("swing", "'swing' is the rule 'swing' and the destination 'swing'", "Say --rule or --destination"),
        ("calm", "'calm' is the rule 'Calm' and the rule 'CALM'", "Write the name as the config does."),
        ("OVERNIGHT", "the rule 'Overnight' and the destination 'overnight'", "Say --rule or --destination"),
    ],
)
def test_a_name_of_several_things_is_refused_with_how_to_choose(written: str, said: str, hint: str) -> None:
    with pytest.raises(AmbiguousNameError) as refused:
        subject(written, NAMES)
    assert said in str(refused.value)
    assert hint in refused.value.hint


def test_where_there_are_many_names_a_hint_lists_none() -> None:
    many = Names(tuple(f"rule number {number}" for number in range(100)), ())
    with pytest.raises(UnknownNameError) as refused:
        subject("* ?", many)
    assert refused.value.hint == ""


@given(st.text(max_size=40), st.none() | st.sampled_from(SnoozeKind))
def test_whatever_is_written_is_one_thing_or_refused(written: str, kind: SnoozeKind | None) -> None:
    of = {RULE: NAMES.rules, DESTINATION: NAMES.destinations}
    with suppress(UnknownNameError, AmbiguousNameError):
        found = subject(written, NAMES, kind)
        assert kind in {None, found.kind}
        assert found.name in of.get(found.kind, (found.name.upper(),))


@pytest.mark.parametrize(("text", "seconds"), [("2h", 7200.0), ("0s", 0.0), ("365d", LONGEST), ("250ms", 0.25)])
def test_a_snooze_is_as_long_as_it_is_said_to_be(text: str, seconds: float) -> None:
    assert length(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "2 hours", "-1h", "366d", "9" * 400 + "d", "nan", "bulls"])
def test_what_is_no_length_or_too_long_a_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"365d at most|a number and a unit|as long as that"):
        length(text)


def snoozes() -> Snoozes:
    return Snoozes(MemoryOutbox(Memory(START_US)).memory, FakeClock())


async def test_what_is_named_is_silent_and_wakes_by_the_same_name() -> None:
    asleep = snoozes()
    begun = await silence(asleep, NAMES, "daily BULLS", 60)
    assert (begun.kind, begun.name, begun.until_us) == (RULE, "daily bulls", START_US + 60 * MICROS)
    assert await wake(asleep, NAMES, "Daily bulls") == [begun]
    assert await wake(asleep, NAMES, "Daily bulls") == []


async def test_without_a_name_all_wake_or_all_of_a_kind() -> None:
    asleep = snoozes()
    for name in ("daily bulls", "bot", "AAPL", "TSLA"):
        await silence(asleep, NAMES, name, 60)
    assert [one.name for one in await wake(asleep, NAMES, kind=SYMBOL)] == ["AAPL", "TSLA"]
    assert {one.name for one in await wake(asleep, NAMES)} == {"daily bulls", "bot"}
    assert asleep.active() == []


async def test_what_the_config_no_longer_has_can_be_woken() -> None:
    asleep = snoozes()
    await silence(asleep, NAMES, "daily bulls", 60)
    assert [one.name for one in await wake(asleep, Names((), ()), "Daily bulls")] == ["daily bulls"]


async def test_of_two_of_one_name_the_one_that_sleeps_wakes_and_where_both_do_it_is_asked_which() -> None:
    asleep = snoozes()
    await silence(asleep, NAMES, "swing", 60, DESTINATION)
    assert [one.kind for one in await wake(asleep, NAMES, "swing")] == [DESTINATION]
    await silence(asleep, NAMES, "swing", 60, DESTINATION)
    await silence(asleep, NAMES, "swing", 60, RULE)
    with pytest.raises(AmbiguousNameError, match="the destination 'swing' and the rule 'swing'"):
        await wake(asleep, NAMES, "swing")
    assert [one.kind for one in await wake(asleep, NAMES, "swing", RULE)] == [RULE]


async def test_waking_one_does_not_wake_another_that_is_spelt_in_other_capitals() -> None:
    asleep = snoozes()
    await silence(asleep, NAMES, "Calm", 60)
    assert await wake(asleep, NAMES, "CALM") == []
    assert [one.name for one in asleep.active()] == ["Calm"]


async def test_a_mistyped_name_wakes_nobody_and_is_refused() -> None:
    asleep = snoozes()
    await silence(asleep, NAMES, "daily bulls", 60)
    with pytest.raises(UnknownNameError):
        await wake(asleep, NAMES, "dayli bulls")
    assert len(asleep.active()) == 1
