"""YAML: what a scalar means, where things stand, and what is refused."""

from __future__ import annotations

import math

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from relay.document import yaml
from relay.document.faults import Faults, InvalidConfigError, Mark
from relay.document.scalars import WrittenFloat, WrittenInt, resolve
from relay.document.yaml import Document, read

NO_START = "this character can't start a value; indent with spaces, and quote such a text"
TAB = "a tab; YAML is indented with spaces alone"
NO_COLON = "this is not YAML: is a colon missing before this?"
COLON = "a second ': '; put a text that has one in quotes"
VARIABLE = 'between { } or [ ] a variable stands in quotes: "${NAME}"'
NO_TAG = "a YAML tag (!…) means nothing here; quote a text that begins with !"


def parse(text: str) -> Document:
    """The document in ``text``; raises if it has a fault."""
    faults = Faults("f")
    document = read(text, faults)
    if faults:
        raise faults.error()
    return document


def lines(text: str) -> list[str]:
    """The faults of ``text``."""
    with pytest.raises(InvalidConfigError) as caught:
        parse(text)
    return [fault.line("").removeprefix(":") for fault in caught.value.faults]


@pytest.mark.parametrize(
    "text",
    ["ON", "on", "NO", "no", "Y", "y", "N", "yes", "off", "Off", "09:30", "1:30:00", "2026-04-10",
     "2026-04-10 09:30:00", "1_000", "0b1", "+.nan", "0o8", "0xg", "nul", "tRue", "1e",
     "e1", "-", "=", "12H", "4H", "2U", "1-2U", "60m"],
)  # fmt: skip
def test_what_other_yaml_takes_for_something_else_is_text(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None), ("true", True), ("True", True),
     ("TRUE", True), ("false", False), ("False", False), ("FALSE", False), ("0", 0), ("-12", -12), ("+3", 3),
     ("012", 12), ("0o14", 12), ("0xC", 12), ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0),
     ("-.inf", -math.inf), (".Inf", math.inf), ("+.INF", math.inf)],
)  # fmt: skip
def test_the_core_schemas_scalars_are_read(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is not int


def test_not_a_number_is_a_number() -> None:
    assert isinstance(resolve(".nan"), float)


@given(st.integers(-(10**30), 10**30))
def test_an_integer_keeps_its_value_and_its_writing(value: int) -> None:
    read_back = resolve(str(value))
    assert isinstance(read_back, WrittenInt)
    assert read_back == value
    assert read_back.written == str(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_keeps_its_value_and_its_writing(value: float) -> None:
    read_back = resolve(repr(value))
    assert isinstance(read_back, WrittenFloat)
    assert read_back == value
    assert read_back.written == repr(value)


@given(st.text())
def test_every_text_means_something(text: str) -> None:
    assert isinstance(resolve(text), str | bool | int | float | None)


def test_a_number_too_long_for_python_stays_text() -> None:
    assert resolve("9" * 5000) == "9" * 5000


@given(st.recursive(
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcxyz", min_size=1), inner, max_size=3),
    max_leaves=12,
))  # fmt: skip
def test_quoted_texts_in_any_nesting_are_read_as_written(value: object) -> None:
    text = pyyaml.safe_dump({"top": value}, default_style='"', allow_unicode=True)
    assert parse(text).root == {"top": value}


def test_every_key_and_value_knows_its_line_and_column() -> None:
    document = parse("\ufeffa: 1\nö𝄞: {b: [x,  'y'], c: }\nd:\n  - e: |\n      text\n")
    assert document.keys == {
        ("a",): Mark(1, 1),
        ("ö𝄞",): Mark(2, 1),
        ("ö𝄞", "b"): Mark(2, 6),
        ("ö𝄞", "c"): Mark(2, 20),
        ("d",): Mark(3, 1),
        ("d", 0, "e"): Mark(4, 5),
    }
    assert document.values[("ö𝄞", "b", 1)] == Mark(2, 14)
    assert document.values[("ö𝄞", "c")] == Mark(2, 20)
    assert document.values[("d", 0)] == Mark(4, 5)
    assert document.values[("d", 0, "e")] == Mark(4, 8)


def test_keys_are_text_however_they_look() -> None:
    assert parse("{1: a, null: b, NO: c, true: d}").root == {"1": "a", "null": "b", "NO": "c", "true": "d"}


def test_all_duplicate_keys_are_told_and_the_first_value_stays() -> None:
    assert lines("a: 1\nb: {c: 1, 'c': 2}\na: 2\na: 3\n") == [
        "2:11: b.c: is here twice; first at line 2 column 5",
        "3:1: a: is here twice; first at line 1 column 1",
        "4:1: a: is here twice; first at line 1 column 1",
    ]
    document = read("a: 1\na: 2\n", Faults("f"))
    assert document.root == {"a": 1}


def test_aliases_repeat_and_merges_yield_to_what_is_written_out() -> None:
    document = parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [{z: 4}, *a]}\nd: *a\n")
    assert document.root["b"] == {"x": 1, "y": 3}
    assert document.root["c"] == {"z": 4, "x": 1, "y": 2}
    assert document.root["d"] == {"x": 1, "y": 2}
    assert document.keys[("b", "x")] == Mark(1, 8)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{c}: &{c} [{', '.join([f'*{b}'] * 9)}]\n" for b, c in zip("abcdefgh", "bcdefghi", strict=True)),
        "a0: &a0 {x: 1}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: [*a{n}, *a{n}]}}\n" for n in range(30)),
        "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}]\n" for n in range(2000)),
    ],
    ids=["laughs", "merges", "depth"],
)
def test_a_bomb_of_aliases_is_refused_before_it_goes_off(text: str) -> None:
    assert lines(text)[0].endswith("aliases repeat more here than a config can need")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b: c\n", f"1:5: this is not YAML: {COLON}"),
        ("a: [1,\nb: 2", "3:1: this is not YAML: the list is never closed, or a comma is missing"),
        ("a: {b: 1\n", "2:1: this is not YAML: the mapping is never closed, or a comma is missing"),
        ("a: {b: c: d}\n", f"1:9: this is not YAML: {COLON}"),
        ("ö𝄞: {b: ${X}}\n", f"1:10: this is not YAML: {VARIABLE}"),
        ("a: [${X:-y}]\n", f"1:6: this is not YAML: {VARIABLE}"),
        ("a: {b: http://x/${X}}\n", f"1:18: this is not YAML: {VARIABLE}"),
        ("a:\n\tb: 1\n", f"2:1: this is not YAML: {TAB}"),
        ("a:\n  b: 1\n\tc: 1\n", f"3:1: this is not YAML: {TAB}"),
        ("a: 'x", "1:4: this is not YAML: this quote is never closed"),
        ('a: 1\nb:\n  ö: "x, c: 1}\nd:\n - 2\n', "3:6: this is not YAML: this quote is never closed"),
        ("a: 'x\n---\n", "1:4: this is not YAML: this quote is never closed"),
        ('a: {b: "ö, c: 1}\nd:\n  - e: "f"\n', "1:8: this is not YAML: this quote is closed only on line 3"),
        ('a: {b: "x\n y" c', "2:5: this is not YAML: the mapping is never closed, or a comma is missing"),
        ("a: 1\nrules\n  - name: b\n", "2:1: this is not YAML: a key needs a colon and a space behind it"),
        ("a:\n  b {c: 1, d: 2}\n", f"2:5: {NO_COLON}"),
        ("a:\n - b [c: 1, d: 2]\n", f"2:6: {NO_COLON}"),
        ("a: {b: 1, c {d: 2}}\n", f"1:13: {NO_COLON}"),
        ("a: b {c: 1, d: 2}\n", f"1:8: this is not YAML: {COLON}"),
        ("a: @x", f"1:4: this is not YAML: {NO_START}"),
        ("a: 1\n b: 2\n", "2:3: this is not YAML: this line is indented deeper than the one above it allows"),
        ("a:\n  b: 1\n c: 2\n", "3:2: this is not YAML: this does not line up with the keys above it"),
        ("a:\n - b\n c: d\n", "3:2: this is not YAML: this does not line up with the list above it"),
        ("a: *nobody\n", "1:4: this alias names nothing above it; quote a text that begins with *"),
        ("a: &a [*a]\n", "1:8: this alias is used inside what it names"),
        ("a: !env X\n", f"1:4: {NO_TAG}"),
        ("a: !!python/object:os.system x\n", f"1:4: {NO_TAG}"),
        ("a: 1\n---\nb: 2\n", "2:1: a second document begins here; a config is one"),
        ("? [a]\n: 1\n", "1:3: a key is a text, not a list or mapping"),
        ("a: {<<: 5}\n", "1:9: a: what << merges in is no mapping of keys to values"),
        ("a: \x07\n", "1:4: the character U+0007 can't be in a config"),
        ("a: " + "[" * 3000, "1:43: nested deeper than 40 levels"),
        ("just text", "1:1: the top of the file is no mapping of keys to values"),
    ],
)  # fmt: skip
def test_what_is_not_a_config_in_yaml_is_refused_at_its_place(text: str, expected: str) -> None:
    assert lines(text) == [expected]


