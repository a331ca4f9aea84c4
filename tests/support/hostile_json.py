"""What a peer may send in place of JSON: odd values, broken text, and good text with something done to it."""

from __future__ import annotations

from hypothesis import strategies as st

# As texts of JSON, because no encoder writes most of them.
ODD = (
    "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "-0", "-0.0", "9" * 400, "-" + "9" * 400, "9" * 5_000,
    "0." + "3" * 5_000, "18446744073709551616", "9223372036854775808", "1e18", "1.0", "true", "false", "null", '""',
    r'"\ud800"', r'"\udfff\ud800"', r'"\u0000"', r'"\ud83d\ude00"', '"\\', '"\u202e\u2028"', '"\ufeff"', '"İıßǆ"',
    '" "', "[]", "{}", "[" * 900 + "]" * 900, "[" * 100_000, '{"a":' * 2_000 + "1" + "}" * 2_000,
    '"' + "x" * 100_000 + '"', "1" + "0" * 100_000, "01", "+1", ".5", "1.", "0x10", "'a'", "undefined", "[1,]",
    '{"a":1,}', "/**/1", '"98421"',
    "98421", '"2026-04-10T13:45:22Z"', '"2026-04-10T24:00:00Z"', '"9999-12-31T23:59:59.999999-23:59"',
    '"0001-01-01T00:00:00+23:59"', '"2026-04-10T13:45:22.' + "1" * 500 + 'Z"', "1775828722", "1775828722000000000000",
    "-62135596801",
)  # fmt: skip

_LETTERS = st.text(st.characters(exclude_characters='"\\', categories=["L", "N", "P", "S", "Z", "Co"]))
values = (
    st.sampled_from(ODD)
    | st.integers().map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | _LETTERS.map(lambda text: f'"{text}"')
)


def objects(*names: str, inner: st.SearchStrategy[str] = values) -> st.SearchStrategy[str]:
    """Objects with some of ``names``, each any number of times, and now and then another."""
    keys = st.sampled_from([*names, *names, "x", "", r"\ud800", "__class__"]).map(lambda name: f'"{name}"')
    pairs = st.tuples(keys, inner | st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"))
    return st.lists(pairs.map(":".join), max_size=8).map(lambda items: f"{{{','.join(items)}}}")


def encoded(texts: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    """``texts`` as UTF-8."""
    return texts.map(lambda text: text.encode("utf-8", "surrogatepass"))


SCRAPS = (
    b"",
    b"\x00",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[" * 2_000,
    b",",
    b":",
    b"null",
    b"9" * 60,
    b"e9",
)


@st.composite
def mutations(draw: st.DrawFn, good: tuple[bytes, ...]) -> bytes:
    """One of ``good`` with pieces replaced, repeated, cut off or exchanged for another's."""
    data = draw(st.sampled_from(good))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        other = draw(st.sampled_from(good))
        piece = draw(
            st.sampled_from(SCRAPS) | st.binary(max_size=4) | st.just(data[start:end] * 2) | st.just(other[start:end])
        )
        data = data[:start] + piece + data[end:]
    return data
