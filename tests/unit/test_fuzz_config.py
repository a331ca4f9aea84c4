"""A config may hold anything: it is right, or its faults are told with their places, within time and memory."""

from __future__ import annotations

import re
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.config.load import load
from relay.document.faults import InvalidConfigError
from relay.events import Channel, Event
from relay.rules.match import compile_rules
from relay.rules.rule import Rule, Symbols
from tests.support.config_text import SIGNING_SECRET, config_text, faults_of, read

FUZZ = settings(derandomize=True, database=None, max_examples=200)
ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "config.example.yaml").read_bytes()
SMALL = config_text("more", "storage: {url: 'sqlite:relay.db', retention: 7d}").encode()
ENV = dict.fromkeys(("STRATALERTS_API_KEY", "BOT_SECRET", "HTTP_TOKEN"), SIGNING_SECRET) | {
    f"{name}_URL": "https://a.example/b" for name in ("DISCORD_SWING", "SLACK_DESK", "BOT", "SHEET")
}
PLACED = re.compile(r"\d+:\d+: \S.*")

SCRAPS = (
    b"", b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\t", b"\r", b"\xe2\x80\xa8", b"- ", b": ", b"[", b"]",
    b"{",
    b"}", b"*a", b"&a ", b"<<: *a", b"!!python/object/apply:os.system [x]", b"!", b"%YAML 9.9\n---\n", b"---\n",
    b"...\n",
    b"? ", b"|", b">", b"'", b'"', b"#", b"${", b"${X}", b"${X:-", b"${STRATALERTS_API_KEY}", b"$$", b"${a${b}}", b"0x",
    b"1e999", b".nan", b".inf", b"9" * 500, b"-1", b"\\x", b"\n", b"\n\n  ", b"[" * 60, b"{{", b"{%",
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A config that is right, with pieces replaced, repeated or cut out."""
    data = draw(st.sampled_from((EXAMPLE, SMALL, SMALL)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 30)))
        piece = draw(st.sampled_from(SCRAPS) | st.binary(max_size=3) | st.just(data[start:end] * 2))
        data = data[:start] + piece + data[end:]
    return data


@FUZZ
@given(mutated() | st.binary(max_size=200) | st.lists(st.sampled_from(SCRAPS), max_size=20).map(b"".join))
def test_no_bytes_do_worse_than_faults_at_their_places(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "config.yaml"
    path.write_bytes(data)
    try:
        load(path, env=ENV)
    except InvalidConfigError as error:
        assert error.faults  # noqa: PT017  because either outcome is right
        for fault in error.faults:
            assert PLACED.fullmatch(fault.line("").removeprefix(":")), fault
            assert SIGNING_SECRET not in fault.message


N = 1 << 16
BOMBS = {
    "laughs": "a: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 20)),
    "laughs of mappings": "a: &a0 {x: 1}\n"
    + "".join(f"a{n}: &a{n} {{{','.join(f'k{k}: *a{n - 1}' for k in range(10))}}}\n" for n in range(1, 20)),
    "laughs in rules": "rules: &a0 [{name: a, to: x}]\n"
    + "".join(f"a{n}: &a{n} {{rules: [{','.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 20)),
    "merges": "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)),
    "many aliases": "a: &a x\nb: [" + "*a," * N + "]",
    "many anchors": "".join(f"a{n}: &b{n} x\n" for n in range(N // 16)),
    "many keys": "".join(f"k{n}: 1\n" for n in range(N // 8)),
    "many twins": "a: 1\n" * (N // 5),
    "many rules": "rules:\n" + "- {}\n" * (N // 5),
    "many destinations": "destinations: {" + "".join(f"d{n}: {{}}, " for n in range(N // 9)) + "}",
    "many unknown names": f"rules: [{{name: a, to: [{','.join(f'b{n}' for n in range(N // 6))}]}}]",
    "many keys of a destination": config_text("webhook", ", ".join(f"x{n}: 1" for n in range(N // 8))),
    "long text": f"a: {'x' * N}",
    "long quotes": f"a: '{chr(39) * N}'",
    "long number": f"backfill: {{page_size: {'9' * N}}}",
    "long duration": f"backfill: {{every: {'9' * N}s}}",
    "long hours": config_text("rule", f"active: {{timezone: UTC, hours: '{'9' * N}:30-16:00'}}"),
    "long days": config_text("rule", f"active: {{timezone: UTC, days: '{'mon-' * (N // 4)}'}}"),
    "long glob": config_text("rule", f"symbol: '{'*A' * (N // 2)}'"),
    "long brackets": config_text("rule", f"symbol: '{'[' * N}'"),
    "long shape": config_text("rule", f"shape: '{'2U-' * (N // 3)}'"),
    "long mention": config_text("rule", f"mention: '{'<@&' * (N // 3)}'"),
    "long url": config_text("destinations", f"destinations: {{b: {{type: webhook, url: 'http://{'a.' * (N // 2)}'}}}}"),
    "long address": f"http: {{listen: '{'[' * N}:1'}}",
    "long host": f"http: {{hosts: ['{'a-' * (N // 2)}']}}",
    "long rate": config_text("webhook", f"rate_limit: '{'9' * N}/1s'"),
    "long template": config_text("webhook", f"template: '{'{{ a }}' * (N // 64)}'"),
    "dollars": f"stratalerts: {{api_key: '{'$' * N}'}}",
    "open variables": f"stratalerts: {{api_key: '{'${a' * (N // 3)}'}}",
    "open defaults": f"stratalerts: {{api_key: '{'${a:-' * (N // 5)}'}}",
    "nested lists": "a: " + "[" * N,
    "nested mappings": "a: " + "{a: " * (N // 4),
    "nested indents": "".join(" " * n + "a:\n" for n in range(300)),
    "comments": "#" * N + "\n" + "# a\n" * (N // 4),
    "line breaks": "\n" * N + "a: 1",
}  # fmt: skip


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_no_config_of_64_kib_takes_long(text: str) -> None:
    began = time.process_time()
    for fault in faults_of(text):
        assert PLACED.fullmatch(fault)
        assert len(fault) < 2_000
    assert time.process_time() - began < 6  # ten times what the slowest takes; what is quadratic takes minutes


@pytest.mark.parametrize("name", ["laughs", "laughs of mappings", "laughs in rules", "merges", "long template"])
def test_no_config_of_a_few_lines_fills_the_memory(name: str) -> None:
    tracemalloc.start()
    try:
        faults_of(BOMBS[name])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 96 << 20


INJECTIONS = (
    "x', token: 'y", 'x", "a": "b', "x}\nhttp: {listen: 0.0.0.0:80}", "x\n  on_evicted: standby", "*a", "&a x",
    "!!python/name:os", "<<", "${OTHER}", "$${OTHER}", "${OTHER:-x}", "# x", "- x", "{a: 1}", "[1]", "|\n  x", "---",
    "null",
    "true", "1e3", "\u2028x", "%x",
)  # fmt: skip


@pytest.mark.parametrize("value", INJECTIONS, ids=range(len(INJECTIONS)))
def test_a_variable_is_its_text_and_nothing_else(value: str) -> None:
    config = read(config_text("webhook", "template: '${X}'"), env={"X": value, "OTHER": "other"})
    (bot,) = config.destinations.values()
    assert bot.template is not None
    assert bot.template.source == value
    assert config.http == read(config_text("more", "")).http
    assert config.stratalerts.on_evicted == "exit"


GLOBS = (
    "*A*A*A*A*A*A*A*A*A*B", "*" * 200 + "B", "*?" * 100 + "B", "[A*]" * 50 + "*B", "*A?A*" * 30 + "B",
    "**A**" * 30 + "B",
    "[!B]*" * 60 + "B", "[", "[]", "[!]", "[]-a]", "[z-a]", "[--A]", "[[:alpha:]]", "[&&B]", "[A||B]", "[~~]", "\\*",
    "(A+)+$", "A{1,9999}", "^A|B$", ".*", "(?s:.)", "\\Q*", "B*\n*", "*\x00",
)  # fmt: skip


@pytest.mark.parametrize("pattern", GLOBS, ids=range(len(GLOBS)))
def test_no_glob_takes_long_over_any_symbol(pattern: str) -> None:
    index = compile_rules([Rule(name="a", to=("a",), symbols=Symbols(any=(pattern.upper(),), none=(pattern.upper(),)))])
    shapes = compile_rules([Rule(name="a", to=("a",), shapes=(pattern.upper(),))])
    began = time.process_time()
    for text in ("A" * 30, "A" * 20_000, "AB" * 10_000 + "C", "A" * 20_000 + "\n"):
        event = Event(channel=Channel.IN_FORCE, symbol=text, shape=text, data=b"{}")
        assert index.match(event) == ()
        shapes.match(event)
    assert time.process_time() - began < 5


def test_a_watchlist_and_a_secret_of_any_size_are_read_up_to_their_limits(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"A" * (32 << 20))
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("large", "zero"):
        (fault,) = faults_of(config_text("rule", f"symbol_file: {name}"), path=tmp_path / "config.yaml")
        assert "can't be read" in fault
        (fault,) = faults_of(config_text("stratalerts", f"stratalerts: {{api_key_file: {name}}}"), path=tmp_path / "c")
        assert "is larger than" in fault
        with pytest.raises(InvalidConfigError, match="is larger than"):
            load(tmp_path / name, env={})