def test_a_tagged_text_is_text() -> None:
    assert parse("a: !!str 5\nb: ! 5\n").root == {"a": "5", "b": "5"}


@pytest.mark.parametrize("loader", [pyyaml.SafeLoader, getattr(pyyaml, "CSafeLoader", pyyaml.SafeLoader)])
@pytest.mark.parametrize(
    "text",
    ["a: %hunter2", "a: 'hunter2", 'a: "hunter2\\q"', "a: @hunter2", "a: `hunter2`", "a: *hunter2", "a: !hunter2 x",
     "a: !hunter2!x y", "hunter2\nb: 1", "a: hunter2: x", "a: [hunter2", "a: {hunter2", "- hunter2", "!hunter2: [",
     "a: &hunter2 &hunter2 x", "%hunter2 x\n---\n", "a: |hunter2\n  x"],
)  # fmt: skip
def test_no_fault_of_syntax_shows_a_piece_of_the_file(text: str, loader: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "_LOADER", loader)
    with pytest.raises(InvalidConfigError) as caught:
        parse(text)
    assert "hunter2" not in str(caught.value) + repr(caught.value.faults)


@given(st.text(st.sampled_from("a:-[]{}&*!|>'\"%@#, \n\t?x1<"), max_size=60))
def test_no_text_does_worse_than_faults(text: str) -> None:
    try:
        parse(text)
    except InvalidConfigError as error:
        assert error.faults  # noqa: PT017  because either outcome is right
