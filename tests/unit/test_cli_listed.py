"""How stored events and deliveries are shown, whatever is in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from relay.cli import listed
from relay.cli.listed import (
    DELIVERIES,
    EVENTS,
    LETTERS,
    Column,
    fate,
    page_of,
    plain,
    show,
    show_more,
    show_one,
    what,
)
from relay.outbox.archive import DROPPED_BY_HAND, Page
from relay.outbox.sql import queries
from relay.redaction import register_secret
from relay.secret import Secret

LETTER: Final[dict[str, Any]] = {
    "id": 17,
    "event": "alerts.in_force:98421",
    "channel": "alerts.in_force",
    "symbol": "AAPL",
    "timeframe": "D",
    "direction": "bullish",
    "destination": "bot",
    "state": "dead",
    "attempts": 3,
    "last_code": "404",
    "last_error": "404 Not Found",
    "last_answer": "no such hook",
    "rules": ["daily bulls", "all"],
    "source": "live",
    "received_at": "2026-04-10T13:45:22.123Z",
    "data": {"symbol": "AAPL", "price": 187.5},
}
EVENT: Final[dict[str, Any]] = {
    "id": 3,
    "symbol": None,
    "symbols": ["ES1!", "NQ1!"],
    "timeframe": "D",
    "direction": "bearish",
    "deliveries": {"bot": "delivered", "swing": "dead"},
    "source": "backfill",
    "received_at": "2026-04-10T13:45:22.123Z",
}


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (LETTER, "AAPL [D] bullish"),
        ({**LETTER, "shape": "1-2U"}, "AAPL [D] bullish 1-2U"),
        (EVENT, "ES1! NQ1! [D] bearish"),
        ({"symbol": None, "timeframe": "W", "direction": "bullish"}, "break [W] bullish"),
        ({"symbol": "AAPL", "symbols": []}, "AAPL"),
        ({**LETTER, "data": {"shape": "1-2u"}}, "AAPL [D] bullish 1-2U"),
        ({"symbol": None, "timeframe": "W", "data": {"symbols": ["NQ1!", "es1! ", "ES1!"]}}, "ES1! NQ1! [W]"),
        ({"symbol": None, "data": None}, "break"),
        ({"symbol": None, "data": {"symbols": "ES1!", "shape": None}}, "break"),
        ({}, "break"),
    ],
)
def test_an_event_is_told_in_a_few_words(item: Mapping[str, Any], said: str) -> None:
    assert what(item) == said


@pytest.mark.parametrize(
    ("state", "error", "said"),
    [
        ("expired", DROPPED_BY_HAND, "dropped"),
        ("expired", "404 Not Found", "expired"),
        ("dead", DROPPED_BY_HAND, "dead"),  # an answer that says so
        ("delivered", "", "delivered"),
    ],
)
def test_what_a_person_let_go_of_is_listed_so(state: str, error: str, said: str) -> None:
    assert fate({**LETTER, "state": state, "last_error": error}) == said


def test_the_store_marks_what_is_dropped_with_this_very_text() -> None:
    assert queries()["by_hand"] == f"'{DROPPED_BY_HAND}'"


def test_a_pipe_gets_a_line_each_with_tabs_and_exact_times(capsys: pytest.CaptureFixture[str]) -> None:
    show([LETTER], LETTERS)
    show([LETTER], DELIVERIES)
    show([EVENT], EVENTS)
    when = "2026-04-10T13:45:22.123Z"
    assert [line.split("\t") for line in capsys.readouterr().out.splitlines()] == [
        ["17", when, "AAPL [D] bullish", "bot", "404", "3", "404 Not Found", "daily bulls, all"],
        ["17", when, "AAPL [D] bullish", "bot", "dead", "404", "3", "live", "daily bulls, all"],
        ["3", when, "ES1! NQ1! [D] bearish", "bot delivered, swing dead", "backfill"],
    ]


def test_what_others_wrote_neither_steers_a_terminal_nor_breaks_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    nasty = {**LETTER, "symbol": "A\x1b[31m\tB\nC", "last_error": "[bold]\x9b2J\u202e" + "x" * 5_000}
    show([nasty], LETTERS)
    show_one({"event": what(nasty), "why": nasty["last_error"]})
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 3
    assert len(out.splitlines()[0].split("\t")) == len(LETTERS)
    assert not any(char in out for char in "\x1b\x9b\u202e")
    assert "[bold]" in out


@pytest.mark.parametrize(
    ("columns", "width", "heads"),
    [
        (LETTERS, 40, ["Id", "Event", "To", "Code"]),
        (LETTERS, 80, ["Id", "Received", "Event", "To", "Code", "Why"]),
        (LETTERS, 120, ["Id", "Received", "Event", "To", "Code", "Attempts", "Why", "Rules"]),
        (DELIVERIES, 50, ["Id", "Event", "To", "State", "Code"]),
        (DELIVERIES, 80, ["Id", "Received", "Event", "To", "State", "Code"]),
    ],
)
def test_a_terminal_gets_as_many_columns_as_it_has_room_for(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    columns: tuple[Column, ...],
    width: int,
    heads: list[str],
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    show([{**LETTER, "last_error": "a b " * 60}], columns)
    out = capsys.readouterr().out
    assert out.splitlines()[0].replace("\x1b[1m", "").replace("\x1b[0m", "").split() == heads
    assert "17" in out
    assert max(len(line) for line in out.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()) <= width
    assert "\x1b[3" not in out  # no colours


def test_one_thing_is_a_line_a_fact_without_those_that_are_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    show_one({"id": 17, "cc": None, "answer": "", "rules": ["a", "b"], "payload": {"price": 1.5}, "attempts": 0})
    assert capsys.readouterr().out == 'id: 17\nrules: a, b\npayload: {"price": 1.5}\nattempts: 0\n'


def test_a_program_gets_it_as_http_tells_it_on_one_line() -> None:
    page = Page([{**LETTER, "last_answer": "\x9b2J\u2028Ünï"}], 17)
    text = page_of(page)
    assert json.loads(text) == {"items": page.items, "next": 17}
    assert "Ünï" in text
    assert not any(char in text for char in "\x9b\u2028")


def test_no_secret_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    secret = Secret("tok-that-nobody-may-see-7741")
    register_secret(secret)
    leaky = {**LETTER, "last_error": f"POST /{secret.reveal()}", "data": {secret.reveal(): [secret.reveal()]}}
    show([leaky], LETTERS)
    show_one(leaky)
    out = capsys.readouterr().out + plain(leaky) + page_of(Page([leaky], None))
    assert secret.reveal() not in out
    assert "***" in out


@pytest.mark.parametrize(
    ("next_", "said"), [(None, ""), (17, "There are older ones: --limit 10, or --until, shows them.\n")]
)
def test_that_there_is_more_is_said_beside_the_listing(
    capsys: pytest.CaptureFixture[str], next_: int | None, said: str
) -> None:
    show_more(Page([LETTER], next_), noun="ones")
    assert capsys.readouterr() == ("", said)


def test_every_column_has_a_head_of_its_own() -> None:
    for columns in (LETTERS, DELIVERIES, EVENTS):
        assert len({column.head for column in columns}) == len(columns)
    assert listed.LETTERS[0].fixed
