from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.destinations.slack.mrkdwn import date, entities, escape, link
from tests.support.clock import START_US


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("AAPL [D] 1-2U", "AAPL [D] 1-2U"),
        ("R&D", "R&amp;D"),
        ("&amp;", "&amp;amp;"),
        ("<!channel> <@U012ABC>", "&lt;!channel&gt; &lt;@U012ABC&gt;"),
        ("*bold*", "\N{ASTERISK OPERATOR}bold\N{ASTERISK OPERATOR}"),
        ("~gone~", "\N{TILDE OPERATOR}gone\N{TILDE OPERATOR}"),
        ("`code`", "\N{MODIFIER LETTER GRAVE ACCENT}code\N{MODIFIER LETTER GRAVE ACCENT}"),
        ("_it_ daily_bulls __x", "ˍitˍ daily_bulls ˍˍx"),
        ("a|b", "a\N{DIVIDES}b"),
        ("13:45 :tada: :-)", "13:45 \N{RATIO}tada: :-)"),
    ],
)
def test_foreign_text_stays_text(text: str, shown: str) -> None:
    assert "".join(escape(text)) == shown


@given(st.text() | st.text("<>&*_~`|@!:ab"))
def test_nothing_is_left_that_means_something(text: str) -> None:
    shown = "".join(escape(text))
    assert not re.search(r"[<>*~`|]|&(?!amp;|lt;|gt;)", shown)
    assert not re.search(r"(?:^|[^\w])_|_(?:$|[^\w])", shown)
    assert not re.search(r":[a-z0-9_'+-]+:", shown)
    assert "".join(escape(text)).count("&lt;") == text.count("<")


def test_a_link_has_its_address_escaped() -> None:
    assert link("https://x.example/?a=1&b=2", "a&amp;b") == "<https://x.example/?a=1&amp;b=2|a&amp;b>"
    assert link(None, "AAPL") == "AAPL"
    assert entities("a<b>&*c*") == "a&lt;b&gt;&amp;*c*"


@pytest.mark.parametrize(
    ("at_us", "shown"),
    [
        (START_US, "<!date^1775828722^{date_short_pretty} {time_secs}|2026-04-10 13:45:22 UTC>"),
        (START_US + 999_999, "<!date^1775828722^{date_short_pretty} {time_secs}|2026-04-10 13:45:22 UTC>"),
        (-1, "1969-12-31 23:59:59 UTC"),
    ],
)
def test_a_time_is_shown_in_the_readers_zone(at_us: int, shown: str) -> None:
    assert date(at_us) == shown
