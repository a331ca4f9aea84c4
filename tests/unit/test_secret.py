"""A secret does not show itself."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.secret import Secret

TEXT = "hunter2-hunter2"


@pytest.mark.parametrize(
    "shown",
    [
        repr(Secret(TEXT)),
        str(Secret(TEXT)),
        f"{Secret(TEXT)}",
        f"{Secret(TEXT)!r:>40}",
        repr([Secret(TEXT)]),
        repr({"token": Secret(TEXT)}),
        string.Template("$x").substitute(x=Secret(TEXT)),
        logging.LogRecord("a", 1, "b", 1, "%s %r", (Secret(TEXT), Secret(TEXT)), None).getMessage(),
    ],
)
def test_no_way_of_printing_shows_it(shown: str) -> None:
    assert "hunter2" not in shown
    assert "***" in shown


def test_only_reveal_gives_the_text() -> None:
    assert Secret(TEXT).reveal() == TEXT


def test_it_can_be_neither_pickled_nor_encoded() -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret(TEXT))
    with pytest.raises(TypeError):
        json.dumps(Secret(TEXT))
    assert not hasattr(Secret(TEXT), "__dict__")


def test_an_error_about_copying_does_not_show_it() -> None:
    with pytest.raises(TypeError) as caught:
        copy.copy(Secret(TEXT))
    assert "hunter2" not in str(caught.value)


@given(st.text(), st.text())
def test_two_are_equal_when_their_texts_are(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) is (one == other)
    assert hash(Secret(one)) == hash(Secret(one))
    assert (Secret(one).fingerprint() == Secret(other).fingerprint()) is (one == other)


@given(st.text(min_size=4))
def test_a_fingerprint_is_sixteen_hex_digits(text: str) -> None:
    fingerprint = Secret(text).fingerprint()
    assert len(fingerprint) == 16
    assert set(fingerprint) <= set(string.hexdigits.lower())


def test_a_secret_is_no_text_and_an_empty_one_is_false() -> None:
    assert Secret(TEXT) != TEXT
    assert Secret(TEXT)
    assert not Secret("")
