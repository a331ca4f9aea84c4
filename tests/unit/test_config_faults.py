"""Every way to get a config wrong that we thought of: what is said, and where."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.config.found import find_config
from relay.config.load import load
from relay.errors import ConfigError, Exit
from tests.support.config_text import SIGNING_SECRET, config_text, faults_of

TABLE = Path(__file__).with_name("config_faults.txt")


def _cases() -> list[tuple[str, str, list[str]]]:
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if line.strip() and not line.startswith("#")]
    cases: list[tuple[str, str, list[str]]] = []
    for indented, group in groupby(lines, key=lambda line: line.startswith(" ")):
        for line in group:
            if indented:
                cases[-1][2].append(line.strip())
            else:
                where, text = line.split(" | ", 1)
                cases.append((where, text.replace("⏎", "\n"), []))
    return cases


@pytest.mark.parametrize(("where", "text", "faults"), _cases())
def test_a_mistake_is_one_fault_at_its_place(where: str, text: str, faults: list[str]) -> None:
    assert faults_of(config_text(where, text)) == faults


def test_the_table_is_long() -> None:
    assert len(_cases()) > 300


def test_all_faults_of_all_stages_are_told_at_once_sorted_by_position() -> None:
    text = """\
stratalerts: {api_key: "${UNSET}", auth: bearr}
http: {listen: 0.0.0.0:80}
log: {level: info, level: debug}
destinations:
  bot: {type: webhook, url: 'http://a/x', secret_file: absent, timeuot: 1s}
rules:
  - {name: a, to: bto, cooldown: 60, threshold: 3, timeframe: [D, Z]}
  - {name: a, to: bot, symbol_file: nowhere}
  - 5
"""
    assert [fault.split(": ")[0] + " " + fault.split(": ")[1] for fault in faults_of(text)] == [
        "1:24 stratalerts.api_key",
        "1:42 stratalerts.auth",
        "2:16 http.listen",
        "3:20 log.level",
        "5:56 destinations.bot.secret_file",
        "5:64 destinations.bot.timeuot",
        "7:19 rules[0].to",
        "7:34 rules[0].cooldown",
        "7:38 rules[0].threshold",
        "7:67 rules[0].timeframe[1]",
        "8:12 rules[1].name",
        "8:37 rules[1].symbol_file",
        "9:5 rules[2]",
    ]


@pytest.mark.parametrize("word", ["Input should", "validation error", "valid dictionary", "Extra inputs", "pydantic"])
def test_no_fault_is_in_the_libraries_own_words(word: str) -> None:
    assert word not in TABLE.read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "1:1: the file can't be read: no such file or directory"),
        (b"", "1:1: the file is empty"),
        (b"# nothing\n---\n", "1:1: the file is empty"),
        (b"- a\n", "1:1: the top of the file is no mapping of keys to values"),
        (b"log: {level: info}\nname: caf\xe9\n", "2:10: this is not UTF-8 text; save the file as UTF-8"),
        (b"log: a\x00b\n", "1:7: the character U+0000 can't be in a config"),
    ],
)
def test_a_file_that_holds_no_config_is_a_config_error(tmp_path: Path, content: bytes | None, expected: str) -> None:
    file = tmp_path / "config.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(file, env={})
    assert str(caught.value).splitlines()[1:] == [f"{file}:{expected}"]
    assert caught.value.exit_code is Exit.CONFIG
    assert caught.value.hint


def test_a_named_config_that_is_not_there_is_told_with_its_full_path_and_what_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load(Path("other.yaml"), env={})
    assert caught.value.hint.startswith(f"Looked for {tmp_path}/other.yaml. `relay init`")


def test_a_directory_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory"):
        load(tmp_path, env={})


def test_the_config_named_on_the_command_line_comes_before_the_environments() -> None:
    assert find_config(Path("a.yaml"), {"RELAY_CONFIG": "b.yaml"}) == Path("a.yaml")
    assert find_config(None, {"RELAY_CONFIG": "b.yaml"}) == Path("b.yaml")


def test_the_config_in_the_working_directory_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("relay.config.found.DEFAULT_PLACES", (Path("config.yaml"), tmp_path / "etc.yaml"))
    with pytest.raises(ConfigError) as caught:
        find_config(None, {})
    assert str(caught.value) == f"there is no config: looked for {tmp_path}/config.yaml and {tmp_path}/etc.yaml"
    assert "`relay init`" in caught.value.hint
    assert caught.value.exit_code is Exit.CONFIG
    monkeypatch.setattr("relay.config.found.DEFAULT_PLACES", (Path("config.yaml"), tmp_path / ("long" * 100)))
    with pytest.raises(ConfigError, match=r"\(file name too long\)"):
        find_config(None, {})
    monkeypatch.setattr("relay.config.found.DEFAULT_PLACES", (Path("config.yaml"), tmp_path / "etc.yaml"))
    (tmp_path / "etc.yaml").touch()
    assert find_config(None, {}) == tmp_path / "etc.yaml"
    (tmp_path / "config.yaml").touch()
    assert find_config(None, {"RELAY_CONFIG": ""}) == Path("config.yaml")


EXAMPLE = yaml.safe_load((Path(__file__).parents[2] / "config.example.yaml").read_text("utf-8"))
ENV = dict.fromkeys(("STRATALERTS_API_KEY", "BOT_SECRET"), SIGNING_SECRET) | {
    f"{name}_URL": "https://a.example/b" for name in ("DISCORD_SWING", "SLACK_DESK", "BOT", "SHEET")
}
ODD: st.SearchStrategy[object] = st.sampled_from(
    ["", "x", "${", "${X}", "$$", "all", "*", "a b", "http://", "http://[", "::", "1/1s", "0s", "é", "whsec_", "{{",
     "sqlite:", "nats://", "alerts.simultaneous_breaks", "quotes", "discord", "apprise", 0, -1, 3, 10**30, 1.5,
     float("inf"), float("nan"), True, None, [], {}, [[]], [None], [{}], {"a": 1}, {"type": "webhook"}, {"by": "x"},
     {"any": []}, {"by": "asset", "routes": {"stocks": "bot"}}, {"D": "green"}, {"D": {"D": {}}}, "mon-fri", "UTC"]
)  # fmt: skip


def _replaced(value: object, draw: st.DataObject, odd: object) -> object:
    """``value`` with one of its parts replaced by ``odd``."""
    if not isinstance(value, dict | list) or not value or draw.draw(st.integers(0, 5)) == 0:
        return odd
    if isinstance(value, list):
        index = draw.draw(st.integers(0, len(value) - 1))
        return [*value[:index], _replaced(value[index], draw, odd), *value[index + 1 :]]
    key = draw.draw(st.sampled_from(sorted(value)))
    return {**value, key: _replaced(value[key], draw, odd)}


@settings(deadline=None)  # the machine may be busy; time is not what is tested
@given(st.data(), ODD, ODD)
def test_no_value_in_any_place_does_worse_than_faults(data: st.DataObject, one: object, other: object) -> None:
    value = _replaced(_replaced(EXAMPLE, data, one), data, other)
    for line in faults_of(yaml.safe_dump(value), env=ENV):
        assert re.match(r"\d+:\d+: \S", line)
        assert "Input should" not in line
