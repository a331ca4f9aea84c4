from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.destinations.discord.markdown import escape
from relay.destinations.texts import fit

NOTHING = "\u200b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("AAPL [D] 1-2U", "AAPL [D] 1-2U"),
        ("3 of 4 index futures broke up [D]", "3 of 4 index futures broke up [D]"),
        ("BRK-B", "BRK-B"),
        ("-37.63", "-37.63"),
        ("214.32", "214.32"),
        ("5,300.00", "5,300.00"),
        (":skull:", ":skull:"),
        ("**b** _i_ ~~s~~ `c` ||d||", r"\*\*b\*\* \_i\_ \~\~s\~\~ \`c\` \|\|d\|\|"),
        ("\\*", r"\\\*"),
        ("# head", r"\# head"),
        ("-# small", r"\-\# small"),
        ("> quote", r"\> quote"),
        ("- item", r"\- item"),
        ("+ item", r"\+ item"),
        ("-", r"\-"),
        ("* item", r"\* item"),
        ("1. item", r"1\. item"),
        ("23) item", r"23\) item"),
        ("  - item\n 4. item", "  \\- item\n 4\\. item"),
        ("a\n- b\n2. c", "a\n\\- b\n2\\. c"),
        ("[a](http://b)", f"[a]\\(http:{NOTHING}//b\\)"),
        ("https://evil.example", f"https:{NOTHING}//evil.example"),
        ("discord://x", f"discord:{NOTHING}//x"),
        ("WWW.evil.example", f"WWW{NOTHING}.evil.example"),
        ("@everyone", f"@{NOTHING}everyone"),
        ("<@&1> <#2> <t:3:R> <:e:4> </c:5>", rf"\<@{NOTHING}&1\> \<\#2\> \<t:3:R\> \<:e:4\> \</c:5\>"),
    ],
)
def test_a_text_is_shown_as_it_is(text: str, shown: str) -> None:
    assert "".join(escape(text)) == shown


@given(st.text(), st.integers(1, 40))
def test_escaping_adds_and_loses_nothing_that_can_be_seen(text: str, limit: int) -> None:
    pieces = escape(text)
    assert re.sub(r"\\([^\w\s]|_)", r"\1", "".join(pieces)).replace(NOTHING, "") == text.replace(NOTHING, "")
    assert len(pieces) <= len(text)
    cut = fit(pieces, limit)
    assert not re.search(r"(?<!\\)(\\\\)*\\(…|$)", cut)


@given(st.text(alphabet="@<>&!#:/\\[]()`*_~|-+1.w evryonht\n"))
def test_nothing_is_left_that_discord_would_read(text: str) -> None:
    shown = "".join(escape(text))
    bare = re.sub(r"\\[^\w\s]|\\_", "x", shown)
    assert not re.search(r"[\\*_~`|<>()#]|://|@\w|www\.|^ *[-+]\s|^ *\d+[.)]\s", bare, re.MULTILINE)
