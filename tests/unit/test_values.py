"""What somebody else wrote, as values: whatever it holds, all the rest of it is there."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.destinations.body import body_of, variables_of
from relay.events import Channel, Event
from relay.outbox.rescue import _event
from relay.upstream.decode import decode_event
from relay.upstream.errors import DecodeError
from relay.values import LEVELS, read, shallow
from tests.support.hostile_json import ODD
from tests.support.messages import message

FOUND = (*ODD, "[" * 900 + "1" + "]" * 900, '{"a":' * 600 + "[]" + "}" * 600, '"\\ud800",1e999')
TREES = st.recursive(
    st.none() | st.integers(-9, 9) | st.text('[]{}"\\,:x'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[{"\\'), inner, max_size=3),
)


def cut(value: object, levels: int) -> object:
    """``value`` without what is nested deeper."""
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return None
    if isinstance(value, dict):
        return {name: cut(item, levels - 1) for name, item in value.items()}
    return [cut(item, levels - 1) for item in value]


@given(TREES, st.integers(1, 4), st.sampled_from([None, 1]))
def test_what_is_nested_too_deeply_is_null_and_nothing_else_is_changed(
    tree: object, levels: int, indent: int | None
) -> None:
    text = json.dumps(tree, indent=indent).encode()
    shown = shallow(text, levels)
    assert json.loads(shown) == cut(tree, levels)
    assert shown == text or cut(tree, levels) != tree


def let_in(odd: str) -> Event | None:
    data = b'{"id":1,"symbol":"A","odd":[%s],"last":[]}' % odd.encode("utf-8", "surrogatepass")
    try:
        return decode_event(Channel.IN_FORCE, data)
    except DecodeError:
        return None


LET_IN = [event for odd in FOUND if (event := let_in(odd))]


def test_most_of_what_is_odd_is_let_in() -> None:
    assert len(LET_IN) > len(FOUND) / 2


@pytest.mark.parametrize("event", LET_IN, ids=range(len(LET_IN)))  # some are a hundred thousand characters long
def test_an_alert_that_was_let_in_can_be_read_kept_and_told_whatever_is_in_it(event: Event) -> None:
    found = read(event.data)
    assert isinstance(found, dict)
    assert (found["symbol"], found["last"]) == ("A", [])
    assert json.loads(msgspec.json.encode(found)) == found
    assert variables_of(body_of(message(event)))["last"] == []
    row = {"channel": event.channel, "source": "live", "symbols": "[]", "data": event.data.decode()}
    assert _event(row)  # a repair keeps it


@pytest.mark.parametrize(
    "text", [b"", b"[", b"{" * 2_000, b'{"a":1e999,"b":"\\ud800"}', b"nothing", b"[1e999,NaN]", b"[1e999,-Infinity]"]
)
def test_what_is_no_json_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(text)


def test_the_levels_are_counted_from_the_whole() -> None:
    deepest = b"[" * LEVELS + b"]" * LEVELS
    assert shallow(deepest) is deepest
    assert shallow(b"[" + deepest + b"]") == b"[" * LEVELS + b"null" + b"]" * LEVELS
